// The way back to the client of one request, for targets that are MCP servers themselves: what they may tell it and ask
// it while the request runs, and its session. Knows no wire; `mcp/` implements it, `targets/mcp-server/` uses it.

import type { JsonObject } from './json.ts';

/** The client's side of one request, as a target that is an MCP server may use it while the request runs. */
export interface ClientLink {
  /** What a server may ask of this client during this request: `clientCapabilities` in the form of 2026-07-28. */
  readonly capabilities: JsonObject;
  /** The least severe log level the client wants; absent: no log messages at all. */
  readonly logLevel?: string;
  /**
   * Hands on `notifications/progress` (without its token: the client's own is put in), `notifications/message` and
   * the like. A promise means that the client is slow, and that nothing more should be read until it resolves.
   */
  notify(method: string, params: JsonObject): Promise<void> | undefined;
  /**
   * Asks the client as servers of earlier revisions do (`elicitation/create`, `sampling/createMessage`, `roots/list`).
   * Absent when this client cannot be asked while its request runs.
   * @returns the client's result @throws RelayedError what the client answered, or that it cannot be asked
   */
  readonly request?: (method: string, params: JsonObject, signal: AbortSignal) => Promise<JsonObject>;
  /** The client's session, where it has one. */
  readonly session?: ClientSession;
}

/** A client's session of an earlier revision, as targets see it. The same in every process of the installation. */
export interface ClientSession {
  /** Stable and unguessable; not the id that the client holds. */
  readonly key: string;
  /** Aborted in this process when the session ends (DELETE or time-out). */
  readonly ended: AbortSignal;
  /** What was last remembered for this target and session, by any process. */
  recall(targetId: string): Promise<string | undefined>;
  /**
   * Remembers a text for this target and session, in place of `replaces` (undefined: in place of nothing).
   * @returns what is remembered now: another process may have been quicker.
   */
  remember(targetId: string, text: string, replaces: string | undefined): Promise<string>;
}

// What passes through the gateway between an MCP client and a target that is an MCP server itself. One canonical form
// inside, that of MCP 2026-07-28: results carry `resultType`, what a server wants from the client is `input_required`.
// `mcp/` translates it for clients of earlier revisions, `targets/mcp-server/` for servers of earlier revisions.

import type { CallContext } from './call.ts';
import type { JsonObject, JsonValue } from './json.ts';

export type { ClientLink, ClientSession } from './client-link.ts';

/** `_meta` keys of MCP 2026-07-28. */
export const META_VERSION = 'io.modelcontextprotocol/protocolVersion';
export const META_CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
export const META_CLIENT_INFO = 'io.modelcontextprotocol/clientInfo';
export const META_LOG_LEVEL = 'io.modelcontextprotocol/logLevel';
export const META_SERVER_INFO = 'io.modelcontextprotocol/serverInfo';
export const META_SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';
/** The tasks extension (SEP-2663). */
export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';

/** A JSON-RPC error that a target answered, handed on to the client; also what a client answered to a server's request. */
export class RelayedError extends Error {
  readonly code: number;
  readonly data: JsonValue | undefined;

  constructor(code: number, message: string, data?: JsonValue) {
    super(message);
    this.name = 'RelayedError';
    this.code = code;
    this.data = data;
  }
}

/** What to be told of. The names are those of the filter of `subscriptions/listen`. */
export interface ListenFilter {
  readonly toolsListChanged?: boolean;
  readonly promptsListChanged?: boolean;
  readonly resourcesListChanged?: boolean;
  readonly resourceSubscriptions?: readonly string[];
  readonly taskIds?: readonly string[];
}

/** What is known to be wrong with a target at the moment. */
export interface TargetHealth {
  readonly state: 'unreachable' | 'unresponsive' | 'failing';
  /** For people; holds no secret. */
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/**
 * An MCP server behind the gateway, whatever its revision. Ids, progress tokens and session ids of its wire never
 * leave it. One per target and process; it outlives snapshots as long as the target's configuration stays.
 */
export interface UpstreamServer {
  /** Aborts what runs, lets sessions and processes go. */
  close(): Promise<void>;
  readonly health: () => TargetHealth | undefined;
  /** A name for the kind of errors that the log shows: never the URL's query. */
  readonly label: string;
  /**
   * Sends one request (`tools/call`, `prompts/get`, `resources/read`, `completion/complete`, a list, a tasks method)
   * in the server's own names, `params` in the canonical form: `_meta` holds what the client sent apart from the
   * protocol's own keys; a `progressToken` of any value there asks for progress; `inputResponses` and `requestState`
   * are the server's own. `plan` is what discovery wrote down of the tool (CatalogueEntry), where the caller has it:
   * without it a server that wants arguments repeated in headers is asked for its tools first.
   * @returns the server's result untouched but for the canonical form (`resultType` is always there)
   * @throws RelayedError what the server answered; GatewayError Upstream… when there was no answer
   */
  request(method: string, params: JsonObject, call: CallContext, plan?: string): Promise<JsonObject>;
  /** Follows changes until closed; finds its way back by itself after a lost connection. */
  listen(filter: ListenFilter, onEvent: (method: string, params: JsonObject) => void): Listening;
}

export interface Listening {
  update(filter: ListenFilter): void;
  close(): void;
}

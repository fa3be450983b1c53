// A request on its way out and the answer to it. Built by target types, completed by credentials, sent by upstream/.

import type { Trace } from './observation.ts';

export interface OutboundRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /**
   * The path as it is sent and signed, where a URL would change it: names of objects may hold `/../`. Origin and query
   * are the URL's.
   */
  readonly path?: string;
  /** For credentials that sign: what the request is signed for, where its maker knows. */
  readonly signing?: Signing;
}

/** Scope and manner of a request's signature (SigV4). */
export interface Signing {
  readonly service: string;
  readonly region?: string;
  /** The path is signed as it is sent, as by S3, instead of encoded once more. */
  readonly isPathEncodedOnce?: boolean;
}

export interface UpstreamResponse {
  readonly status: number;
  /** Lower-case names; a repeated header's values are joined by `, ` (set-cookie: first only). */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** How an upstream has refused a request: what a credential needs to know of the answer to get another. */
export type Refusal = Pick<UpstreamResponse, 'status' | 'headers'>;

export interface EgressOptions {
  readonly signal?: AbortSignal;
  /** The trace that the request belongs to (CallContext.trace). */
  readonly trace?: Trace;
  /** Whole call, connect included. Milliseconds. */
  readonly timeoutMs: number;
  /** After content decoding. A larger body is an `UpstreamInvalid` error. */
  readonly maxResponseBytes: number;
  /** Redirects to follow, each checked anew and without the request's credentials on another origin. Default 0. */
  readonly maxRedirects?: number;
  /** The body as it was sent, whatever its content coding: objects are stored in codings of their own. */
  readonly keepsCoding?: boolean;
}

export interface StreamOptions {
  readonly signal?: AbortSignal;
  readonly trace?: Trace;
  /** Until the head of the answer is there, connect included. Milliseconds. */
  readonly headersTimeoutMs: number;
}

/** An answer whose body is still coming. */
export interface UpstreamStream {
  readonly status: number;
  /** As in UpstreamResponse. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * The body's bytes, decoded, to be read once and to the end or until `return`; nothing more is taken off the socket
   * while nobody reads. @throws GatewayError as `request`.
   */
  readonly body: AsyncIterable<Buffer>;
  /** Lets go of the rest. */
  cancel(): void;
}

/** The one door to the outside (implemented in upstream/). Never follows redirects unless told to. */
export interface Egress {
  /**
   * Sends one request and reads the whole answer.
   * @throws GatewayError UpstreamBlocked (address not allowed), UpstreamRefused (no connection),
   * UpstreamTimeout, UpstreamInvalid (malformed or too large answer).
   */
  request(request: OutboundRequest, options: EgressOptions): Promise<UpstreamResponse>;
  /**
   * Sends one request and gives the answer as soon as its head is there.
   * @throws GatewayError as `request`
   */
  stream(request: OutboundRequest, options: StreamOptions): Promise<UpstreamStream>;
}

/** Programs that the operator configured, each an MCP server over stdin and stdout (implemented in upstream/stdio/). */
export interface StdioServers {
  /** Names that targets may use, in order. */
  readonly names: readonly string[];
  /**
   * Starts one more process of a configured server.
   * @throws GatewayError UpstreamRefused (no such server, does not start), Throttled (too many run already)
   */
  start(name: string): Promise<StdioChannel>;
}

/** One running process: one JSON-RPC message a line, both ways. */
export interface StdioChannel {
  /** Resolves when the process can take more. @throws GatewayError UpstreamRefused when it is gone */
  send(line: string): Promise<void>;
  onLine(listener: (line: string) => void): void;
  /** Called once, with a reason for people, when the process is gone or was stopped. */
  onExit(listener: (reason: string) => void): void;
  /** Ends it and everything it started: stdin closed, then signals to its process group. */
  close(): Promise<void>;
}

/** Where the document says a credential belongs, for one operation. */
export interface CredentialPlacement {
  readonly in: 'header' | 'query' | 'cookie';
  readonly name: string;
  /** For example `Bearer`; put before the value with one space. */
  readonly prefix?: string;
}

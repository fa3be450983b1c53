// The one context that travels with a call, passed explicitly. Secrets never enter it.

import type { CallCredential } from './call-credential.ts';
import type { ClientLink } from './client-link.ts';
import type { Trace } from './observation.ts';
import type { Principal } from './principal.ts';

export interface Log {
  error(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  debug(fields: LogFields, message: string): void;
}

/** Only plain values can be logged; objects cannot slip in with a secret inside. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface CallContext {
  readonly requestId: string;
  /** The id of the JSON-RPC request, as the client gave it. */
  readonly messageId?: string | number | bigint;
  readonly gatewayId: string;
  readonly principal: Principal;
  /** Aborted when the client goes away or the deadline passes. */
  readonly signal: AbortSignal;
  /** Monotonic milliseconds (`performance.now()`) after which nothing more is waited for. */
  readonly deadline: number;
  readonly log: Log;
  /** The trace that the call is part of, for what leaves on its behalf. */
  readonly trace?: Trace;
  /** Inbound headers in lower case and the gateway URL's query: raw material for allow-listed propagation. */
  readonly inboundHeaders: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly inboundQuery: URLSearchParams;
  /** Adds a header to the answer; without effect once the answer has begun. */
  readonly setResponseHeader?: (name: string, value: string) => void;
  /** What the caller wishes of a consent that may be needed (`_meta` of AgentCore's tools/call). */
  readonly consent?: { readonly returnUrl?: string; readonly forceAuthentication?: boolean };
  /** Where uses of the target's credential are noted; absent where nothing is recorded, and for work of nobody's. */
  readonly credential?: CallCredential;
  /** The way back to the client, for targets that are MCP servers; absent for calls that need none. */
  readonly client?: ClientLink;
}

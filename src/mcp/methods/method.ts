// What a method handler is given and gives back. A handler knows nothing of HTTP.

import type { Audit } from '../../core/audit.ts';
import type { CallContext } from '../../core/call.ts';
import type { JsonObject } from '../../core/json.ts';
import type { ClientLink } from '../../core/client-link.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ToolSearch } from '../../search/tool-search.ts';
import type { Mailbox } from '../../sessions/session.ts';
import type { McpSession } from '../../sessions/session.ts';
import type { GatewaySnapshot } from '../../snapshot/snapshot.ts';
import type { Headers } from '../era.ts';
import type { RpcRequest } from '../message.ts';
import type { ParkedCalls } from '../parked.ts';
import type { Tokens } from '../tokens.ts';

export interface MethodContext {
  readonly snapshot: GatewaySnapshot;
  readonly request: RpcRequest;
  /** The protocol version this request is answered in. */
  readonly version: string;
  readonly isModern: boolean;
  readonly headers: Headers;
  readonly session?: McpSession;
  readonly call: CallContext;
  readonly clock: Clock;
  /** What the client declared, for this request or at its handshake, in the form of 2026-07-28. */
  readonly capabilities: () => JsonObject;
  /** The way back to the client while the request runs. */
  readonly link: () => ClientLink;
  readonly tokens: () => Tokens;
  readonly parked: ParkedCalls;
  readonly mailbox: Mailbox;
  readonly search: Pick<ToolSearch, 'search'>;
  readonly audit: Audit;
  /** Address of the client. */
  readonly remoteAddress?: string;
  /** Whether this caller may see a tool; absent: it may see all. */
  readonly mayList?: MayList;
  /** Fields for the access log that only the handler knows. */
  readonly note: (fields: Noted) => void;
  /** What has been noted so far. */
  readonly noted: Readonly<Noted>;
}

/** What a handler finds out about its call. */
export interface Noted {
  tool?: string;
  targetId?: string;
  isError?: boolean;
  /** Milliseconds that the target took. */
  targetMs?: number;
}

/** Whether a caller may see a tool, by the name clients use. To those that may not it does not exist. */
export type MayList = (name: string) => boolean;

/** Gives the JSON text of the result. */
export type Method = (ctx: MethodContext) => Promise<string> | string;

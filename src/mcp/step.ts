// What the steps of one request hand to each other, and what they share in one process. Types only.

import type { RequestHead } from '../authorizers/authorizer.ts';
import type { Audit } from '../core/audit.ts';
import type { Log } from '../core/call.ts';
import type { Trace } from '../core/observation.ts';
import type { Principal } from '../core/principal.ts';
import type { Sealer } from '../core/sealer.ts';
import type { Clock } from '../lib/clock.ts';
import type { ToolSearch } from '../search/tool-search.ts';
import type { Mailbox } from '../sessions/session.ts';
import type { Sessions } from '../sessions/session.ts';
import type { GatewaySnapshot } from '../snapshot/snapshot.ts';
import type { CallStreams } from './call-streams.ts';
import type { ChangesServices } from './changes.ts';
import type { EventStream } from './event-stream.ts';
import type { ListenServices } from './listen.ts';
import type { MayList, Noted } from './methods/method.ts';
import type { ParkedCalls } from './parked.ts';

export interface McpExchange {
  readonly requestId: string;
  readonly gatewayId: string;
  readonly head: RequestHead;
  readonly query: URLSearchParams;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  /** The trace that the request is part of. */
  readonly trace?: Trace;
  /** @throws GatewayError TooLarge */
  readBody(): Promise<Buffer>;
}

/** One wide line for the access log. */
export interface AccessRecord extends Noted {
  method?: string;
  version?: string;
  code?: number;
  reason?: string;
  principal?: string;
}

export interface McpServices extends ChangesServices {
  readonly snapshotOf: (gatewayId: string) => GatewaySnapshot | undefined;
  /** The same for one that is not known, and may have been made just now by another process. */
  readonly seekSnapshot: (gatewayId: string) => Promise<GatewaySnapshot | undefined>;
  /** URL of the RFC 9728 document of a gateway. */
  readonly metadataUrlOf: (gatewayId: string) => string;
  readonly sessions: Sessions;
  readonly mailbox: Mailbox;
  readonly sealer: Sealer;
  readonly search: Pick<ToolSearch, 'search'>;
  /** Which tools a caller may see; absent, or undefined for a caller: all. */
  readonly mayListOf?: (snapshot: GatewaySnapshot, principal: Principal) => MayList | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: nothing is recorded. */
  readonly audit?: Audit;
}

/** What all requests of the process share. */
export interface Plane extends ListenServices {
  readonly services: McpServices;
  readonly parked: ParkedCalls;
  readonly streams: CallStreams;
  /** GET streams by session key. */
  readonly listening: Map<string, EventStream>;
}

/** One request that has been let in. */
export interface Step {
  readonly plane: Plane;
  readonly exchange: McpExchange;
  readonly snapshot: GatewaySnapshot;
  readonly principal: Principal;
  readonly record: AccessRecord;
  /** Allow-listed headers of the target's answer. */
  responseHeaders?: Record<string, string>;
}

// What a method handler is given and gives back. A handler knows nothing of HTTP.

import type { CallContext } from '../../core/call.ts';
import type { GatewaySnapshot } from '../../snapshot/snapshot.ts';
import type { RpcRequest } from '../message.ts';

export interface MethodContext {
  readonly snapshot: GatewaySnapshot;
  readonly request: RpcRequest;
  /** The protocol version this request is answered in. */
  readonly version: string;
  readonly isModern: boolean;
  readonly call: CallContext;
  /** Fields for the access log that only the handler knows. */
  readonly note: (fields: { tool?: string; targetId?: string; isError?: boolean }) => void;
}

/** Gives the JSON text of the result. */
export type Method = (ctx: MethodContext) => Promise<string> | string;

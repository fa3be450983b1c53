// What the audit log is told of those who are turned away before anybody could ask what they want: at the figures, at the
// control plane with a body that nobody can read, by a host name that is not this server's, from a page that may not call.
// What they sent is in no record.

import type { HttpBindings } from '@hono/node-server';
import { OWN_SOURCE, userAgentOf } from '../core/audit.ts';
import type { Audit } from '../core/audit.ts';
import type { ErrorCode } from '../core/errors.ts';
import { claimedAccessKeyId } from '../core/sigv4-verify.ts';
import type { ClientAddress } from './client-address.ts';

const DOORS = Object.freeze({
  gateway: { eventName: 'InvokeGateway', isReadOnly: false, reason: 'not a host name of this server' },
  origin: { eventName: 'InvokeGateway', isReadOnly: false, reason: 'pages of this origin may not call' },
  metrics: { eventName: 'GetMetrics', isReadOnly: true, reason: 'not the token of GATEWRIGHT_METRICS_TOKEN' },
  host: { eventName: 'UnknownOperation', isReadOnly: false, reason: 'not a host name of this server' },
  'control plane': { eventName: 'UnknownOperation', isReadOnly: false, reason: 'the body could not be read' },
});

export type Door = keyof typeof DOORS;

/** Tells of one request. */
export function recordTurnedAway(
  audit: Audit | undefined,
  door: Door,
  errorCode: ErrorCode,
  incoming: HttpBindings['incoming'],
  addressOf: ClientAddress,
  of: { readonly gatewayId?: string; readonly requestId?: string } = {},
): void {
  if (!audit || audit.mode === 'off') return;
  const { eventName, isReadOnly, reason } = DOORS[door];
  const address = 'httpVersion' in incoming ? addressOf(incoming) : undefined;
  const accessKeyId = claimedAccessKeyId(incoming.headersDistinct);
  audit.record({
    eventName,
    ...(door === 'metrics' ? { eventSource: OWN_SOURCE } : {}),
    category: eventName === 'InvokeGateway' ? 'Data' : 'Management',
    isReadOnly,
    actor: { kind: 'unknown', ...(accessKeyId === undefined ? {} : { accessKeyId }) },
    ...userAgentOf(incoming.headersDistinct),
    ...(address === undefined ? {} : { sourceIpAddress: address }),
    ...of,
    errorCode,
    decision: 'deny',
    reason,
  });
}

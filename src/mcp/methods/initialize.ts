// `initialize`: the handshake of revisions up to 2025-11-25. The client's version is echoed where this gateway has it,
// else its newest is offered (MCP lifecycle, version negotiation).

import type { JsonObject } from '../../core/json.ts';
import { SERVER_INFO } from '../../core/server-info.ts';
import type { GatewaySnapshot } from '../../snapshot/snapshot.ts';
import { serverCapabilities } from '../capabilities.ts';
import type { Method } from './method.ts';

export const initialize: Method = ({ snapshot, request }) => {
  const hasSession = snapshot.sessionTimeoutMs !== undefined;
  return JSON.stringify({
    protocolVersion: negotiatedVersion(snapshot, request.params),
    capabilities: serverCapabilities(snapshot, { isModern: false, hasSession }),
    serverInfo: SERVER_INFO,
    ...(snapshot.instructions === undefined ? {} : { instructions: snapshot.instructions }),
  });
};

/** The version that the handshake settles on. */
export function negotiatedVersion({ legacyVersions }: GatewaySnapshot, params: JsonObject): string {
  const requested = params['protocolVersion'];
  return legacyVersions.find((offered) => offered === requested) ?? legacyVersions[0] ?? '';
}

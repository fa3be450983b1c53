// `initialize`: the handshake of revisions up to 2025-11-25. The client's version is echoed where this gateway has it,
// else its newest is offered (MCP lifecycle, version negotiation). No session is made: every request stands alone.

import type { Method } from './method.ts';
import { SERVER_INFO } from '../server-info.ts';

export const initialize: Method = ({ snapshot, request }) => {
  const { legacyVersions } = snapshot;
  const requested = request.params['protocolVersion'];
  const version = legacyVersions.find((offered) => offered === requested) ?? legacyVersions[0];
  return JSON.stringify({
    protocolVersion: version,
    capabilities: { tools: { listChanged: false } },
    serverInfo: SERVER_INFO,
    ...(snapshot.instructions === undefined ? {} : { instructions: snapshot.instructions }),
  });
};

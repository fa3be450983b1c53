// The target type for MCP servers: AgentCore's `mcp.mcpServer`. This is the plug-in's face and holds no logic of its
// own: discover.ts lists what a server offers, server.ts talks to it.

import { invalidField } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { PreparedTarget, TargetServices, TargetType } from '../target-type.ts';
import { checkMcpServer, parseEndpoint } from './check.ts';
import { discoverMcpServer } from './discover.ts';
import { createMcpServer } from './server.ts';

/** `MCP_SERVER`. */
export const mcpServerTargetType = {
  type: 'MCP_SERVER',
  member: ['mcp', 'mcpServer'],
  credentialTypes: ['API_KEY', 'OAUTH', 'GATEWAY_IAM_ROLE', 'CALLER_IAM_CREDENTIALS', 'JWT_PASSTHROUGH'],
  check: checkMcpServer,
  discover: discoverMcpServer,
  prepare: prepareMcpServer,
} as const satisfies TargetType;

function prepareMcpServer(config: JsonObject, services: TargetServices): PreparedTarget {
  const endpoint = parseEndpoint(config['endpoint']);
  if (!endpoint) throw invalidField('targetConfiguration.mcp.mcpServer.endpoint', 'is not an address.');
  return { server: createMcpServer(endpoint, services) };
}

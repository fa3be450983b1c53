// MCP servers that are programs on this machine, talked to over stdin and stdout. Which programs there are is the
// operator's configuration alone: nothing that comes over the network can name a command.

import { GatewayError } from '../../core/errors.ts';
import type { StdioServers } from '../../core/outbound.ts';

/** No programs are configured: targets cannot name any. */
export const NO_STDIO_SERVERS: StdioServers = Object.freeze({
  names: [],
  start: (name: string) =>
    Promise.reject(
      new GatewayError('UpstreamRefused', `The operator has configured no stdio server named ${name}.`),
    ),
});

// MCP servers that are programs on this machine, talked to over stdin and stdout. Which programs there are is the
// operator's configuration alone: nothing that comes over the network can name a command.

import type { Log } from '../../core/call.ts';
import { GatewayError } from '../../core/errors.ts';
import type { StdioChannel, StdioServers } from '../../core/outbound.ts';
import { systemClock } from '../../lib/clock.ts';
import type { Clock } from '../../lib/clock.ts';
import { openChannel } from './channel.ts';
import type { StdioServerConfiguration } from './configuration.ts';
import { createMemoryWatch } from './memory-watch.ts';
import { createWarden } from './warden.ts';

const RETRY_AFTER_MS = 1_000;

/** The configured servers, and the end of all their processes. */
export interface OpenStdioServers extends StdioServers {
  /** Ends every process; nothing can be started any more. */
  close(): Promise<void>;
}

/** Nothing runs before it is asked for. */
export function createStdioServers(
  configured: readonly StdioServerConfiguration[],
  log: Log,
  clock: Clock = systemClock,
): OpenStdioServers {
  const servers = new Map(configured.map((server) => [server.name, server]));
  const running = new Map<string, number>();
  const channels = new Set<StdioChannel>();
  const services = {
    log,
    clock,
    memory: createMemoryWatch(log),
    warden: createWarden(configured[0]?.env['PATH'], log),
  };
  let isClosed = false;

  function count(name: string, change: 1 | -1): void {
    running.set(name, (running.get(name) ?? 0) + change);
  }

  return Object.freeze({
    names: Object.freeze([...servers.keys()]),
    async start(name: string): Promise<StdioChannel> {
      const server = servers.get(name);
      if (!server)
        throw new GatewayError(
          'UpstreamRefused',
          `The operator has configured no stdio server named ${name}.`,
        );
      if (isClosed) throw new GatewayError('UpstreamRefused', 'The gateway is stopping.');
      if ((running.get(name) ?? 0) >= server.maxProcesses)
        throw new GatewayError(
          'Throttled',
          `${server.maxProcesses} processes of the stdio server ${name} run already, no more are allowed (maxProcesses).`,
          { retryAfterMs: RETRY_AFTER_MS },
        );
      count(name, 1);
      try {
        const { channel, gone } = await openChannel(server, services);
        channels.add(channel);
        if (isClosed) void channel.close();
        void gone.finally(() => {
          channels.delete(channel);
          count(name, -1);
        });
        return channel;
      } catch (thrown) {
        count(name, -1);
        throw thrown;
      }
    },
    async close(): Promise<void> {
      isClosed = true;
      await Promise.all([...channels].map((channel) => channel.close()));
      services.warden.close();
    },
  });
}

/** No programs are configured: targets cannot name any. */
export const NO_STDIO_SERVERS: StdioServers = Object.freeze({
  names: [],
  start: (name: string) =>
    Promise.reject(
      new GatewayError('UpstreamRefused', `The operator has configured no stdio server named ${name}.`),
    ),
});

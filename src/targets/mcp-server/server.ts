// An MCP server behind the gateway, as core/relay.ts wants it: one client for an HTTP endpoint, or a process for each
// session of a program; its health; and one hub for all who follow its changes.

import type { CallContext } from '../../core/call.ts';
import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { UpstreamServer } from '../../core/relay.ts';
import type { TargetServices } from '../target-type.ts';
import { showEndpoint } from './check.ts';
import type { Endpoint } from './check.ts';
import { createMcpClient } from './client.ts';
import type { McpClient } from './client.ts';
import { createHealthRecord } from './health.ts';
import { createHttpTransport } from './http.ts';
import { createLegacySessions } from './legacy-sessions.ts';
import { DEFAULT_LIMITS } from './transport.ts';
import type { Limits } from './transport.ts';

/** What discovery needs besides: how the server describes itself. */
export interface McpServer extends UpstreamServer {
  describe: McpClient['describe'];
}

/** Nothing is connected or started before the first request. */
export function createMcpServer(
  endpoint: Endpoint,
  services: TargetServices,
  limits: Limits = DEFAULT_LIMITS,
): McpServer {
  const { clock } = services;
  const closing = new AbortController();
  const health = createHealthRecord(clock);
  const onChange = (_method: string, _params: JsonObject): void => undefined;
  if ('program' in endpoint)
    throw new GatewayError('Validation', 'stdio targets are not available in this version.');
  const transport = createHttpTransport(endpoint.url, services, limits);
  const sessions = createLegacySessions(transport, {
    targetId: services.targetId,
    endpoint: showEndpoint(endpoint),
    clock,
    limits,
    closing: closing.signal,
  });
  const client = createMcpClient({
    transport,
    sessions,
    services,
    limits,
    closing: closing.signal,
    onChange,
  });

  async function watch<T>(call: CallContext, work: () => Promise<T>): Promise<T> {
    if (closing.signal.aborted)
      throw new GatewayError('UpstreamRefused', 'The target has been changed or deleted.');
    try {
      const result = await work();
      health.succeeded();
      return result;
    } catch (thrown) {
      const isGivenUp = call.signal.aborted && clock.monotonic() < call.deadline;
      health.failed(thrown, isGivenUp || closing.signal.aborted);
      throw thrown;
    }
  }

  return {
    label: showEndpoint(endpoint),
    health: () => health.state(),
    describe: (call) => watch(call, () => client.describe(call)),
    request: (method, params, call, plan) =>
      watch(call, () => {
        const signal = AbortSignal.any([call.signal, closing.signal]);
        return client.request(method, params, { ...call, signal }, plan);
      }),
    listen: () => ({ update: () => undefined, close: () => undefined }),
    async close() {
      closing.abort();
      await sessions.close();
    },
  };
}

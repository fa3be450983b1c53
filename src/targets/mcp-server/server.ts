// An MCP server behind the gateway, as core/relay.ts wants it: an HTTP endpoint or programs of one name, with a record
// of its health and one hub for all who follow its changes.

import type { CallContext } from '../../core/call.ts';
import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { UpstreamServer } from '../../core/relay.ts';
import type { TargetServices } from '../target-type.ts';
import { showEndpoint } from './check.ts';
import type { Endpoint } from './check.ts';
import { createMcpClient } from './client.ts';
import type { McpClient } from './client.ts';
import { detach, ownContext, whileCalled } from './context.ts';
import { followLegacy, followModern } from './follow.ts';
import { openSession, sessionHeaders } from './handshake.ts';
import { createHealthRecord } from './health.ts';
import { createHttpTransport } from './http.ts';
import { createListenHub } from './hub.ts';
import type { Follow } from './hub.ts';
import { createLegacySessions } from './legacy-sessions.ts';
import { createPrograms } from './programs.ts';
import { checkResult } from './result-shape.ts';
import { withoutInvalidTools } from './tool-index.ts';
import { DEFAULT_LIMITS } from './transport.ts';
import type { Limits } from './transport.ts';

/** What discovery needs besides. */
export interface McpServer extends UpstreamServer {
  /** How the server describes itself. */
  describe: McpClient['describe'];
  /** A request whose result is given as it is, tools included that must not be offered. */
  ask: McpClient['request'];
}

/** What differs between an endpoint and programs. */
interface Connection {
  /** Runs some work with the client for a call. */
  use<T>(call: CallContext, work: (client: McpClient) => Promise<T>): Promise<T>;
  follow: Follow;
  close(): Promise<void>;
}

interface ConnectionOptions {
  readonly label: string;
  readonly services: TargetServices;
  readonly limits: Limits;
  /** Aborted when the target is closed. */
  readonly closing: AbortSignal;
  readonly onChange: (method: string, params: JsonObject) => void;
}

/** Nothing is connected or started before the first request. */
export function createMcpServer(
  endpoint: Endpoint,
  services: TargetServices,
  limits: Limits = DEFAULT_LIMITS,
): McpServer {
  const { clock } = services;
  const label = showEndpoint(endpoint);
  const closing = new AbortController();
  const health = createHealthRecord(clock);
  const options: ConnectionOptions = {
    label,
    services,
    limits,
    closing: closing.signal,
    onChange: (method, params) => hub.deliver(method, params),
  };
  const connection =
    'program' in endpoint
      ? connectPrograms(endpoint.program, options)
      : connectEndpoint(endpoint.url, options);
  const hub = createListenHub(connection.follow, limits, clock);

  async function watch<T>(call: CallContext, work: (client: McpClient) => Promise<T>): Promise<T> {
    if (closing.signal.aborted)
      throw new GatewayError('UpstreamRefused', 'The target has been changed or deleted.');
    try {
      const result = await connection.use(call, work);
      health.succeeded();
      return result;
    } catch (thrown) {
      const isGivenUp = call.signal.aborted && clock.monotonic() < call.deadline;
      health.failed(thrown, isGivenUp || closing.signal.aborted);
      throw thrown;
    }
  }

  const ask: McpClient['request'] = (method, params, call, plan) => {
    const signal = AbortSignal.any([call.signal, closing.signal]);
    return watch(call, (client) => client.request(method, params, { ...call, signal }, plan));
  };

  return {
    label,
    health: () => health.state(),
    describe: (call) => watch(call, (client) => client.describe(call)),
    ask,
    async request(method, params, call, plan) {
      const result = await ask(method, params, call, plan);
      checkResult(method, result, label);
      return method === 'tools/list' ? withoutInvalidTools(result) : result;
    },
    listen: (filter, onEvent) => hub.listen(filter, onEvent),
    async close() {
      closing.abort();
      hub.close();
      await connection.close();
    },
  };
}

function connectEndpoint(url: URL, options: ConnectionOptions): Connection {
  const { label, services, limits, closing, onChange } = options;
  const { clock, log, targetId } = services;
  const transport = createHttpTransport(url, services, limits);
  const sessions = createLegacySessions(transport, { targetId, endpoint: label, clock, limits, closing });
  const client = createMcpClient({ transport, sessions, services, limits, closing, onChange });
  return {
    use: (_call, work) => work(client),
    async follow(options) {
      const ctx = ownContext(log, clock, options.signal, limits.handshakeMs);
      const following = { transport, clock, limits, ctx };
      const { era } = await client.era(ctx);
      if (era === 'modern') return followModern(options, following);
      const session = await openSession(transport, {}, ctx);
      try {
        await followLegacy(options, session, following);
      } finally {
        const farewell = detach(ctx, clock, AbortSignal.timeout(limits.farewellMs), limits.farewellMs);
        if (session.id !== undefined)
          void transport
            .endSession({ ctx: farewell, headers: sessionHeaders(session) })
            .catch(() => undefined);
      }
    },
    close: () => sessions.close(),
  };
}

function connectPrograms(name: string, options: ConnectionOptions): Connection {
  const { services, limits, label, closing } = options;
  const { clock, log } = services;
  const programs = createPrograms({ name, ...options });
  return {
    use: (call, work) => programs.use(call, ({ client }) => work(client)),
    follow(options) {
      const ctx = ownContext(log, clock, AbortSignal.any([options.signal, closing]), limits.handshakeMs);
      return programs.use(ctx, async ({ client, transport, sessions, gone }) => {
        const following = { transport, clock, limits, ctx, gone: () => whileCalled(gone, ctx, label) };
        const { era } = await client.era(ctx);
        if (era === 'modern') return followModern(options, following);
        return followLegacy(options, await sessions.find(ctx), following);
      });
    },
    close: () => programs.close(),
  };
}

// What tests of targets that are MCP servers need: the real egress client for this machine, contexts of calls with and
// without a client, discovery contexts, and a server whose every answer the test writes by hand.

import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CallContext, Log } from '../../src/core/call.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { ANONYMOUS } from '../../src/core/principal.ts';
import type { ClientLink, ClientSession } from '../../src/core/relay.ts';
import type { DiscoverContext, TargetServices } from '../../src/targets/target-type.ts';
import { createEgressClient } from '../../src/upstream/client.ts';
import { createEgressGuard, parseAllowRule } from '../../src/upstream/guard.ts';
import { targetServices } from './target-services.ts';

const silent = (): void => undefined;
const LOG: Log = { error: silent, warn: silent, info: silent, debug: silent };

/** Services with a real client that may reach this machine. */
export function networkServices(change: Partial<TargetServices> = {}) {
  const egress = createEgressClient({ guard: createEgressGuard([parseAllowRule('127.0.0.1')]) });
  return { egress, services: targetServices({ ...change, egress }) };
}

/** A call that nobody gives up, unless told. */
export function callOf(change: Partial<CallContext> = {}): CallContext {
  return {
    requestId: 'test',
    gatewayId: 'gw',
    principal: ANONYMOUS,
    signal: new AbortController().signal,
    deadline: performance.now() + 30_000,
    log: LOG,
    inboundHeaders: {},
    inboundQuery: new URLSearchParams(),
    ...change,
  };
}

export interface RecordedClient extends ClientLink {
  readonly notifications: { readonly method: string; readonly params: JsonObject }[];
}

/** A client that records what it is told. */
export function clientOf(change: Partial<ClientLink> = {}): RecordedClient {
  const notifications: { method: string; params: JsonObject }[] = [];
  return {
    notifications,
    capabilities: {},
    notify(method, params) {
      notifications.push({ method, params });
      return undefined;
    },
    ...change,
  };
}

/** What several processes remember of one client's session. */
export function createSession(key: string, memory = new Map<string, string>()) {
  const ending = new AbortController();
  const session: ClientSession = {
    key,
    ended: ending.signal,
    recall: (targetId) => Promise.resolve(memory.get(targetId)),
    remember(targetId, text, replaces) {
      if (memory.get(targetId) === replaces) memory.set(targetId, text);
      return Promise.resolve(memory.get(targetId) ?? text);
    },
  };
  return { session, memory, end: () => ending.abort() };
}

export function discoverContext(
  services: TargetServices,
  change: Partial<DiscoverContext> = {},
): DiscoverContext {
  return {
    settings: {},
    readSource: () => Promise.reject(new Error('nothing is read in this test')),
    openServices: () => Promise.resolve(services),
    signal: new AbortController().signal,
    log: LOG,
    ...change,
  };
}

/** One request that reached a scripted server. */
export interface ScriptedRequest {
  readonly httpMethod: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** The JSON-RPC message; empty for GET and DELETE. */
  readonly message: JsonObject & { readonly method?: string; readonly params?: JsonObject };
  readonly response: ServerResponse;
  /** Resolves when the gateway has gone away before the answer was complete. */
  readonly abandoned: Promise<void>;
  json(body: unknown, status?: number, headers?: Record<string, string>): void;
  result(result: JsonObject, headers?: Record<string, string>): void;
  error(code: number, message: string, status?: number, data?: unknown): void;
  /** Begins an event stream; each call writes one event. */
  events(headers?: Record<string, string>): (message: unknown, id?: string) => void;
}

export type Script = (request: ScriptedRequest) => unknown;

export interface ScriptedServer {
  readonly url: string;
  readonly requests: ScriptedRequest[];
  /** How the requests are answered from now on. */
  answer(script: Script): void;
  /** The first request that fits, past or to come. */
  seen(fits: (request: ScriptedRequest) => boolean): Promise<ScriptedRequest>;
  methods(): (string | undefined)[];
  close(): Promise<void>;
}

/** A server of either era, or of none, that does what the test says. */
export async function openScriptedServer(script: Script): Promise<ScriptedServer> {
  const requests: ScriptedRequest[] = [];
  let current = script;
  let waiting: (() => void)[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const request = toRequest(incoming, Buffer.concat(chunks).toString('utf8'), response);
      requests.push(request);
      for (const tell of waiting.splice(0)) tell();
      current(request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    requests,
    answer: (next) => void (current = next),
    async seen(fits) {
      for (;;) {
        const found = requests.find(fits);
        if (found) return found;
        await new Promise<void>((resolve) => void (waiting = [...waiting, resolve]));
      }
    },
    methods: () => requests.map(({ message, httpMethod }) => message.method ?? httpMethod),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function toRequest(incoming: IncomingMessage, body: string, response: ServerResponse): ScriptedRequest {
  const message = (body === '' ? {} : JSON.parse(body)) as ScriptedRequest['message'];
  const id = message['id'];
  const json: ScriptedRequest['json'] = (content, status = 200, headers = {}) =>
    void response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(typeof content === 'string' ? content : JSON.stringify(content));
  return {
    httpMethod: incoming.method ?? '',
    url: incoming.url ?? '',
    headers: incoming.headers,
    message,
    response,
    abandoned: new Promise((resolve) => {
      response.once('close', () => {
        if (!response.writableFinished) resolve();
      });
    }),
    json,
    result: (result, headers) => json({ jsonrpc: '2.0', id, result }, 200, headers),
    error: (code, text, status = 200, data) =>
      json({ jsonrpc: '2.0', id: id ?? null, error: { code, message: text, data } }, status),
    events(headers = {}) {
      response.writeHead(200, { 'content-type': 'text/event-stream', ...headers });
      return (event, eventId) =>
        void response.write(
          `${eventId === undefined ? '' : `id: ${eventId}\n`}data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`,
        );
    },
  };
}

/** Does the handshakes of the legacy era, refuses the modern one, and leaves the rest to the test. */
export const legacyScript =
  (script: Script, session?: string): Script =>
  (request) => {
    const { message, httpMethod } = request;
    switch (message.method) {
      case 'server/discover':
        return request.error(-32_601, 'Method not found');
      case 'initialize':
        return request.result(
          {
            protocolVersion: '2025-11-25',
            capabilities: { tools: {}, logging: {} },
            serverInfo: { name: 'scripted', version: '1' },
          },
          session === undefined ? {} : { 'mcp-session-id': session },
        );
      case 'notifications/initialized':
      case 'notifications/cancelled':
        return request.response.writeHead(202).end();
      default:
        if (httpMethod === 'DELETE') return request.response.writeHead(204).end();
        return script(request);
    }
  };

/** Answers `server/discover` as a server of 2026-07-28 does, and leaves the rest to the test. */
export const modernScript =
  (script: Script): Script =>
  (request) =>
    request.message.method === 'server/discover'
      ? request.result({
          resultType: 'complete',
          supportedVersions: ['2026-07-28'],
          capabilities: { tools: {} },
          ttlMs: 0,
          cacheScope: 'private',
        })
      : script(request);

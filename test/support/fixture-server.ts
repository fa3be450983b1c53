// The fixture: an MCP server on a free port that has everything the MCP conformance suite asks for and what our own
// tests need, for clients of both eras on one URL. Built on the published server packages, so that the gateway is
// tested against an implementation that is not its own.

import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  localhostHostValidation,
  localhostOriginValidation,
  toNodeHandler,
} from '@modelcontextprotocol/node';
import type { NodeIncomingMessageLike } from '@modelcontextprotocol/node';
import type { ServerContext } from '@modelcontextprotocol/server';
import {
  ProtocolError,
  ProtocolErrorCode,
  Server,
  classifyInboundRequest,
  createMcpHandler,
} from '@modelcontextprotocol/server';
import { isJsonObject } from '../../src/core/json.ts';
import type { JsonObject } from '../../src/core/json.ts';
import {
  complete,
  getPrompt,
  listPrompts,
  listResources,
  listTemplates,
  readResource,
} from './fixture-content.ts';
import { FixtureFront } from './fixture-front.ts';
import { FixtureSessions } from './fixture-sessions.ts';
import { FixtureState } from './fixture-state.ts';
import type { FixtureEvent, FixtureOptions, FixtureRequest } from './fixture-state.ts';
import { FixtureTasks } from './fixture-tasks.ts';
import { text, tool } from './fixture-tool.ts';
import type { FixtureCall, FixtureTool } from './fixture-tool.ts';
import { OWN_TOOLS, TASK_TOOLS } from './fixture-tools-own.ts';
import { SUITE_TOOLS } from './fixture-tools-suite.ts';

/** What every request meets: served, never answered, cut off, or answered with 500. */
type Behaviour = 'serve' | 'hang' | 'refuse' | 'fail';

export interface FixtureServer {
  readonly url: string;
  readonly events: readonly FixtureEvent[];
  readonly requests: readonly FixtureRequest[];
  /** Ids of the sessions that are open. */
  readonly sessions: readonly string[];
  /** The first event of this kind (and value), past or to come. */
  seen(kind: string, value?: unknown): Promise<FixtureEvent>;
  behave(behaviour: Behaviour): void;
  /** Cuts every connection, as a network may. */
  cut(): void;
  loseSessions(): Promise<void>;
  addTool(name: string): void;
  removeTool(name: string): void;
  addPrompt(name: string): void;
  changeResources(): void;
  touch(uri: string): void;
  close(): Promise<void>;
}

const TOOLS: readonly FixtureTool[] = [...SUITE_TOOLS, ...OWN_TOOLS, ...TASK_TOOLS];
const byName = new Map(TOOLS.map((known) => [known.definition.name, known]));
const vendorTool = tool('vendor_blocks', 'Answers in words of its own', {}, () => text('unreachable'), {
  'x-vendor-tool-field': { kept: true },
  _meta: { 'com.example/tool': 'kept' },
});

const extraTool = (name: string): FixtureTool =>
  tool(name, 'A tool that comes and goes', {}, () => text(`Here for now: ${name}`));

function listTools(state: FixtureState): readonly JsonObject[] {
  const extra = [...state.extraTools].sort().map(extraTool);
  return [...TOOLS, ...(state.options.vendor ? [vendorTool] : []), ...extra].map(
    ({ definition }) => definition,
  );
}

/** A server object for one request, or for one session with its subscriptions. */
function createFixture(state: FixtureState, subscriptions?: Set<string>): Server {
  const server = new Server(
    { name: state.options.name ?? 'fixture', version: '1.0.0', title: 'Fixture' },
    {
      instructions: 'For tests only.',
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
        completions: {},
        logging: {},
        ...(subscriptions ? {} : { extensions: { 'io.modelcontextprotocol/tasks': {} } }),
      },
    },
  );
  const callOf = (params: JsonObject | undefined, ctx: ServerContext): FixtureCall => ({
    args: (params?.['arguments'] ?? {}) as JsonObject,
    ctx,
    state,
    capabilities: (server.getClientCapabilities() ?? {}) as JsonObject,
  });
  const paged = (
    all: readonly unknown[],
    params: { cursor?: string | undefined } | undefined,
    member: string,
  ) => {
    try {
      const { entries, ...rest } = state.page(all, params?.cursor);
      return { [member]: entries, ...rest } as never;
    } catch {
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'Unknown cursor');
    }
  };
  server.setRequestHandler('tools/list', ({ params }) => paged(listTools(state), params, 'tools'));
  server.setRequestHandler('tools/call', ({ params }, ctx) => {
    const { name } = params;
    const found = byName.get(name) ?? (state.extraTools.has(name) ? extraTool(name) : undefined);
    if (!found) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${name}`);
    return found.run(callOf(params as JsonObject, ctx));
  });
  server.setRequestHandler('prompts/list', ({ params }) => paged(listPrompts(state), params, 'prompts'));
  server.setRequestHandler('prompts/get', ({ params }, ctx) =>
    getPrompt(params.name, callOf(params as JsonObject, ctx)),
  );
  server.setRequestHandler('resources/list', ({ params }) => paged(listResources(), params, 'resources'));
  server.setRequestHandler('resources/templates/list', ({ params }) =>
    paged(listTemplates(), params, 'resourceTemplates'),
  );
  server.setRequestHandler('resources/read', ({ params }) => readResource(params.uri));
  server.setRequestHandler('completion/complete', ({ params }) => complete(params as unknown as JsonObject));
  if (subscriptions) {
    server.setRequestHandler('resources/subscribe', ({ params }) => {
      subscriptions.add(params.uri);
      state.tell('subscribed', params.uri);
      return {};
    });
    server.setRequestHandler('resources/unsubscribe', ({ params }) => {
      subscriptions.delete(params.uri);
      state.tell('unsubscribed', params.uri);
      return {};
    });
  }
  return server;
}

async function readBody(request: IncomingMessage): Promise<JsonObject | undefined> {
  let read = '';
  for await (const chunk of request.setEncoding('utf8')) read += String(chunk);
  if (read === '') return undefined;
  const body: unknown = JSON.parse(read);
  return isJsonObject(body) ? body : undefined;
}

export async function openFixtureServer(options: FixtureOptions = {}): Promise<FixtureServer> {
  const { eras = 'both', record = true } = options;
  const state = new FixtureState(options);
  const tasks = new FixtureTasks(state);
  const front = new FixtureFront(state, tasks);
  const modern = createMcpHandler(() => createFixture(state), { legacy: 'reject' });
  const handleModern = toNodeHandler(modern);
  const sessions = new FixtureSessions(state, (subscriptions) => createFixture(state, subscriptions));
  const isLocalHost = localhostHostValidation();
  const isLocalOrigin = localhostOriginValidation();
  let behaviour: Behaviour = 'serve';

  state.news = {
    toolsChanged() {
      sessions.tell((server) => server.sendToolListChanged());
      modern.notify.toolsChanged();
    },
    promptsChanged() {
      sessions.tell((server) => server.sendPromptListChanged());
      modern.notify.promptsChanged();
    },
    resourcesChanged() {
      sessions.tell((server) => server.sendResourceListChanged());
      modern.notify.resourcesChanged();
    },
    resourceUpdated(uri) {
      sessions.tell((server, subscriptions) =>
        subscriptions.has(uri) ? server.sendResourceUpdated({ uri }) : undefined,
      );
      modern.notify.resourceUpdated(uri);
    },
    taskChanged: (task) => front.tellOfTask(task),
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (behaviour === 'hang') return;
    if (behaviour === 'refuse') return void request.socket.destroy();
    if (behaviour === 'fail') return void response.writeHead(500).end('out of order');
    // Both have answered by themselves when they say no.
    if (!isLocalHost(request, response) || !isLocalOrigin(request, response)) return;
    const body = await readBody(request);
    const httpMethod = request.method ?? '';
    if (record) state.requests.push({ httpMethod, headers: request.headers, body });
    const header = request.headers['mcp-protocol-version'];
    const isModern =
      httpMethod === 'POST' &&
      classifyInboundRequest({
        httpMethod,
        body,
        ...(typeof header === 'string' ? { protocolVersionHeader: header } : {}),
      }).kind !== 'legacy';
    if (front.answer(request, response, body, isModern && eras !== 'legacy')) return;
    if (isModern ? eras === 'legacy' : eras !== 'modern') await sessions.handle(request, response, body);
    else await handleModern(request as NodeIncomingMessageLike, response, body);
  }

  const http = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      state.tell('fault', String(error));
      if (!response.headersSent) response.writeHead(400).end();
      else response.destroy();
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    events: state.events,
    requests: state.requests,
    get sessions() {
      return sessions.ids;
    },
    seen: (kind, value) => state.seen(kind, value),
    behave: (wish) => void (behaviour = wish),
    cut: () => http.closeAllConnections(),
    loseSessions: () => sessions.lose(),
    addTool(name) {
      state.extraTools.add(name);
      state.news.toolsChanged();
    },
    removeTool(name) {
      state.extraTools.delete(name);
      state.news.toolsChanged();
    },
    addPrompt(name) {
      state.extraPrompts.add(name);
      state.news.promptsChanged();
    },
    changeResources: () => state.news.resourcesChanged(),
    touch: (uri) => state.news.resourceUpdated(uri),
    async close() {
      tasks.close();
      await sessions.lose();
      await modern.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

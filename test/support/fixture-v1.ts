// A second, smaller MCP server for tests, of sessions only, built on the first generation of the server package: an
// implementation independent of fixture-server.ts, with the same names for the same things.

import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  CreateMessageResultSchema,
  ElicitResultSchema,
  ErrorCode,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListResourcesRequestSchema,
  ListRootsResultSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type {
  CallToolResult,
  ReadResourceResult,
  ServerNotification,
  ServerRequest,
} from '@modelcontextprotocol/sdk/types.js';
import type { FixtureServer } from './fixture-server.ts';
import { FixtureState } from './fixture-state.ts';
import { PNG, pause } from './fixture-tool.ts';

/** What both fixtures can be told, and tell. */
export type AnyFixture = Pick<
  FixtureServer,
  'url' | 'events' | 'sessions' | 'seen' | 'addTool' | 'addPrompt' | 'touch' | 'close'
>;

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;
type Run = (
  args: Readonly<Record<string, unknown>>,
  extra: Extra,
  state: FixtureState,
) => Promise<CallToolResult>;

const words = (text: string): CallToolResult => ({ content: [{ type: 'text', text }] });

async function progress({ _meta, sendNotification }: Extra, done: number, total: number, message: string) {
  const progressToken = _meta?.progressToken;
  if (progressToken === undefined) return;
  await sendNotification({
    method: 'notifications/progress',
    params: { progressToken, progress: done, total, message },
  });
}

const TOOLS: Readonly<Record<string, { args: Readonly<Record<string, string>>; run: Run }>> = {
  test_simple_text: {
    args: {},
    run: () => Promise.resolve(words('This is a simple text response for testing.')),
  },
  test_tool_with_progress: {
    args: {},
    async run(_args, extra) {
      for (const done of [0, 50, 100]) await progress(extra, done, 100, `Completed ${done} of 100`);
      return words('Progress was reported.');
    },
  },
  test_tool_with_logging: {
    args: {},
    async run(_args, extra) {
      for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed'])
        await extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data } });
      return words('Three messages were logged.');
    },
  },
  test_sampling: {
    args: { prompt: 'string' },
    async run({ prompt }, { sendRequest }) {
      const { content } = await sendRequest(
        {
          method: 'sampling/createMessage',
          params: {
            messages: [{ role: 'user', content: { type: 'text', text: String(prompt) } }],
            maxTokens: 100,
          },
        },
        CreateMessageResultSchema,
      );
      return words(`LLM response: ${JSON.stringify(content.type === 'text' ? content.text : content)}`);
    },
  },
  test_elicitation: {
    args: { message: 'string' },
    async run({ message }, { sendRequest }) {
      const { action, content } = await sendRequest(
        {
          method: 'elicitation/create',
          params: {
            message: String(message),
            requestedSchema: {
              type: 'object',
              properties: { username: { type: 'string' }, email: { type: 'string' } },
              required: ['username', 'email'],
            },
          },
        },
        ElicitResultSchema,
      );
      return words(`User response: action=${action}, content=${JSON.stringify(content ?? {})}`);
    },
  },
  visit: {
    args: { url: 'string' },
    async run({ url }, { sendRequest }) {
      const { action } = await sendRequest(
        {
          method: 'elicitation/create',
          params: { mode: 'url', message: 'Please sign in', url: String(url), elicitationId: randomUUID() },
        },
        ElicitResultSchema,
      );
      return words(`visit: ${action}`);
    },
  },
  test_input_required_result_list_roots: {
    args: {},
    async run(_args, { sendRequest }) {
      const { roots } = await sendRequest({ method: 'roots/list' }, ListRootsResultSchema);
      return words(JSON.stringify(roots));
    },
  },
  slow_echo: {
    args: { ms: 'number', value: 'string' },
    async run({ ms, value }, extra, state) {
      state.tell('slow_echo started', value);
      try {
        for (let step = 0; step < 4; step += 1) {
          await progress(extra, step, 4, String(value));
          await pause(Number(ms) / 4, extra.signal);
        }
      } catch (error) {
        if (extra.signal.aborted) state.tell('slow_echo cancelled', value);
        throw error;
      }
      state.tell('slow_echo finished', value);
      return { ...words(JSON.stringify({ value })), structuredContent: { value } };
    },
  },
  session_counter: {
    args: {},
    run(_args, { sessionId = '' }, state) {
      const calls = (state.calls.get(sessionId) ?? 0) + 1;
      state.calls.set(sessionId, calls);
      const structuredContent = { calls, hasSession: sessionId !== '' };
      return Promise.resolve({ ...words(JSON.stringify(structuredContent)), structuredContent });
    },
  },
};

const schemaOf = (args: Readonly<Record<string, string>>) => ({
  type: 'object' as const,
  properties: Object.fromEntries(Object.entries(args).map(([name, type]) => [name, { type }])),
  required: Object.keys(args),
});

function read(uri: string): ReadResourceResult {
  const [, id] = /^test:\/\/template\/([^/]+)\/data$/.exec(uri) ?? [];
  if (id !== undefined)
    return { contents: [{ uri, mimeType: 'application/json', text: JSON.stringify({ id }) }] };
  switch (uri) {
    case 'test://static-text':
      return {
        contents: [{ uri, mimeType: 'text/plain', text: 'This is the content of the static text resource.' }],
      };
    case 'test://static-binary':
      return { contents: [{ uri, mimeType: 'image/png', blob: PNG }] };
    case 'test://watched-resource':
      return { contents: [{ uri, mimeType: 'text/plain', text: 'Watched.' }] };
    default:
      throw new McpError(-32002, 'Resource not found', { uri });
  }
}

function createSessionServer(state: FixtureState, subscriptions: Set<string>): Server {
  const server = new Server(
    { name: 'fixture-v1', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        completions: {},
        logging: {},
      },
    },
  );
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [
      ...Object.entries(TOOLS).map(([name, { args }]) => ({
        name,
        description: name,
        inputSchema: schemaOf(args),
      })),
      ...[...state.extraTools].map((name) => ({ name, description: name, inputSchema: schemaOf({}) })),
    ],
  }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) => {
    if (state.extraTools.has(params.name)) return words(`Here for now: ${params.name}`);
    const tool = TOOLS[params.name];
    if (!tool) throw new McpError(ErrorCode.InvalidParams, `Unknown tool: ${params.name}`);
    return tool.run(params.arguments ?? {}, extra, state);
  });
  server.setRequestHandler(ListPromptsRequestSchema, () => ({
    prompts: [
      { name: 'test_simple_prompt', description: 'A prompt' },
      {
        name: 'test_prompt_with_arguments',
        description: 'A prompt with arguments',
        arguments: ['arg1', 'arg2'].map((name) => ({ name, required: true })),
      },
      ...[...state.extraPrompts].map((name) => ({ name, description: name })),
    ],
  }));
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => {
    const { arg1, arg2 } = params.arguments ?? {};
    if (!params.name.startsWith('test_') && !state.extraPrompts.has(params.name))
      throw new McpError(ErrorCode.InvalidParams, `Unknown prompt: ${params.name}`);
    const text =
      params.name === 'test_prompt_with_arguments'
        ? `Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`
        : 'This is a simple prompt for testing.';
    return { messages: [{ role: 'user', content: { type: 'text', text } }] };
  });
  server.setRequestHandler(CompleteRequestSchema, ({ params: { argument } }) => {
    const known = argument.name === 'id' ? ['101', '102', '203'] : ['paris', 'park', 'party'];
    const values = known.filter((value) => value.startsWith(argument.value));
    return { completion: { values, total: values.length, hasMore: false } };
  });
  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: ['static-text', 'static-binary', 'watched-resource'].map((name) => ({
      uri: `test://${name}`,
      name,
    })),
  }));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: [{ uriTemplate: 'test://template/{id}/data', name: 'template-data' }],
  }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => read(params.uri));
  server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
    subscriptions.add(params.uri);
    state.tell('subscribed', params.uri);
    return {};
  });
  server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
    subscriptions.delete(params.uri);
    return {};
  });
  return server;
}

export async function openFixtureV1(): Promise<AnyFixture> {
  const state = new FixtureState({});
  const sessions = new Map<
    string,
    { transport: StreamableHTTPServerTransport; server: Server; subscriptions: Set<string> }
  >();
  const tell = (say: (server: Server, subscriptions: Set<string>) => Promise<void> | undefined): void => {
    for (const { server, subscriptions } of sessions.values())
      say(server, subscriptions)?.catch(() => undefined);
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = request.headers['mcp-session-id'];
    if (typeof id === 'string') {
      const session = sessions.get(id);
      if (session) await session.transport.handleRequest(request, response);
      else response.writeHead(404).end();
      return;
    }
    const subscriptions = new Set<string>();
    const server = createSessionServer(state, subscriptions);
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (started) => {
        sessions.set(started, { transport, server, subscriptions });
        state.tell('session started', started);
      },
      onsessionclosed: (ended) => {
        sessions.delete(ended);
        state.tell('session ended', ended);
      },
    });
    await server.connect(transport);
    await transport.handleRequest(request, response);
  }

  const http = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    events: state.events,
    get sessions() {
      return [...sessions.keys()];
    },
    seen: (kind, value) => state.seen(kind, value),
    addTool(name) {
      state.extraTools.add(name);
      tell((server) => server.sendToolListChanged());
    },
    addPrompt(name) {
      state.extraPrompts.add(name);
      tell((server) => server.sendPromptListChanged());
    },
    touch: (uri) =>
      tell((server, subscriptions) =>
        subscriptions.has(uri) ? server.sendResourceUpdated({ uri }) : undefined,
      ),
    async close() {
      for (const { transport } of sessions.values()) await transport.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

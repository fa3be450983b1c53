// The official MCP clients of both generations behind one face, for tests that want the same of each: the first
// generation (sessions only), and the second in both eras.

import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  PromptListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { MODERN } from './mcp-client.ts';

type Data = Record<string, unknown>;
export type ClientKind = 'v1' | 'v2 with sessions' | 'v2 of 2026-07-28';

export interface Answers {
  elicit?: (params: Data) => Data;
  sample?: (params: Data) => Data;
  roots?: readonly { readonly uri: string; readonly name?: string }[];
}

export interface CallWish {
  readonly onprogress?: (progress: { progress: number; total?: number; message?: string }) => void;
  readonly signal?: AbortSignal;
}

export interface SdkClient {
  readonly kind: ClientKind;
  readonly isModern: boolean;
  /** Log messages, changed lists and updated resources, in the order of their arrival. */
  readonly heard: readonly { readonly method: string; readonly params: Data }[];
  /** Resolves with the first such message, past or to come. */
  hears(method: string, matches?: (params: Data) => boolean): Promise<Data>;
  /** Forgets what it heard. */
  forget(): void;
  /** What it answers servers from now on. */
  answer(answers: Answers): void;
  version(): string | undefined;
  capabilities(): Data;
  call(name: string, args?: Data, wish?: CallWish): Promise<Data>;
  listTools(): Promise<readonly string[]>;
  listPrompts(): Promise<readonly string[]>;
  listResources(): Promise<readonly string[]>;
  listTemplates(): Promise<readonly string[]>;
  getPrompt(name: string, args?: Record<string, string>): Promise<Data>;
  readResource(uri: string): Promise<Data>;
  complete(ref: Data, name: string, value: string): Promise<readonly string[]>;
  /** Wants log messages from `info` on with everything that follows. */
  wantLogs(): Promise<void>;
  /** Wants to hear of changes: of lists, and of one resource. */
  follow(uri: string): Promise<void>;
  close(): Promise<void>;
}

const CAPABILITIES = { elicitation: { form: {}, url: {} }, sampling: {}, roots: { listChanged: true } };
const HEARD = {
  'notifications/message': LoggingMessageNotificationSchema,
  'notifications/tools/list_changed': ToolListChangedNotificationSchema,
  'notifications/prompts/list_changed': PromptListChangedNotificationSchema,
  'notifications/resources/updated': ResourceUpdatedNotificationSchema,
} as const;
type HeardMethod = keyof typeof HEARD;
const HEARD_METHODS = Object.keys(HEARD) as HeardMethod[];
const info = { name: 'gatewright-test', version: '1.0.0' };

/** Keeps what arrives and wakes who waits for it. */
class Ear {
  readonly heard: { method: string; params: Data }[] = [];
  #waiting: { method: string; matches: (params: Data) => boolean; resolve: (params: Data) => void }[] = [];

  hear(method: string, params: Data): void {
    this.heard.push({ method, params });
    this.#waiting = this.#waiting.filter((one) => {
      if (one.method !== method || !one.matches(params)) return true;
      one.resolve(params);
      return false;
    });
  }

  forget(): void {
    this.heard.length = 0;
  }

  hears(method: string, matches: (params: Data) => boolean): Promise<Data> {
    const past = this.heard.find((one) => one.method === method && matches(one.params));
    if (past) return Promise.resolve(past.params);
    return new Promise((resolve) => this.#waiting.push({ method, matches, resolve }));
  }
}

const names = (entries: readonly { readonly name: string }[]): string[] => entries.map(({ name }) => name);

/** All pages of a list. */
async function pages<T>(
  list: (cursor: string | undefined) => Promise<{ entries: readonly T[]; nextCursor?: string | undefined }>,
): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await list(cursor);
    all.push(...page.entries);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return all;
}

async function connectV1(url: string): Promise<SdkClient> {
  const ear = new Ear();
  let answers: Answers = {};
  const client = new ClientV1(info, { capabilities: CAPABILITIES });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => answers.elicit?.(params as Data) as never);
  client.setRequestHandler(
    CreateMessageRequestSchema,
    ({ params }) => answers.sample?.(params as Data) as never,
  );
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [...(answers.roots ?? [])] }));
  for (const method of HEARD_METHODS)
    client.setNotificationHandler(HEARD[method], ({ params }) => ear.hear(method, (params ?? {}) as Data));
  const transport = new TransportV1(new URL(url));
  await client.connect(transport);
  const at = (cursor: string | undefined) => (cursor === undefined ? {} : { cursor });
  return {
    kind: 'v1',
    isModern: false,
    heard: ear.heard,
    hears: (method, matches = () => true) => ear.hears(method, matches),
    forget: () => ear.forget(),
    answer: (given) => void (answers = given),
    version: () => transport.protocolVersion,
    capabilities: () => client.getServerCapabilities() ?? {},
    call: (name, args = {}, wish = {}) =>
      client.callTool({ name, arguments: args }, undefined, wish as never),
    listTools: () =>
      pages(async (cursor) => {
        const { tools, nextCursor } = await client.listTools(at(cursor));
        return { entries: names(tools), nextCursor };
      }),
    listPrompts: () =>
      pages(async (cursor) => {
        const { prompts, nextCursor } = await client.listPrompts(at(cursor));
        return { entries: names(prompts), nextCursor };
      }),
    listResources: () =>
      pages(async (cursor) => {
        const { resources, nextCursor } = await client.listResources(at(cursor));
        return { entries: resources.map(({ uri }) => uri), nextCursor };
      }),
    listTemplates: () =>
      pages(async (cursor) => {
        const { resourceTemplates, nextCursor } = await client.listResourceTemplates(at(cursor));
        return { entries: resourceTemplates.map(({ uriTemplate }) => uriTemplate), nextCursor };
      }),
    getPrompt: (name, args) => client.getPrompt({ name, ...(args ? { arguments: args } : {}) }),
    readResource: (uri) => client.readResource({ uri }),
    complete: async (ref, name, value) =>
      (await client.complete({ ref: ref as never, argument: { name, value } })).completion.values,
    wantLogs: async () => void (await client.setLoggingLevel('info')),
    follow: async (uri) => void (await client.subscribeResource({ uri })),
    async close() {
      await transport.terminateSession().catch(() => undefined);
      await client.close();
    },
  };
}

async function connectV2(url: string, isModern: boolean): Promise<SdkClient> {
  const ear = new Ear();
  let answers: Answers = {};
  let meta: Data = {};
  const client = new ClientV2(info, {
    capabilities: CAPABILITIES,
    versionNegotiation: { mode: isModern ? { pin: MODERN } : 'legacy' },
  });
  client.setRequestHandler('elicitation/create', ({ params }) => answers.elicit?.(params as Data) as never);
  client.setRequestHandler(
    'sampling/createMessage',
    ({ params }) => answers.sample?.(params as Data) as never,
  );
  client.setRequestHandler('roots/list', () => ({ roots: [...(answers.roots ?? [])] }));
  for (const method of HEARD_METHODS)
    client.setNotificationHandler(method, ({ params }) => ear.hear(method, (params ?? {}) as Data));
  const transport = new TransportV2(new URL(url));
  await client.connect(transport);
  const fresh = { cacheMode: 'bypass' } as never;
  return {
    kind: isModern ? 'v2 of 2026-07-28' : 'v2 with sessions',
    isModern,
    heard: ear.heard,
    hears: (method, matches = () => true) => ear.hears(method, matches),
    forget: () => ear.forget(),
    answer: (given) => void (answers = given),
    version: () => client.getNegotiatedProtocolVersion(),
    capabilities: () => client.getServerCapabilities() ?? {},
    call: (name, args = {}, wish = {}) =>
      client.callTool({ name, arguments: args, ...(isModern ? { _meta: meta } : {}) }, wish as never),
    // This client reads all pages of a list by itself.
    listTools: async () => names((await client.listTools(undefined, fresh)).tools),
    listPrompts: async () => names((await client.listPrompts(undefined, fresh)).prompts),
    listResources: async () => (await client.listResources(undefined, fresh)).resources.map(({ uri }) => uri),
    listTemplates: async () =>
      (await client.listResourceTemplates(undefined, fresh)).resourceTemplates.map(
        ({ uriTemplate }) => uriTemplate,
      ),
    getPrompt: (name, args) => client.getPrompt({ name, ...(args ? { arguments: args } : {}) }),
    readResource: (uri) => client.readResource({ uri }, fresh),
    complete: async (ref, name, value) =>
      (await client.complete({ ref: ref as never, argument: { name, value } })).completion.values,
    async wantLogs() {
      if (isModern) meta = { 'io.modelcontextprotocol/logLevel': 'info' };
      else await client.setLoggingLevel('info');
    },
    async follow(uri) {
      if (isModern)
        await client.listen({
          toolsListChanged: true,
          promptsListChanged: true,
          resourceSubscriptions: [uri],
        });
      else await client.subscribeResource({ uri });
    },
    async close() {
      if (!isModern) await transport.terminateSession().catch(() => undefined);
      await client.close();
    },
  };
}

export const CLIENT_KINDS: readonly ClientKind[] = ['v1', 'v2 with sessions', 'v2 of 2026-07-28'];

export const connectSdk = (kind: ClientKind, url: string): Promise<SdkClient> =>
  kind === 'v1' ? connectV1(url) : connectV2(url, kind === 'v2 of 2026-07-28');

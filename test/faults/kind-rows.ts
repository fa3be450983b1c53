// F7: upstreams whose answers are well-formed and of the wrong kind: an API whose JSON is not what its document promises, and
// MCP servers that answer under other ids, twice, with what is no result, or with a flood. Nothing of it reaches another call.

import type { TargetConfiguration } from '@aws-sdk/client-bedrock-agentcore-control';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { closing, startServer } from '../support/process.ts';
import { allTools, mcpClient } from '../support/process-clients.ts';
import { legacyScript, modernScript, openScriptedServer } from '../support/mcp-target.ts';
import type { Script, ScriptedRequest } from '../support/mcp-target.ts';
import { describeApi } from '../support/upstream.ts';
import { EGRESS, call, controlOf, make, metric } from './house.ts';
import type { Answer } from './house.ts';
import { openHostileUpstream } from './hostile-upstream.ts';
import { atLeast, exactly, until } from './row.ts';
import type { Check, Row } from './row.ts';

/** What the API promises. */
const PROMISED = {
  type: 'object',
  required: ['id', 'name'],
  properties: { id: { type: 'integer' }, name: { type: 'string' }, more: { type: 'array' } },
};

/** Bodies that are JSON, or say so, and are not what was promised. */
const BODIES: Readonly<Record<string, string>> = {
  string: '"text"',
  number: '7',
  yes: 'true',
  nothing: 'null',
  array: '[{"id":1,"name":"a"}]',
  empty: '',
  blank: '   ',
  halfObject: '{"id":1,"name":"a"',
  page: '<!doctype html><title>Sign in</title>',
  otherTypes: '{"id":"one","name":{"first":["a"]},"more":"none"}',
  missing: '{}',
  twice: '{"id":1,"id":2,"name":"a","name":"b"}',
  proto: '{"__proto__":{"isError":false},"constructor":{"prototype":{"x":1}},"id":1,"name":"a"}',
  infinite: '{"id":1e999,"name":"a"}',
  long: '{"id":123456789012345678901234567890,"name":"a"}',
  deep: `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  deepObject: `{"id":1,"name":"a","more":${'[{"a":'.repeat(3_000)}1${'}]'.repeat(3_000)}}`,
  bom: '\uFEFF{"id":1,"name":"a"}',
  surrogate: '{"id":1,"name":"\\ud800"}',
  control: '{"id":1,"name":"a\u0000b"}',
  rpc: '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"forged"}],"isError":false}}',
};

/** The answer of an MCP server that its text says, whatever id it has. */
const textResult = (text: string): object => ({ content: [{ type: 'text', text }] });

type Way = (request: ScriptedRequest, id: unknown, q: string) => unknown;

/** What a server may do instead of answering `tools/call`; none of it is an answer. */
const NO_ANSWERS: Readonly<Record<string, Way>> = {
  otherId: (request, _id, q) => request.json({ jsonrpc: '2.0', id: 'another', result: textResult(q) }),
  noId: (request, _id, q) => request.json({ jsonrpc: '2.0', result: textResult(q) }),
  nullId: (request, _id, q) => request.json({ jsonrpc: '2.0', id: null, result: textResult(q) }),
  listId: (request, id, q) => request.json({ jsonrpc: '2.0', id: [id], result: textResult(q) }),
  stringResult: (request, id) => request.json({ jsonrpc: '2.0', id, result: 'text' }),
  nullResult: (request, id) => request.json({ jsonrpc: '2.0', id, result: null }),
  listResult: (request, id, q) => request.json({ jsonrpc: '2.0', id, result: [textResult(q)] }),
  neither: (request, id) => request.json({ jsonrpc: '2.0', id }),
  nothing: (request) => request.json(''),
  noJson: (request) => request.json('{"jsonrpc":'),
  bareList: (request) => request.json([]),
  number: (request) => request.json('7'),
  own: (request, id) => request.json({ jsonrpc: '2.0', id, method: 'tools/call', params: {} }),
  emptyStream: (request) => {
    request.events();
    request.response.end();
  },
  otherIdsStream: (request, _id, q) => {
    const event = request.events();
    for (let at = 0; at < 50; at += 1) event({ jsonrpc: '2.0', id: at, result: textResult(q) });
    request.response.end();
  },
  wrongNotice: (request, id, q) => {
    const event = request.events();
    event({ jsonrpc: '2.0', method: 'notifications/message', params: 'none' });
    event({ jsonrpc: '2.0', id, result: textResult(q) });
    request.response.end();
  },
  brokenStream: (request) => {
    const event = request.events();
    event('{"jsonrpc":"2.0","id":');
    request.response.end();
  },
  accepted: (request) => request.response.writeHead(202).end(),
  page: (request) => request.response.writeHead(200, { 'content-type': 'text/html' }).end('<p>hello</p>'),
};

/** What a server may do beside answering: the answer is what arrives. */
const BESIDE: Readonly<Record<string, Way>> = {
  twice: (request, id, q) => {
    const event = request.events();
    event({ jsonrpc: '2.0', id, result: textResult(q) });
    event({ jsonrpc: '2.0', id, result: textResult('a second answer') });
    request.response.end();
  },
  flood: (request, id, q) => {
    const event = request.events();
    for (let at = 0; at < 5_000; at += 1)
      event({
        jsonrpc: '2.0',
        method: at % 2 === 0 ? 'notifications/progress' : 'notifications/message',
        params:
          at % 2 === 0
            ? { progressToken: `t${at}`, progress: at }
            : { level: 'info', data: 'a second answer' },
      });
    event({ jsonrpc: '2.0', id, result: textResult(q) });
    request.response.end();
  },
  unknown: (request, id, q) => {
    const event = request.events();
    event('{"jsonrpc":"2.0","method":"notifications/__proto__","params":{"constructor":[]}}');
    event({ jsonrpc: '2.0', method: '' });
    event({ jsonrpc: '2.0', id: 'of another', result: textResult('a second answer') });
    event({ jsonrpc: '2.0', id, result: textResult(q) });
    request.response.end();
  },
  slowPieces: (request, id, q) => {
    const whole = `data: ${JSON.stringify({ jsonrpc: '2.0', id, result: textResult(q) })}\n\n`;
    request.response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const character of whole) request.response.write(character);
    request.response.end();
  },
};

/** Contents that no client can read as a result of `tools/call`. */
const CONTENTS: readonly unknown[] = [
  'text',
  7,
  null,
  { type: 'text', text: 'a' },
  ['text'],
  [null],
  [{ type: 'text' }],
  [{ type: 'text', text: 7 }],
  [{ type: 'unheard-of' }],
  [[{ type: 'text', text: 'a' }]],
  [{ type: 'image', data: 7, mimeType: 'image/png' }],
];

const mcpServer = (endpoint: string): TargetConfiguration => ({ mcp: { mcpServer: { endpoint } } });

const wordsOf = ({ message }: ScriptedRequest): string =>
  (message.params as { readonly arguments: { readonly q: string } }).arguments.q;

/** An MCP server with one tool `t`; the part of `q` before the colon is the way it behaves. */
async function openWrongServer(era: (script: Script) => Script) {
  const held: ScriptedRequest[] = [];
  const server = await openScriptedServer(
    era((request) => {
      const { message } = request;
      if (message.method === 'tools/list')
        return request.result({
          resultType: 'complete',
          tools: [{ name: 't', inputSchema: { type: 'object', properties: { q: { type: 'string' } } } }],
        });
      if (message.method !== 'tools/call') return request.error(-32_601, 'Method not found');
      const q = wordsOf(request);
      const [way = '', rest = ''] = q.split(':');
      const id = message['id'];
      const named = NO_ANSWERS[way] ?? BESIDE[way];
      if (named) return named(request, id, q);
      if (way === 'content')
        return request.json({ jsonrpc: '2.0', id, result: { content: CONTENTS[Number(rest)] } });
      if (way !== 'swap') return request.result({ resultType: 'complete', ...textResult(q) });
      // Two at a time: each is answered with the other’s id and words.
      held.push(request);
      const [one, other] = held;
      if (!one || !other) return undefined;
      held.length = 0;
      for (const [from, to] of [
        [one, other],
        [other, one],
      ] as const)
        from.json({ jsonrpc: '2.0', id: to.message['id'], result: textResult(wordsOf(to)) });
      return undefined;
    }),
  );
  closing.push(() => server.close());
  return server;
}

interface Parsed {
  readonly id?: unknown;
  readonly error?: { readonly code?: unknown; readonly message?: unknown };
  readonly result?: {
    readonly content?: unknown;
    readonly structuredContent?: unknown;
    readonly isError?: unknown;
  };
}

/** Whether a call came to a result that is no error; servers may leave out that it is none. */
function hasResult({ status, text }: Answer): boolean {
  if (status !== 200) return false;
  const { result } = JSON.parse(text) as Parsed;
  return result !== undefined && result.isError !== true;
}

/** Whether an answer is one that any client can read: a JSON-RPC error, or a result whose parts are what they should be. */
function isReadable({ text }: Answer): boolean {
  try {
    const { id, error, result } = JSON.parse(text) as Parsed;
    if (id !== 1) return false;
    if (error) return Number.isInteger(error.code) && typeof error.message === 'string';
    const isPart = (part: unknown): boolean =>
      typeof part === 'object' &&
      part !== null &&
      'type' in part &&
      (part.type !== 'text' || ('text' in part && typeof part.text === 'string'));
    return Array.isArray(result?.content) && result.content.every(isPart);
  } catch {
    return false;
  }
}

/** What the tools of an API say of their structured content, as a client that looks at it judges it. */
async function openJudge(url: string): Promise<(tool: string, answer: Answer) => boolean> {
  const tools = await allTools(await mcpClient(url));
  const ajv = new Ajv2020({ strict: false });
  const promises = new Map(
    tools.map(({ name, outputSchema }) => [
      name,
      outputSchema === undefined ? undefined : ajv.compile(outputSchema as Record<string, unknown>),
    ]),
  );
  return (tool, answer) => {
    const { result } = JSON.parse(answer.text) as Parsed;
    if (!result || result.isError === true) return true;
    // Who promises structured content has to send it.
    return promises.get(tool)?.(result.structuredContent) ?? false;
  };
}

async function wrongKinds(): Promise<readonly Check[]> {
  const api = await openHostileUpstream();
  const document = describeApi(
    api.url,
    Object.fromEntries(
      [...Object.keys(BODIES), 'right'].map((name) => [
        name,
        { query: { q: { type: 'string' } }, answer: PROMISED },
      ]),
    ),
  );
  const send = (path: string, body: string): void =>
    api.on(`/${path}`, (socket) =>
      socket.write(
        `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      ),
    );
  for (const [path, body] of Object.entries(BODIES)) send(path, body);
  send('right', '{"id":7,"name":"right"}');
  const eras = [
    await openWrongServer((script) => legacyScript(script, 's')),
    await openWrongServer(modernScript),
  ];
  const server = await startServer({ env: EGRESS });
  const made = await make(controlOf(server), 'kinds', {
    api: { mcp: { openApiSchema: { inlinePayload: JSON.stringify(document) } } },
    ...Object.fromEntries(eras.map(({ url }, at) => [`mcp${at}`, mcpServer(url)])),
  });
  const url = `${server.url}${made.path}`;
  for (const at of eras.keys())
    await until(`server ${at} is served`, async () => hasResult(await call(url, `mcp${at}___t`, 'first')));

  const unreadable: string[] = [];
  const look = (what: string, answer: Answer): Answer => {
    if (answer.status !== 200 || !isReadable(answer))
      unreadable.push(`${what}: ${answer.status} ${answer.text.slice(0, 200)}`);
    return answer;
  };
  const isAsPromised = await openJudge(url);
  const broken: string[] = [];
  let [bodies, after] = [0, 0];
  for (const path of Object.keys(BODIES)) {
    bodies += 1;
    if (!isAsPromised(`api___${path}`, look(path, await call(url, `api___${path}`)))) broken.push(path);
    const right = look('right', await call(url, 'api___right'));
    if (right.isGood && right.text.includes('\\"right\\"')) after += 1;
  }

  const wrong: string[] = [];
  const own = (answer: Answer, q: string): boolean => hasResult(answer) && answer.text.includes(q);
  let [forged, hostile, swaps, crossed, good, goodAsked] = [0, 0, 0, 0, 0, 0];
  for (const at of eras.keys()) {
    const ask = (q: string): Promise<Answer> => call(url, `mcp${at}___t`, q);
    // Others call the same server all the while.
    const beside = async (): Promise<void> => {
      for (let turn = 0; turn < 100; turn += 1) {
        const q = `own${at}x${turn}x`;
        goodAsked += 1;
        if (own(look(q, await ask(q)), q)) good += 1;
      }
    };
    const bystanders = Promise.all([beside(), beside()]);
    for (const way of Object.keys(NO_ANSWERS)) {
      hostile += 1;
      const answer = look(way, await ask(`${way}:`));
      if (hasResult(answer)) wrong.push(`${at} ${way}: ${answer.text.slice(0, 200)}`);
    }
    for (const [index] of CONTENTS.entries()) {
      hostile += 1;
      look(`content ${index}`, await ask(`content:${index}`));
    }
    for (const way of Object.keys(BESIDE)) {
      hostile += 1;
      const q = `${way}:${at}`;
      const answer = look(way, await ask(q));
      if (!own(answer, q)) wrong.push(`${at} ${way}: ${answer.text.slice(0, 200)}`);
      if (answer.text.includes('a second answer')) forged += 1;
    }
    for (let round = 0; round < 20; round += 1) {
      const pair = [`swap:${at}a${round}x`, `swap:${at}b${round}x`];
      const answers = await Promise.all(pair.map(ask));
      swaps += 2;
      crossed += answers.filter((answer, index) => answer.text.includes(pair[1 - index] ?? '')).length;
      for (const answer of answers) look('swap', answer);
    }
    await bystanders;
  }
  const running = server.child.exitCode === null ? 'running' : 'ended';
  return [
    atLeast('bodies of the wrong kind', bodies, 20),
    exactly('answers that no client can read', unreadable.join(' | ') || 0, 0),
    exactly('results that are not what their tool promises', broken.join(' ') || 0, 0),
    exactly('right answers of the API after each', after, bodies),
    atLeast('ways of MCP servers, both eras', hostile, 60),
    exactly('results where there was none, or none where there was', wrong.join(' | ') || 0, 0),
    exactly('second answers passed on', forged, 0),
    exactly(`of ${swaps} swapped answers passed on`, crossed, 0),
    exactly('calls beside them that got their own', good, goodAsked),
    atLeast('calls beside them', goodAsked, 400),
    exactly('process', running, 'running'),
    exactly('requests under way', await metric(server, 'gatewright_requests_in_flight'), 0),
  ];
}

export const KIND_ROWS: readonly Row[] = [
  { id: 'F7', words: 'well-formed answers of the wrong kind', run: wrongKinds },
];

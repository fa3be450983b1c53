// What handlers get and give, in each runtime: the official SDK calls functions on a real server.

import { InvokeCommand } from '@aws-sdk/client-lambda';
import { describe, expect, it } from 'vitest';
import { call, deploy, functionBench } from './support/functions.ts';

const ARN = 'arn:aws:lambda:us-east-1:000000000000:function:orders';
const clientContext = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64');

describe('Node.js', () => {
  it('hands over the context that handlers use', async () => {
    const { sdk } = await functionBench();
    await deploy(
      sdk,
      `export const handler = async (event, context) => ({
        ...context,
        waits: context.callbackWaitsForEmptyEventLoop,
        remaining: context.getRemainingTimeInMillis(),
        trace: process.env._X_AMZN_TRACE_ID ?? null,
        root: process.env.LAMBDA_TASK_ROOT === process.cwd(),
        execution: process.env.AWS_EXECUTION_ENV,
        handler: process.env._HANDLER,
        token: process.env.GATEWRIGHT_INSTANCE_TOKEN ?? null,
      });`,
      { Timeout: 30, MemorySize: 256, Publish: true, LoggingConfig: { LogGroup: '/shop/orders' } },
    );
    const custom = { bedrockAgentCoreToolName: 'orders___get', ключ: 'значение' };
    const { value } = await call(
      sdk,
      {},
      { Qualifier: '1', ClientContext: clientContext({ custom, env: { locale: 'de' } }) },
    );
    expect(value).toMatchObject({
      functionName: 'orders',
      functionVersion: '1',
      memoryLimitInMB: '256',
      invokedFunctionArn: `${ARN}:1`,
      logGroupName: '/shop/orders',
      clientContext: { custom, env: { locale: 'de' } },
      awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      logStreamName: expect.stringMatching(/^\d{4}\/\d\d\/\d\d\/\[1\][0-9a-f]{32}$/),
      waits: true,
      trace: null,
      root: true,
      execution: 'AWS_Lambda_nodejs22.x',
      handler: 'index.handler',
      token: null,
    });
    const { remaining } = value as { remaining: number };
    expect(remaining).toBeGreaterThan(20_000);
    expect(remaining).toBeLessThanOrEqual(30_000);
  });

  it.each([
    ['an ES module', { 'index.mjs': 'export const handler = async (e) => e.n + 1;' }, 'index.handler', 42],
    ['a CommonJS module', { 'index.js': 'exports.handler = async (e) => e.n + 1;' }, 'index.handler', 42],
    [
      'a CommonJS module that exports late',
      { 'index.js': 'const all = {}; all["hand" + "ler"] = async (e) => e.n + 1; module.exports = all;' },
      'index.handler',
      42,
    ],
    ['a .cjs file', { 'index.cjs': 'exports.handler = async (e) => e.n + 1;' }, 'index.handler', 42],
    [
      'a package of type module',
      { 'package.json': '{"type":"module"}', 'index.js': 'export const handler = async (e) => e.n + 1;' },
      'index.handler',
      42,
    ],
    ['a handler in a folder', { 'src/app.js': 'exports.run = async (e) => e.n + 1;' }, 'src/app.run', 42],
    [
      'a handler inside an object',
      { 'index.mjs': 'export const api = { v1: { get: async (e) => e.n + 1 } };' },
      'index.api.v1.get',
      42,
    ],
    [
      'top-level await',
      { 'index.mjs': 'const one = await Promise.resolve(1); export const handler = async (e) => e.n + one;' },
      'index.handler',
      42,
    ],
    [
      'dependencies of its own',
      {
        'index.mjs': 'import { one } from "numbers"; export const handler = async (e) => e.n + one;',
        'node_modules/numbers/package.json': '{"name":"numbers","type":"module","exports":"./main.js"}',
        'node_modules/numbers/main.js': 'export const one = 1;',
      },
      'index.handler',
      42,
    ],
    [
      'a callback',
      {
        'index.js': 'exports.handler = (e, context, done) => { setTimeout(() => done(null, e.n + 1), 5); };',
      },
      'index.handler',
      42,
    ],
    [
      'a callback that waits for what is open',
      {
        'index.js':
          'let late = "too early"; exports.handler = (e, context, done) => { setTimeout(() => { late = "in time"; }, 30); done(null, { get late() { return late; } }); };',
      },
      'index.handler',
      { late: 'in time' },
    ],
    [
      'a callback that does not wait',
      {
        'index.js':
          'let late = "at once"; exports.handler = (e, context, done) => { context.callbackWaitsForEmptyEventLoop = false; setTimeout(() => { late = "too late"; }, 5000); done(null, { get late() { return late; } }); };',
      },
      'index.handler',
      { late: 'at once' },
    ],
    [
      'context.succeed',
      { 'index.js': 'exports.handler = (e, context) => context.succeed(e.n + 1);' },
      'index.handler',
      42,
    ],
    ['nothing', { 'index.mjs': 'export const handler = async () => {};' }, 'index.handler', null],
    [
      'a handler that never says that it is done',
      { 'index.js': 'exports.handler = () => {};' },
      'index.handler',
      null,
    ],
    [
      'a promise that never settles',
      { 'index.js': 'exports.handler = () => new Promise(() => {});' },
      'index.handler',
      null,
    ],
    [
      'a streamed answer',
      {
        'index.mjs':
          'export const handler = awslambda.streamifyResponse(async (e, stream) => { stream.setContentType("application/json"); stream.write("[1,"); await new Promise((r) => setTimeout(r, 5)); stream.write("2]"); stream.end(); });',
      },
      'index.handler',
      [1, 2],
    ],
  ])('runs %s', async (_what, files, Handler, expected) => {
    const { sdk } = await functionBench();
    await deploy(sdk, files, { Handler, Timeout: 20 });
    expect(await call(sdk, { n: 41 })).toMatchObject({ value: expected, error: undefined });
    // The second call is warm, and no worse.
    expect(await call(sdk, { n: 41 })).toMatchObject({ error: undefined });
  });

  it('uses a warm process again, with what it has in memory and in its folder for temporary files', async () => {
    const { sdk } = await functionBench();
    await deploy(
      sdk,
      `import { existsSync, writeFileSync } from 'node:fs';
       import { tmpdir } from 'node:os';
       let calls = 0;
       export const handler = async () => {
         const file = tmpdir() + '/seen';
         const before = existsSync(file);
         writeFileSync(file, '');
         return { calls: ++calls, before, pid: process.pid };
       };`,
    );
    const first = (await call(sdk)).value as { pid: number };
    expect(first).toMatchObject({ calls: 1, before: false });
    expect((await call(sdk)).value).toEqual({ calls: 2, before: true, pid: first.pid });
  });

  it('writes its log as AWS does, and gives its tail', async () => {
    const { sdk, lines } = await functionBench();
    await deploy(
      sdk,
      'export const handler = async (e, c) => { console.log("first %d", 1, { a: 2 }); console.error("two\\nlines"); process.stdout.write("raw"); return c.awsRequestId; };',
    );
    const { value, log } = await call(sdk, {}, { LogType: 'Tail' });
    const id = String(value);
    const [start, first, second, ...rest] = log.split('\n');
    expect(start).toBe(`START RequestId: ${id} Version: $LATEST`);
    expect(first).toMatch(
      new RegExp(`^\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z\\t${id}\\tINFO\\tfirst 1 \\{ a: 2 \\}$`),
    );
    expect(second).toMatch(new RegExp(`\\t${id}\\tERROR\\ttwo\\rlines$`));
    expect(rest.find((line) => line.startsWith('END '))).toBe(`END RequestId: ${id}`);
    expect(log).toMatch(
      new RegExp(
        `REPORT RequestId: ${id}\\tDuration: [\\d.]+ ms\\tBilled Duration: \\d+ ms\\tMemory Size: 128 MB`,
      ),
    );
    const said = lines.filter(({ msg, requestId }) => msg === 'function says' && requestId === id);
    expect(said.length).toBeGreaterThanOrEqual(2);
    const long = await deploy(
      sdk,
      'export const handler = async () => { for (let i = 0; i < 2000; i++) console.log("line", i); };',
      { FunctionName: 'chatty' },
    );
    expect(long.State).toBe('Active');
    const tail = (await call(sdk, {}, { FunctionName: 'chatty', LogType: 'Tail' })).log;
    expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(4096);
    expect(tail).toContain('line 1999');
    expect(tail).not.toContain('line 1\n');
  });
});

describe('Python', () => {
  it('hands over the context that handlers use', async () => {
    const { sdk } = await functionBench();
    await deploy(
      sdk,
      `import os, tempfile
def handler(event, context):
    return {
        "event": event,
        "request": context.aws_request_id,
        "name": context.function_name,
        "version": context.function_version,
        "memory": context.memory_limit_in_mb,
        "arn": context.invoked_function_arn,
        "group": context.log_group_name,
        "stream": context.log_stream_name,
        "tool": context.client_context.custom["bedrockAgentCoreToolName"],
        "client": context.client_context.client,
        "identity": context.identity.cognito_identity_id,
        "remaining": context.get_remaining_time_in_millis(),
        "temporary": tempfile.gettempdir() == os.environ["TMPDIR"],
        "region": os.environ["AWS_REGION"],
        "own": os.environ["OWN"],
        "token": os.environ.get("GATEWRIGHT_INSTANCE_TOKEN"),
    }
`,
      {
        Runtime: 'python3.12',
        Timeout: 30,
        Environment: { Variables: { OWN: 'it\'s "quoted"\nand $(more) ü' } },
      },
    );
    const event = { orderId: '123', text: 'ä€😀' };
    const { value } = await call(sdk, event, {
      ClientContext: clientContext({ custom: { bedrockAgentCoreToolName: 'orders___get' } }),
    });
    expect(value).toMatchObject({
      event,
      request: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: 'orders',
      version: '$LATEST',
      memory: '128',
      arn: ARN,
      group: '/aws/lambda/orders',
      stream: expect.stringMatching(/\[\$LATEST\]/),
      tool: 'orders___get',
      client: null,
      identity: null,
      temporary: true,
      region: 'us-east-1',
      own: 'it\'s "quoted"\nand $(more) ü',
      token: null,
    });
    expect((value as { remaining: number }).remaining).toBeGreaterThan(20_000);
  });

  it('runs handlers in folders and packages, with layers, decimals and a logger', async () => {
    const { sdk } = await functionBench();
    await deploy(
      sdk,
      {
        'shop/orders/main.py': `import decimal, logging
from shop.words import WORD
logger = logging.getLogger()
logger.setLevel(logging.INFO)
def run(event, context):
    logger.info("word is %s", WORD)
    return {"word": WORD, "price": decimal.Decimal("1.25"), "count": decimal.Decimal(3)}
`,
        'shop/words.py': 'WORD = "wörd"\n',
      },
      { Runtime: 'python3.9', Handler: 'shop/orders/main.run' },
    );
    const { value, log } = await call(sdk, {}, { LogType: 'Tail' });
    expect(value).toEqual({ word: 'wörd', price: 1.25, count: 3 });
    expect(log).toMatch(/\n\[INFO\]\t\d{4}-\d\d-\d\dT[\d:]+\.\d{3}Z\t[0-9a-f-]{36}\tword is wörd\n/);
  });
});

describe('custom runtimes', () => {
  const bootstrap = (body: string) => ({ bootstrap: { text: `#!/bin/sh\n${body}`, mode: 0o100_755 } });
  const CURL = `
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while :; do
  event=$(curl -sS -D "$TMPDIR/head" "$api/invocation/next")
  id=$(sed -n 's/^lambda-runtime-aws-request-id: *\\([0-9a-f-]*\\).*/\\1/Ip' "$TMPDIR/head")
  echo "working on $id"
  curl -sS -X POST "$api/invocation/$id/response" -d "{\\"handler\\":\\"$_HANDLER\\",\\"event\\":$event}" > /dev/null
done
`;

  it.each(['provided.al2', 'provided.al2023'] as const)(
    '%s runs its own bootstrap over the Runtime API',
    async (Runtime) => {
      const { sdk } = await functionBench();
      await deploy(sdk, bootstrap(CURL), { Runtime, Handler: 'anything' });
      const { value, log } = await call(sdk, { a: 1 }, { LogType: 'Tail' });
      expect(value).toEqual({ handler: 'anything', event: { a: 1 } });
      expect(log).toContain('working on ');
      expect((await call(sdk, { a: 2 })).value).toMatchObject({ event: { a: 2 } });
    },
  );

  it('an answer that is no JSON comes back as it is', async () => {
    const { sdk } = await functionBench();
    await deploy(sdk, bootstrap(CURL.replace('-d "{', '-d "no {')), { Runtime: 'provided.al2023' });
    const { Payload, FunctionError } = await sdk.send(new InvokeCommand({ FunctionName: 'orders' }));
    expect(FunctionError).toBeUndefined();
    expect(Payload?.transformToString()).toBe('no {"handler":"index.handler","event":{}}');
  });
});

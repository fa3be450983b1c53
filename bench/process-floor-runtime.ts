// The floor of a local function: the same handler behind the Lambda Runtime API alone. It reads the message, hands the
// arguments to whichever instance waits, and wraps what comes back. No authentication, no validation, no limits, no log.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const INSTANCES = Number(process.argv[2]);
const root = mkdtempSync(join(tmpdir(), 'gatewright-bench-'));
writeFileSync(join(root, 'index.mjs'), 'export const handler = async (event) => event;');

interface Call {
  readonly id: number;
  readonly event: string;
  readonly response: ServerResponse;
}
const waiting: ServerResponse[] = [];
const queued: Call[] = [];
const running = new Map<string, Call>();
let made = 0;

function hand(call: Call, instance: ServerResponse): void {
  made += 1;
  const id = `00000000-0000-4000-8000-${String(made).padStart(12, '0')}`;
  running.set(id, call);
  instance.writeHead(200, {
    'content-type': 'application/json',
    'lambda-runtime-aws-request-id': id,
    'lambda-runtime-deadline-ms': String(Date.now() + 30_000),
    'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:us-east-1:000000000000:function:bench',
  });
  instance.end(call.event);
}

const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
  if (request.url?.endsWith('/invocation/next') === true) {
    const call = queued.shift();
    if (call) hand(call, response);
    else waiting.push(response);
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const text = Buffer.concat(chunks).toString();
    const id = /\/invocation\/([^/]+)\/response$/.exec(request.url ?? '')?.[1];
    if (id !== undefined) {
      response.writeHead(202).end();
      const call = running.get(id);
      running.delete(id);
      if (call) finish(call, text);
      return;
    }
    const message = JSON.parse(text) as { id: number; params: { arguments: object } };
    const call = { id: message.id, event: JSON.stringify(message.params.arguments), response };
    const instance = waiting.shift();
    if (instance) hand(call, instance);
    else queued.push(call);
  });
});

function finish({ id, response }: Call, text: string): void {
  const structuredContent: unknown = JSON.parse(text);
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id,
    result: { content: [{ type: 'text', text }], structuredContent, isError: false },
  });
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  const bootstrap = fileURLToPath(new URL('../src/functions/bootstrap/node.mjs', import.meta.url));
  const instances = Array.from({ length: INSTANCES }, () =>
    spawn(process.execPath, [bootstrap], {
      cwd: root,
      env: {
        AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
        _HANDLER: 'index.handler',
        LAMBDA_TASK_ROOT: root,
        AWS_LAMBDA_FUNCTION_NAME: 'bench',
        AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
      },
      stdio: 'ignore',
    }),
  );
  process.on('disconnect', () => {
    for (const instance of instances) instance.kill('SIGKILL');
    rmSync(root, { recursive: true, force: true });
    process.exit(0);
  });
  process.send?.({ port });
});
process.on('message', () => process.send?.({ cpu: process.cpuUsage() }));

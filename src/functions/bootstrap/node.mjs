// Runs a Node.js handler inside a function's process: takes events from the Lambda Runtime API (2018-06-01), one after
// another, and hands back what the handler makes of them. Plain JavaScript without imports of ours: it runs beside code
// that nobody here knows, and starts as quickly as Node does.

import { existsSync, statSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { join, resolve as resolvePath } from 'node:path';
import { Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';

const { env } = process;
const [host, port] = (env.AWS_LAMBDA_RUNTIME_API ?? '').split(':');
/** Of a process without a network. */
const socketPath = env.GATEWRIGHT_RUNTIME_SOCKET;
delete env.GATEWRIGHT_RUNTIME_SOCKET;
/** Where programs find the proxy, and where it really is. */
const { GATEWRIGHT_EGRESS_SOCKET: egressPath, GATEWRIGHT_EGRESS_PORT: egressPort } = env;
delete env.GATEWRIGHT_EGRESS_SOCKET;
delete env.GATEWRIGHT_EGRESS_PORT;
const token = env.GATEWRIGHT_INSTANCE_TOKEN ?? '';
delete env.GATEWRIGHT_INSTANCE_TOKEN;
const taskRoot = env.LAMBDA_TASK_ROOT ?? process.cwd();
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const BASE = '/2018-06-01/runtime';
const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const MAX_HEADER_BYTES = 512 * 1024;

/** Id of the event that is being worked on. */
let current;

// ---------------------------------------------------------------------------------------------- Runtime API

function call(method, path, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        ...(socketPath === undefined ? { host, port } : { socketPath }),
        method,
        path: `${BASE}${path}`,
        agent,
        maxHeaderSize: MAX_HEADER_BYTES,
        headers: {
          'x-gatewright-instance': token,
          ...headers,
          ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
        },
      },
      (incoming) => {
        const chunks = [];
        incoming.on('data', (chunk) => chunks.push(chunk));
        incoming.on('end', () =>
          resolve({
            status: incoming.statusCode,
            headers: incoming.headers,
            body: chunks.length === 1 ? chunks[0] : Buffer.concat(chunks),
          }),
        );
        incoming.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** What was written before an answer has left before it. */
async function flush() {
  for (const stream of [process.stdout, process.stderr])
    if (stream.writableLength > 0 && !stream.destroyed)
      await new Promise((resolve) => {
        stream.once('close', resolve);
        stream.write('', resolve);
      });
}

/** The next event may come with the answer to this one; a Runtime API that knows no such thing just says thanks. */
const AND_NEXT = { 'x-gatewright-next': '1' };

async function sendResponse(id, body, type) {
  await flush();
  return call('POST', `/invocation/${id}/response`, body, { 'content-type': type, ...AND_NEXT });
}

async function sendError(path, fault, more = {}) {
  await flush();
  const body = JSON.stringify(fault);
  return call('POST', path, body, {
    'content-type': 'application/json',
    'lambda-runtime-function-error-type': encodeURIComponent(fault.errorType).slice(0, 200),
    ...more,
  });
}

function faultOf(thrown, type) {
  if (thrown instanceof Error)
    return {
      errorType: type ?? thrown.name,
      errorMessage: thrown.message,
      trace: (thrown.stack ?? '').split('\n'),
    };
  const isNamed = typeof thrown === 'object' && thrown !== null && 'message' in thrown;
  return {
    errorType: type ?? (isNamed && typeof thrown.name === 'string' ? thrown.name : typeof thrown),
    errorMessage: isNamed ? String(thrown.message) : format('%s', thrown),
    trace: [],
  };
}

// ---------------------------------------------------------------------------------------------- the log

const write = process.stdout.write.bind(process.stdout);

/** A message is one line of the log, whatever it holds. */
function writeLine(level, ...parts) {
  const message = format(...parts).replaceAll('\n', '\r');
  write(`${new Date().toISOString()}\t${current ?? 'undefined'}\t${level}\t${message}\n`);
}

Object.assign(console, {
  log: (...parts) => writeLine('INFO', ...parts),
  debug: (...parts) => writeLine('DEBUG', ...parts),
  info: (...parts) => writeLine('INFO', ...parts),
  warn: (...parts) => writeLine('WARN', ...parts),
  error: (...parts) => writeLine('ERROR', ...parts),
  trace: (...parts) => writeLine('TRACE', ...parts),
  fatal: (...parts) => writeLine('FATAL', ...parts),
});

// ---------------------------------------------------------------------------------------------- the handler

class HandlerFault extends Error {
  constructor(name, message, cause) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = name;
    if (cause?.stack) this.stack = `${name}: ${message}\n${String(cause.stack)}`;
  }
}

const isFile = (path) => existsSync(path) && statSync(path).isFile();

async function loadModule(name) {
  const path = resolvePath(taskRoot, name);
  const file = [path, `${path}.js`, `${path}.mjs`, `${path}.cjs`].find(isFile);
  let target = file;
  if (target === undefined) {
    try {
      target = createRequire(join(taskRoot, 'package.json')).resolve(
        name.startsWith('.') ? name : `./${name}`,
      );
    } catch {
      try {
        target = createRequire(join(taskRoot, 'package.json')).resolve(name);
      } catch {
        throw new HandlerFault('Runtime.ImportModuleError', `Error: Cannot find module '${name}'`);
      }
    }
  }
  try {
    return await import(pathToFileURL(target).href);
  } catch (thrown) {
    if (thrown instanceof SyntaxError)
      throw new HandlerFault('Runtime.UserCodeSyntaxError', String(thrown), thrown);
    const code = thrown?.code;
    if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND')
      throw new HandlerFault('Runtime.ImportModuleError', String(thrown), thrown);
    throw thrown;
  }
}

async function loadHandler() {
  const text = env._HANDLER ?? '';
  const slash = text.lastIndexOf('/');
  const match = /^([^.]*)\.(.+)$/.exec(text.slice(slash + 1));
  if (!match || text.includes('..'))
    throw new HandlerFault('Runtime.MalformedHandlerName', `'${text}' is not a handler name`);
  const module = await loadModule(`${text.slice(0, slash + 1)}${match[1]}`);
  const find = (from) => match[2].split('.').reduce((value, name) => value?.[name], from);
  // What a CommonJS module exports late is only in its `default`.
  const handler = find(module) ?? find(module.default);
  if (handler === undefined)
    throw new HandlerFault('Runtime.HandlerNotFound', `${text} is undefined or not exported`);
  if (typeof handler !== 'function')
    throw new HandlerFault('Runtime.HandlerNotFound', `${text} is not a function`);
  return handler;
}

// ---------------------------------------------------------------------------------------------- streamed answers

class ResponseStream extends Writable {
  #chunks = [];
  #contentType = 'application/octet-stream';

  _write(chunk, _encoding, done) {
    this.#chunks.push(chunk);
    done();
  }

  setContentType(type) {
    this.#contentType = type;
  }

  whole() {
    return { body: Buffer.concat(this.#chunks), type: this.#contentType };
  }
}

globalThis.awslambda = {
  streamifyResponse(handler, _options) {
    handler[STREAMING] = 'response';
    return handler;
  },
  HttpResponseStream: {
    /** The form of AWS: metadata as JSON, eight zero bytes, the body. */
    from(stream, metadata) {
      stream.setContentType('application/vnd.awslambda.http-integration-response');
      stream.write(JSON.stringify(metadata));
      stream.write(Buffer.alloc(8));
      return stream;
    },
  },
};

// ---------------------------------------------------------------------------------------------- one event

/** What to do when nothing is left to be waited for. */
let whenIdle;
process.on('beforeExit', () => {
  const work = whenIdle;
  whenIdle = undefined;
  work?.();
});

function contextOf(headers, finish) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const parse = (text) => (text === undefined ? undefined : JSON.parse(text));
  const state = { waits: true };
  const context = {
    get callbackWaitsForEmptyEventLoop() {
      return state.waits;
    },
    set callbackWaitsForEmptyEventLoop(value) {
      state.waits = value;
    },
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parse(headers['lambda-runtime-client-context']),
    identity: parse(headers['lambda-runtime-cognito-identity']),
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    getRemainingTimeInMillis: () => deadline - Date.now(),
    done: (fault, value) => finish(fault, value),
    succeed: (value) => finish(null, value),
    fail: (fault) => finish(fault ?? 'handled'),
  };
  return { context, state };
}

/** Gives `{ value }` or `{ fault }`; `stream` when the handler wrote its answer itself. */
function run(handler, event, headers) {
  return new Promise((resolve) => {
    const settle = (outcome) => {
      whenIdle = undefined;
      resolve(outcome);
    };
    let isDone = false;
    const finish = (fault, value) => {
      if (isDone) return;
      isDone = true;
      const outcome = fault !== undefined && fault !== null ? { fault } : { value };
      if (!state.waits || 'fault' in outcome) settle(outcome);
      else whenIdle = () => settle(outcome);
    };
    const { context, state } = contextOf(headers, (fault, value) => {
      state.waits = false;
      finish(fault, value);
    });
    // A handler that has nothing left to do and never said so has answered nothing.
    whenIdle = () => settle({ value: null });
    try {
      if (handler[STREAMING] === 'response') {
        const stream = new ResponseStream();
        const ended = new Promise((finished, failed) => {
          stream.once('finish', finished);
          stream.once('error', failed);
        });
        Promise.resolve(handler(event, stream, context))
          .then(() => ended)
          .then(
            () => settle({ stream: stream.whole() }),
            (fault) => settle({ fault }),
          );
        return;
      }
      const answer = handler(event, context, finish);
      if (typeof answer?.then === 'function') {
        isDone = true;
        answer.then(
          (value) => settle({ value }),
          (fault) => settle({ fault }),
        );
      }
    } catch (fault) {
      isDone = true;
      settle({ fault });
    }
  });
}

/** @returns the answer of the Runtime API, which may be the next event */
async function handle(handler, next) {
  const id = next.headers['lambda-runtime-aws-request-id'];
  current = id;
  if (next.headers['lambda-runtime-trace-id']) env._X_AMZN_TRACE_ID = next.headers['lambda-runtime-trace-id'];
  else delete env._X_AMZN_TRACE_ID;
  const outcome = await run(handler, JSON.parse(next.body.toString('utf8')), next.headers);
  if ('stream' in outcome) {
    return sendResponse(id, outcome.stream.body, outcome.stream.type);
  }
  let { fault } = outcome;
  if (!('fault' in outcome)) {
    try {
      const { value } = outcome;
      const text = JSON.stringify(value === undefined ? null : value);
      return await sendResponse(id, text ?? 'null', 'application/json');
    } catch (thrown) {
      fault = new HandlerFault(
        'Runtime.MarshalError',
        `Unable to stringify response body: ${thrown?.message}`,
        thrown,
      );
    }
  }
  writeLine('ERROR', 'Invoke Error', JSON.stringify(faultOf(fault)));
  return sendError(`/invocation/${id}/error`, faultOf(fault), AND_NEXT);
}

async function nextOf(answer) {
  if (answer?.status === 200 && answer.headers['lambda-runtime-aws-request-id'] !== undefined) return answer;
  const next = await call('GET', '/invocation/next');
  if (next.status !== 200) throw new Error(`The Runtime API answered with ${next.status}`);
  return next;
}

// ---------------------------------------------------------------------------------------------- what nobody caught

function endWith(type, exitCode) {
  return (thrown) => {
    const fault =
      type === undefined
        ? faultOf(thrown)
        : {
            ...faultOf(thrown, type),
            errorMessage: thrown instanceof Error ? String(thrown) : format('%s', thrown),
          };
    writeLine(
      'ERROR',
      type === undefined ? 'Uncaught Exception' : 'Unhandled Promise Rejection',
      JSON.stringify(fault),
    );
    const path = current === undefined ? '/init/error' : `/invocation/${current}/error`;
    sendError(path, fault).then(
      () => process.exit(exitCode),
      () => process.exit(exitCode),
    );
  };
}
process.on('uncaughtException', endWith(undefined, 129));
process.on('unhandledRejection', endWith('Runtime.UnhandledPromiseRejection', 128));

/** Clients know proxies by address only. Nothing of it keeps the process from having nothing to do. */
if (egressPath !== undefined) {
  const door = createServer((client) => {
    const out = connect(egressPath);
    for (const [one, other] of [
      [client, out],
      [out, client],
    ]) {
      one.unref();
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise((resolve) => door.listen(Number(egressPort), '127.0.0.1', resolve));
  door.unref();
}

let handler;
try {
  handler = await loadHandler();
} catch (thrown) {
  const fault = faultOf(thrown);
  writeLine('ERROR', 'Init Error', JSON.stringify(fault));
  await sendError('/init/error', fault);
  process.exit(1);
}
let answer;
for (;;) answer = await handle(handler, await nextOf(answer));

// The Lambda Runtime API (2018-06-01) of one function process, on a loopback address and port of its own: what official
// runtime clients and our bootstraps talk to. Knows HTTP and the order of the calls, not what a function is.

import { createServer } from 'node:http';
import type { IncomingMessage, OutgoingHttpHeaders, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Socket } from 'node:net';
import { timingSafeEqual } from 'node:crypto';
import { MAX_FUNCTION_PAYLOAD } from '../core/functions.ts';

const BASE = '/2018-06-01/runtime';
const INVOCATION = /^\/2018-06-01\/runtime\/invocation\/([0-9a-zA-Z-]{1,64})\/(response|error)$/;
/** What a process may send beyond the limit before its connection is cut: enough for it to read the refusal. */
const MAX_DISCARDED_BYTES = 64 * 1024 * 1024;
/** Errors are documents for people. */
const MAX_ERROR_BYTES = 256 * 1024;
const TOKEN_HEADER = 'x-gatewright-instance';
/** Our bootstraps ask for the next event with the answer to the last one: half the requests, and no pause in between. */
const NEXT_HEADER = 'x-gatewright-next';

/** One event on its way to the process. */
export interface RuntimeEvent {
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  readonly invokedArn: string;
  readonly payload: string | Uint8Array;
  /** Visible ASCII. */
  readonly clientContext?: string;
  readonly traceHeader?: string;
}

/** How a process is known. */
export type Guard = { readonly token: string } | { readonly admits: (socket: Socket) => Promise<boolean> };

/** What the process has to say. */
export interface RuntimeListener {
  /** It is ready for an event; the last one is done with. */
  onNext(): void;
  /** Whether this is the event it works on. */
  isCurrent(requestId: string): boolean;
  onResponse(body: Buffer): void;
  onError(body: Buffer): void;
  /** The answer is larger than may be; `bytes` is how large, as far as it is known. */
  onTooLarge(bytes: number): void;
  onInitError(body: Buffer): void;
}

export interface RuntimeApi {
  /** `host:port`, as AWS_LAMBDA_RUNTIME_API has it. */
  readonly address: string;
  /** Hands over an event. @returns false when nobody waits for one */
  send(event: RuntimeEvent): boolean;
  /** Fulfils when no connection is open any more: everything that was sent has been read. */
  quiet(): Promise<void>;
  close(): void;
}

/**
 * Opens the API of one process.
 * @param place a loopback address, or the path of a socket for a process without a network
 * @param guard who is served: who has the token, or, for programs of others that know no such thing, whose connection is
 * that of the process
 */
export async function openRuntimeApi(
  place: { readonly host: string } | { readonly path: string },
  guard: Guard,
  listener: RuntimeListener,
): Promise<RuntimeApi> {
  let waiting: ServerResponse | undefined;
  let quietListeners: (() => void)[] = [];
  let connections = 0;
  const admissions = new WeakMap<Socket, Promise<boolean>>();
  const server = createServer(
    { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 },
    (request, response) => {
      answer(request, response);
    },
  );
  server.on('connection', (socket) => {
    connections += 1;
    socket.setNoDelay(true);
    socket.once('close', () => {
      connections -= 1;
      if (connections > 0) return;
      for (const resolve of quietListeners) resolve();
      quietListeners = [];
    });
  });
  const address = await listen(server, place);

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const isAddressed = request.headers.host === address;
    if ('token' in guard) {
      if (isAddressed && isProven(request.headers[TOKEN_HEADER], guard.token))
        return serve(request, response);
    } else if (isAddressed) {
      const admission = admissions.get(request.socket) ?? guard.admits(request.socket);
      admissions.set(request.socket, admission);
      return void admission.then(
        (isAdmitted) => (isAdmitted ? serve(request, response) : refuseStranger(request, response)),
        () => refuseStranger(request, response),
      );
    }
    refuseStranger(request, response);
  }

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const { method, url = '' } = request;
    if (method === 'GET' && url === `${BASE}/invocation/next`) return wait(response);
    if (method === 'POST' && url === `${BASE}/init/error`)
      return readBody(request, response, MAX_ERROR_BYTES, (body) => {
        accept(response);
        listener.onInitError(body);
      });
    const [, requestId, kind] = (method === 'POST' && INVOCATION.exec(url)) || [];
    if (requestId === undefined)
      return refuse(request, response, 404, 'NotFound', 'There is nothing at this address.');
    if (!listener.isCurrent(requestId))
      return refuse(request, response, 400, 'InvalidRequestID', 'Invalid request ID');
    const isError = kind === 'error';
    readBody(request, response, isError ? MAX_ERROR_BYTES : MAX_FUNCTION_PAYLOAD, (body) => {
      // It may have run out of time meanwhile.
      if (!listener.isCurrent(requestId))
        return refuse(request, response, 400, 'InvalidRequestID', 'Invalid request ID');
      const failure = request.trailers['lambda-runtime-function-error-type'];
      const wantsNext = request.headers[NEXT_HEADER] !== undefined;
      if (!wantsNext) accept(response);
      if (isError) listener.onError(body);
      else if (failure !== undefined) listener.onError(streamFault(request, failure));
      else listener.onResponse(body);
      if (wantsNext) wait(response);
    });
  }

  function wait(response: ServerResponse): void {
    // One process has one event at a time: whoever asks later is who is served.
    waiting?.destroy();
    waiting = response;
    response.once('close', () => {
      if (waiting === response) waiting = undefined;
    });
    listener.onNext();
  }

  function readBody(
    request: IncomingMessage,
    response: ServerResponse,
    maxBytes: number,
    use: (body: Buffer) => void,
  ): void {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let isOver = false;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      else if (!isOver) {
        isOver = true;
        chunks.length = 0;
        response.writeHead(413, { 'content-type': 'application/json' }).end(tooLargeText(bytes));
        listener.onTooLarge(Math.max(bytes, Number(request.headers['content-length'] ?? 0)));
      } else if (bytes > MAX_DISCARDED_BYTES) request.destroy();
    });
    request.on('end', () => {
      if (!isOver) use(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, bytes));
    });
    request.on('error', () => undefined);
  }

  return Object.freeze({
    address,
    send(event: RuntimeEvent): boolean {
      const response = waiting;
      if (!response || response.destroyed) return false;
      waiting = undefined;
      response.writeHead(200, headersOf(event)).end(event.payload);
      return true;
    },
    quiet(): Promise<void> {
      return connections === 0 ? Promise.resolve() : new Promise((resolve) => quietListeners.push(resolve));
    },
    close(): void {
      server.close();
      server.closeAllConnections();
    },
  });
}

async function listen(
  server: Server,
  place: { readonly host: string } | { readonly path: string },
): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // Exclusive: a worker listens by itself. The process that started it has other open files, and shares ports among workers.
    const where = 'path' in place ? { path: place.path } : { port: 0, host: place.host };
    server.listen({ ...where, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  // What clients put into Host for a socket without a port.
  return 'path' in place ? 'localhost' : `${place.host}:${(server.address() as AddressInfo).port}`;
}

function refuseStranger(request: IncomingMessage, response: ServerResponse): void {
  refuse(request, response, 403, 'Forbidden', 'This is the Runtime API of another process.');
}

function isProven(given: string | readonly string[] | undefined, token: string): boolean {
  if (typeof given !== 'string' || given.length !== token.length) return false;
  return timingSafeEqual(Buffer.from(given), Buffer.from(token));
}

function headersOf(event: RuntimeEvent): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(event.payload),
    'Lambda-Runtime-Aws-Request-Id': event.requestId,
    'Lambda-Runtime-Deadline-Ms': event.deadline,
    'Lambda-Runtime-Invoked-Function-Arn': event.invokedArn,
  };
  if (event.traceHeader !== undefined) headers['Lambda-Runtime-Trace-Id'] = event.traceHeader;
  if (event.clientContext !== undefined) headers['Lambda-Runtime-Client-Context'] = event.clientContext;
  return headers;
}

const ACCEPTED = '{"status":"OK"}\n';

function accept(response: ServerResponse): void {
  response
    .writeHead(202, { 'Content-Type': 'application/json', 'Content-Length': ACCEPTED.length })
    .end(ACCEPTED);
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  errorType: string,
  errorMessage: string,
): void {
  request.resume();
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(JSON.stringify({ errorMessage, errorType }));
}

/** A streamed answer that broke off says why in its trailers. */
function streamFault(request: IncomingMessage, errorType: string): Buffer {
  const body = request.trailers['lambda-runtime-function-error-body'];
  if (typeof body === 'string' && body !== '') return Buffer.from(body, 'base64');
  return Buffer.from(JSON.stringify({ errorType, errorMessage: 'The streamed answer broke off.' }));
}

function tooLargeText(bytes: number): string {
  return JSON.stringify({
    errorMessage: `Exceeded maximum allowed payload size (${MAX_FUNCTION_PAYLOAD} bytes): ${bytes} bytes or more.`,
    errorType: 'RequestEntityTooLarge',
  });
}

// An HTTP API on a free port that records what reaches it and answers as told, and the OpenAPI document that
// describes it in the few words a test needs.

import { createServer } from 'node:http';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Resolves when the caller has gone away before the answer was complete. */
  readonly abandoned: Promise<void>;
}

export type Responder = (request: RecordedRequest, response: ServerResponse) => void;

export interface Upstream {
  readonly url: string;
  readonly requests: RecordedRequest[];
  /** Resolves with the next request that arrives. */
  next(): Promise<RecordedRequest>;
  /** How one path is answered from now on; what is not told gets `{"ok":true}`. */
  on(path: string, respond: Responder): void;
  close(): Promise<void>;
}

/** Answers with one body. */
export const respondWith =
  (status: number, contentType: string, body: string | Buffer): Responder =>
  (_request, response) =>
    void response.writeHead(status, { 'content-type': contentType }).end(body);

export async function openUpstream(): Promise<Upstream> {
  const requests: RecordedRequest[] = [];
  const responders = new Map<string, Responder>();
  let waiting: ((request: RecordedRequest) => void)[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const abandoned = new Promise<void>((resolve) => {
        response.once('close', () => {
          if (!response.writableFinished) resolve();
        });
      });
      const recorded: RecordedRequest = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
        abandoned,
      };
      requests.push(recorded);
      for (const tell of waiting.splice(0)) tell(recorded);
      const respond =
        responders.get(recorded.path.split('?', 1)[0] ?? '') ??
        respondWith(200, 'application/json', '{"ok":true}');
      respond(recorded, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    next: () => new Promise((resolve) => void (waiting = [...waiting, resolve])),
    on: (path, respond) => void responders.set(path, respond),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface OperationWish {
  readonly method?: 'get' | 'post';
  readonly path?: string;
  readonly description?: string;
  /** Query parameters: name → schema; all optional. */
  readonly query?: Record<string, object>;
  /** JSON request body. */
  readonly body?: object;
  /** JSON schema of the 200 answer. */
  readonly answer?: object;
}

/** A document of operations by id; an operation that says nothing is `GET /<id>`. */
export function describeApi(serverUrl: string, operations: Record<string, OperationWish>): object {
  const paths: Record<string, object> = {};
  for (const [operationId, wish] of Object.entries(operations)) {
    const {
      method = wish.body ? 'post' : 'get',
      path = `/${operationId}`,
      description = operationId,
      query = {},
      body,
      answer,
    } = wish;
    paths[path] = {
      ...paths[path],
      [method]: {
        operationId,
        description,
        parameters: Object.entries(query).map(([name, schema]) => ({ name, in: 'query', schema })),
        ...(body
          ? { requestBody: { required: true, content: { 'application/json': { schema: body } } } }
          : {}),
        responses: {
          200: {
            description: 'ok',
            ...(answer ? { content: { 'application/json': { schema: answer } } } : {}),
          },
        },
      },
    };
  }
  return { openapi: '3.1.0', info: { title: 'Test', version: '1' }, servers: [{ url: serverUrl }], paths };
}

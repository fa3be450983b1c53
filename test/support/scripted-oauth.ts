// A protected MCP server, its metadata and its authorization server at once, of a few lines each: tests change what they
// mean to be wrong, or unusual.

import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}
export type Answer = (seen: Seen, response: ServerResponse) => unknown;

/** A server that is the MCP server, its metadata and its authorization server at once; tests change what they mean. */
export class ScriptedOauth {
  readonly seen: Seen[] = [];
  readonly routes = new Map<string, Answer>();
  readonly #http = createServer((request, response) => void this.#serve(request, response));
  url = '';
  scope = 'mcp:read';
  tokens = 0;

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
    this.set('/.well-known/oauth-protected-resource/mcp', () => this.resource());
    this.set('/.well-known/oauth-authorization-server', () => this.metadata());
    this.set('/register', () => ({ client_id: 'registered', token_endpoint_auth_method: 'none' }), 201);
    this.set('/token', () => ({
      access_token: `token-${(this.tokens += 1)}`,
      token_type: 'Bearer',
      expires_in: 3600,
    }));
    this.routes.set('/authorize', ({ query }, response) => {
      const back = new URL(query.get('redirect_uri') ?? '');
      back.searchParams.set('code', 'code');
      back.searchParams.set('state', query.get('state') ?? '');
      back.searchParams.set('iss', this.url);
      response.writeHead(302, { location: back.href }).end();
    });
    this.routes.set('/mcp', (seen, response) => {
      const { authorization } = seen.headers;
      if (authorization === undefined) return this.challenge(response, 401, `scope="${this.scope}"`);
      return answerMcp(seen, response);
    });
    return this;
  }

  /** Answers a path with a document. */
  set(path: string, document: () => unknown, status = 200): void {
    this.routes.set(path, (_seen, response) => json(response, document(), status));
  }

  resource(change: object = {}): object {
    return { resource: `${this.url}/mcp`, authorization_servers: [this.url], ...change };
  }

  metadata(change: object = {}): object {
    return {
      issuer: this.url,
      authorization_endpoint: `${this.url}/authorize`,
      token_endpoint: `${this.url}/token`,
      registration_endpoint: `${this.url}/register`,
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['none'],
      ...change,
    };
  }

  challenge(response: ServerResponse, status: number, parameters: string): void {
    response.writeHead(status, { 'www-authenticate': `Bearer ${parameters}` }).end();
  }

  count(path: string): number {
    return this.seen.filter((entry) => entry.path === path).length;
  }

  async close(): Promise<void> {
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
    const { pathname: path, searchParams: query } = new URL(request.url ?? '', this.url);
    const seen = { method: request.method ?? '', path, query, headers: request.headers, body };
    this.seen.push(seen);
    const answer = this.routes.get(path);
    if (answer) answer(seen, response);
    else response.writeHead(404).end();
  }
}

function json(response: ServerResponse, document: unknown, status = 200): void {
  const text = typeof document === 'string' ? document : JSON.stringify(document);
  response.writeHead(status, { 'content-type': 'application/json' }).end(text);
}

/** Answers as a server of 2026-07-28 whose tools say that they are done. */
export function answerMcp({ body }: Seen, response: ServerResponse): void {
  const { id, method } = JSON.parse(body) as { id: unknown; method: string };
  const common = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };
  const result =
    method === 'server/discover'
      ? { ...common, supportedVersions: ['2026-07-28'], capabilities: { tools: {} } }
      : { ...common, content: [{ type: 'text', text: 'done' }] };
  json(response, { jsonrpc: '2.0', id, result });
}

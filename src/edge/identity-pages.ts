// The users' pages of the identity service on the web application: bytes in, bytes out. What pages there are, and who
// may see them, is the service's matter.

import type { HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import { SMALL_BODY_BYTES, readBody } from './body.ts';
import type { BodyBudget } from './body.ts';
import type { ClientAddress } from './client-address.ts';

export interface PageHandler {
  handles(path: string): boolean;
  answer(request: {
    readonly method: string;
    readonly path: string;
    readonly query: URLSearchParams;
    readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
    readonly form: URLSearchParams;
    readonly remoteAddress?: string;
  }): Promise<{
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  }>;
}

/** Serves the pages. Call it before anything that claims the same paths. */
export function servePages(
  app: Hono<{ Bindings: HttpBindings }>,
  pages: PageHandler,
  bodies: BodyBudget,
  addressOf: ClientAddress,
): void {
  app.all('/identities/*', async (c, next) => {
    const { incoming } = c.env;
    const [path = '', ...query] = (incoming.url ?? '').split('?');
    if (!pages.handles(path)) return next();
    const isForm = (incoming.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded');
    const body =
      c.req.method === 'POST' && isForm ? await readBody(incoming, SMALL_BODY_BYTES, bodies) : undefined;
    const address = 'httpVersion' in incoming ? addressOf(incoming) : undefined;
    const answer = await pages.answer({
      method: c.req.method,
      path,
      query: new URLSearchParams(query.join('?')),
      headers: incoming.headers,
      form: new URLSearchParams(body?.toString('utf8') ?? ''),
      ...(address === undefined ? {} : { remoteAddress: address }),
    });
    return new Response(answer.body, { status: answer.status, headers: answer.headers });
  });
}

// Everything that is not the data plane: control plane, health, landing page. Hono on the same server.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Hono } from 'hono';
import type { Context } from 'hono';
import type { Audit } from '../core/audit.ts';
import { toGatewayError } from '../core/errors.ts';
import { Secret } from '../lib/secret.ts';
import type { ErrorCode, GatewayError } from '../core/errors.ts';
import { SMALL_BODY_BYTES, readBody } from './body.ts';
import type { BodyBudget } from './body.ts';
import type { ClientAddress } from './client-address.ts';
import { servePages } from './identity-pages.ts';
import type { PageHandler } from './identity-pages.ts';
import { recordTurnedAway } from './turned-away.ts';
import type { Door } from './turned-away.ts';

/** Schema documents travel inside JSON strings; escaping may add a good half. */
const MAX_BODY_BYTES = 48 * 1024 * 1024;
const MAX_BODIES_BYTES = 4 * MAX_BODY_BYTES;
const NO_BODY = new Uint8Array();

export interface ControlHandler {
  handles(method: string, path: string): boolean;
  /** Whether the caller names a key that is known here; who does not may send a small body only. */
  admits(headers: Readonly<Record<string, readonly string[] | undefined>>): Promise<boolean>;
  handle(request: {
    readonly method: string;
    readonly target: string;
    readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
    readonly body: Uint8Array;
    readonly remoteAddress?: string;
  }): Promise<{
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string | Uint8Array;
  }>;
  /** Largest body of a request to this path (bytes); without it the size of schema documents. */
  readonly maxBodyBytes?: (path: string) => number;
  /** The answer to a request whose body could not be read. */
  readonly unreadable?: (fault: GatewayError) => {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
}

/** Whatever answers requests of its own addresses on the socket itself. */
export interface SocketHandler {
  handles(path: string): boolean;
  /** @param address of the client */
  handle(request: IncomingMessage, response: ServerResponse, address: string | undefined): Promise<void>;
}

export interface MetricsPage {
  /** Who has to show it as a bearer token; without one anybody who reaches the listener may read. */
  readonly token?: Secret;
  readonly contentType: string;
  text(): Promise<string>;
}

export interface WebServices {
  /** Absent on a listener that serves the data plane only. */
  readonly control?: ControlHandler;
  /** The API of functions, on the same listener. */
  readonly functions?: ControlHandler;
  /** Pages for users' browsers; absent on a listener that serves the control plane only. */
  readonly pages?: PageHandler;
  /** Present where clients and users of the data plane come, when it is on. */
  readonly authorizationServer?: SocketHandler;
  /** Undefined when ready, else the reason why not. */
  readonly notReady: () => Promise<string | undefined>;
  /** What is wrong although requests are served. */
  readonly degraded: () => Promise<readonly string[]>;
  /** Figures for Prometheus; absent on a listener that does not serve them. */
  readonly metrics?: MetricsPage;
  readonly isOwnHost: (host: string | undefined) => boolean;
  readonly addressOf: ClientAddress;
  /** Is told of everybody who is turned away here. */
  readonly audit?: Audit;
}

type Bindings = { Bindings: HttpBindings };

/** The web application of one listener. */
export function createWeb(services: WebServices): Hono<Bindings> {
  const app = new Hono<Bindings>();
  const bodies: BodyBudget = { free: MAX_BODIES_BYTES };
  // Probes know addresses rather than names, and learn nothing but whether the process is well.
  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/readyz', async (c) => {
    const reason = await services.notReady();
    if (reason !== undefined) return c.json({ status: 'not ready', reason }, 503);
    const degraded = await services.degraded();
    return c.json({ status: 'ready', ...(degraded.length === 0 ? {} : { degraded }) });
  });
  const { metrics } = services;
  const turnedAway = (c: Context<Bindings>, door: Door, code: ErrorCode): void =>
    recordTurnedAway(services.audit, door, code, c.env.incoming, services.addressOf);
  app.use(async (c, next) => {
    if (services.isOwnHost(c.env.incoming.headers.host)) return next();
    turnedAway(c, 'host', 'Forbidden');
    return c.text('This host name is not one of this server.\n', 403);
  });
  if (metrics)
    app.get('/metrics', async (c) => {
      const given = /^Bearer (.+)$/i.exec(c.req.header('authorization') ?? '')?.[1];
      if (metrics.token && (given === undefined || !metrics.token.equals(new Secret(given)))) {
        turnedAway(c, 'metrics', 'Unauthenticated');
        return c.text('The figures are shown with the token of GATEWRIGHT_METRICS_TOKEN.\n', 401, {
          'www-authenticate': 'Bearer',
        });
      }
      return c.text(await metrics.text(), 200, { 'content-type': metrics.contentType });
    });
  if (services.pages) servePages(app, services.pages, bodies, services.addressOf);
  const { control, authorizationServer } = services;
  if (authorizationServer)
    app.all('*', async (c, next) => {
      const { incoming, outgoing } = c.env;
      // Node's own server is HTTP/1.1 here, as edge/server.ts opens it.
      if (!('httpVersion' in incoming) || !authorizationServer.handles(incoming.url ?? '/')) return next();
      await authorizationServer.handle(incoming, outgoing, services.addressOf(incoming));
      return RESPONSE_ALREADY_SENT;
    });
  if (control) {
    app.get('/', (c) => c.redirect('/console/'));
    app.get('/console/', (c) => c.html(LANDING_PAGE));
  }
  for (const plane of [control, services.functions])
    if (plane)
      app.all('*', async (c, next) => {
        const target = c.env.incoming.url ?? '/';
        if (!plane.handles(c.req.method, target.split('?', 1)[0] ?? '/')) return next();
        return answerWith(plane, c, target, bodies, services.addressOf, turnedAway);
      });
  app.notFound((c) => c.json({ message: 'There is nothing at this address.' }, 404));
  app.onError((_error, c) => c.json({ message: 'An internal error occurred.' }, 500));
  return app;
}

async function answerWith(
  plane: ControlHandler,
  c: Context<Bindings>,
  target: string,
  bodies: BodyBudget,
  addressOf: ClientAddress,
  turnedAway: (c: Context<Bindings>, door: Door, code: ErrorCode) => void,
): Promise<Response> {
  const { incoming } = c.env;
  const isAdmitted = await plane.admits(incoming.headersDistinct);
  const maxBytes = plane.maxBodyBytes?.(target.split('?', 1)[0] ?? '/') ?? MAX_BODY_BYTES;
  let body: Buffer | undefined;
  try {
    body = await readBody(incoming, isAdmitted ? maxBytes : SMALL_BODY_BYTES, bodies);
  } catch (thrown) {
    const fault = toGatewayError(thrown);
    // Of a caller nobody knows the rest is not read: without it the request is refused as unsigned all the same.
    if (isAdmitted || fault.code !== 'TooLarge') {
      turnedAway(c, 'control plane', fault.code);
      return unreadable(c, fault, plane);
    }
  }
  const address = 'httpVersion' in incoming ? addressOf(incoming) : undefined;
  const answer = await plane.handle({
    method: c.req.method,
    target,
    headers: incoming.headersDistinct,
    body: body ?? NO_BODY,
    ...(address === undefined ? {} : { remoteAddress: address }),
  });
  // The package's types know bytes of one kind of buffer only.
  return new Response(answer.status === 204 ? null : (answer.body as string), {
    status: answer.status,
    headers: body === undefined ? { ...answer.headers, connection: 'close' } : answer.headers,
  });
}

function unreadable(c: Context<Bindings>, fault: GatewayError, plane: ControlHandler): Response {
  if (plane.unreadable) {
    const { status, headers, body } = plane.unreadable(fault);
    return new Response(body, { status, headers: { ...headers, connection: 'close' } });
  }
  const { code, message } = fault;
  if (code === 'Throttled')
    return c.json({ message }, 429, {
      'x-amzn-errortype': 'ThrottlingException',
      'retry-after': '1',
      connection: 'close',
    });
  return c.json({ message, reason: 'CannotParse' }, code === 'TooLarge' ? 413 : 400, {
    'x-amzn-errortype': 'ValidationException',
    connection: 'close',
  });
}

const LANDING_PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Gatewright</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:4rem auto;padding:0 1rem;color:#1c1e21;background:#fff}
code{background:#f0f1f3;padding:.1em .3em;border-radius:4px}@media(prefers-color-scheme:dark){body{color:#e6e7e9;background:#16181b}code{background:#26292e}}</style>
</head><body><h1>Gatewright is running</h1>
<p>This server speaks the Amazon Bedrock AgentCore Gateway API. Point an AWS SDK, boto3 or the
<code>gatewright</code> command at this address; each gateway’s MCP endpoint is <code>/gateways/{gatewayId}/mcp</code>.</p>
<p>There is no console in this version. <a href="/healthz">/healthz</a> and <a href="/readyz">/readyz</a> say how the server is.</p>
</body></html>`;

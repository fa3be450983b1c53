// One request to the authorization server: how often an address may ask, which host everybody is told, and whether a page
// or the package answers.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../core/call.ts';
import { reasonOf, toGatewayError } from '../core/errors.ts';
import type { Clock } from '../lib/clock.ts';
import { REGISTRATION_HEADERS, routeOf, setClientAddress } from './addresses.ts';
import type { AuthorizationAudit } from './authorization-audit.ts';
import type { Interactions } from './interactions.ts';
import { PAGE_HEADERS, messagePage, redirectTo } from '../core/web-page.ts';
import type { WebAnswer } from '../core/web-page.ts';
import { INTERACTION_PATH } from './provider.ts';
import { addressKey, createAddressLimit } from './tallies.ts';
import type { UpstreamLogin } from './upstream-login.ts';

const MINUTE_MS = 60_000;
/** Requests of one address that leave something behind. */
const REGISTRATIONS_A_MINUTE = 30;
const BEGINNINGS_A_MINUTE = 300;

type Callback = (request: IncomingMessage, response: ServerResponse) => Promise<void>;
type Handle = (...request: [...Parameters<Callback>, address: string | undefined]) => Promise<void>;

export interface RequestServices {
  readonly publicUrl: () => string;
  readonly clock: Clock;
  readonly log: Log;
  readonly trail: Pick<AuthorizationAudit, 'signInElsewhere'>;
  /** Where users sign in, when that is elsewhere. */
  readonly identityProvider: string | undefined;
  /** What answers; undefined as long as there are no keys. */
  readonly parts: () =>
    | {
        readonly callback: Callback;
        readonly interactions: Interactions | undefined;
        readonly upstream: UpstreamLogin | undefined;
      }
    | undefined;
}

/** Answers requests on the socket itself. */
export function createRequestHandler(services: RequestServices): Handle {
  const { clock, log, parts, trail, identityProvider } = services;
  const mayRegister = createAddressLimit(clock, REGISTRATIONS_A_MINUTE, MINUTE_MS);
  const mayBegin = createAddressLimit(clock, BEGINNINGS_A_MINUTE, MINUTE_MS);

  async function answerPage(
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<WebAnswer> {
    const { interactions, upstream } = parts() ?? {};
    if (path === '/callback' && upstream) {
      try {
        const attempt = { request, ...(identityProvider === undefined ? {} : { identityProvider }) };
        const { uid } = await trail.signInElsewhere(attempt, () => upstream.callback(request));
        // To a clean address: nothing of code and state stays in the browser's history.
        return redirectTo(`${basePath(services.publicUrl())}/oauth${INTERACTION_PATH}${uid}`);
      } catch (thrown) {
        const fault = toGatewayError(thrown);
        log.warn({ reason: reasonOf(fault) }, 'a sign-in at the provider failed');
        return messagePage(400, 'Signing in did not work', 'Please start again in your application.');
      }
    }
    const uid = path.slice(INTERACTION_PATH.length);
    return interactions?.answer(uid, request, response) ?? notReady();
  }

  async function handle(
    request: IncomingMessage,
    response: ServerResponse,
    address: string | undefined,
  ): Promise<void> {
    const publicUrl = new URL(services.publicUrl());
    const route = routeOf(request.url ?? '/');
    const callback = parts()?.callback;
    if (!callback || !route) return send(response, notReady());
    const limited = addressKey(address);
    const isPage = route.path === '/callback' || route.path.startsWith(INTERACTION_PATH);
    if (route.path === '/reg') {
      for (const [name, value] of Object.entries(REGISTRATION_HEADERS)) response.setHeader(name, value);
      if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    }
    const isWithin = route.path === '/reg' ? mayRegister(limited) : mayBegin(limited);
    if (!isWithin) return send(response, tooMany());
    // The address that everybody is told, whatever the proxy before us or the caller says.
    request.headers.host = publicUrl.host;
    request.headers['x-forwarded-proto'] = publicUrl.protocol.slice(0, -1);
    for (const name of ['x-forwarded-host', ':authority']) delete request.headers[name];
    setClientAddress(request, address);
    if (isPage) {
      if (request.method !== 'GET' && request.method !== 'POST')
        return send(response, messagePage(405, 'Not possible', 'This address is for opening in a browser.'));
      return send(response, await answerPage(route.path, request, response));
    }
    for (const [name, value] of Object.entries(PAGE_HEADERS))
      if (name !== 'content-security-policy') response.setHeader(name, value);
    request.url = `${route.path}${route.query}`;
    Object.assign(request, { originalUrl: `${basePath(services.publicUrl())}/oauth${request.url}` });
    await callback(request, response);
  }

  return async (request, response, address) => {
    try {
      await handle(request, response, address);
    } catch (thrown) {
      const fault = toGatewayError(thrown);
      log.error({ reason: reasonOf(fault) }, 'the authorization server failed');
      if (!response.headersSent) send(response, notReady());
      else response.destroy();
    }
  };
}

function send(response: ServerResponse, { status, headers, body }: WebAnswer): void {
  for (const [name, value] of Object.entries(headers)) {
    const before = response.getHeader(name);
    // The interaction may have set cookies of its own on the way.
    if (name === 'set-cookie' && before !== undefined)
      response.setHeader(name, [before, value].flat().map(String));
    else response.setHeader(name, value);
  }
  response.writeHead(status).end(body);
}

function notReady(): WebAnswer {
  return messagePage(503, 'Not possible at the moment', 'Please try again in a moment.');
}

function tooMany(): WebAnswer {
  const answer = messagePage(429, 'Too many requests', 'Please wait a minute and try again.');
  return { ...answer, headers: { ...answer.headers, 'retry-after': '60' } };
}

/** The path of the public URL, without a slash at its end. */
function basePath(publicUrl: string): string {
  return new URL(publicUrl).pathname.replace(/\/$/, '');
}

// What users' browsers do here: open a link, go to the provider, come back; see and take back what they have allowed.
// The link proves nothing about who opens it: whose consent it was is said by the application (CompleteResourceTokenAuth),
// or, where there is none to return to, by the page and the browser alone.

import { createHash, randomBytes } from 'node:crypto';
import type { Log } from '../core/call.ts';
import { reasonOf, toGatewayError } from '../core/errors.ts';
import { withParameter } from '../core/web-address.ts';
import { messagePage, redirectTo } from '../core/web-page.ts';
import type { WebAnswer } from '../core/web-page.ts';
import type { Store } from '../stores/store.ts';
import { browserAt, toldSession } from './consent-audit.ts';
import type { ConsentAudit } from './consent-audit.ts';
import type { ConsentFlow } from './consent-flow.ts';
import { isSameUser } from './consent-sessions.ts';
import type { ConsentSessions, SessionRow } from './consent-sessions.ts';
import type { IdentityWeb, UserConsent, WebRequest } from './identity.ts';
import { clientDocument, providerOfPath } from './client-document.ts';
import { consentPage, consentsPage } from './pages.ts';
import type { Providers } from './providers.ts';

const AUTHORIZE = '/identities/authorize';
const CALLBACK = /^\/identities\/callback\/([0-9a-f-]{36})$/;
const CONSENTS = '/identities/consents';
/** Clean addresses that a browser ends at: nothing of a code or state stays in its history (T-77). */
const DONE = '/identities/done';
const FAILED = '/identities/failed';
const COOKIE_SECONDS = 600;

export interface WebServices {
  readonly log: Log;
  readonly store: Pick<Store, 'get'>;
  readonly publicUrl: () => string;
  readonly sessions: ConsentSessions;
  readonly flow: ConsentFlow;
  readonly providers: Providers;
  readonly callbackUrl: (providerId: string) => string;
  readonly list: (user: SessionRow['document']['user']) => Promise<readonly UserConsent[]>;
  readonly revoke: (consentId: string) => Promise<boolean>;
  readonly onCompleted: (row: SessionRow) => void;
  readonly trail: ConsentAudit;
}

/** The pages on these services. */
export function createIdentityWeb(services: WebServices): IdentityWeb {
  const { sessions, flow, log, trail } = services;
  const isHttps = (): boolean => services.publicUrl().startsWith('https:');
  const cookieName = (): string => `${isHttps() ? '__Host-' : ''}gatewright-consent`;

  function browserOf(request: WebRequest): string | undefined {
    const header = request.headers['cookie'];
    const start = `${cookieName()}=`;
    const found = (typeof header === 'string' ? header : '')
      .split(';')
      .map((pair) => pair.trim())
      .filter((pair) => pair.startsWith(start));
    const value = found.length === 1 ? found[0]?.slice(start.length) : undefined;
    return value !== undefined && /^[A-Za-z0-9_-]{43}$/.test(value) ? value : undefined;
  }

  function setCookie(browser: string): Readonly<Record<string, string>> {
    const attributes = `Path=/; Max-Age=${COOKIE_SECONDS}; HttpOnly; SameSite=Lax${isHttps() ? '; Secure' : ''}`;
    return { 'set-cookie': `${cookieName()}=${browser}; ${attributes}` };
  }

  /** A form of ours carries this; a page elsewhere knows neither the cookie nor the link. */
  const csrfOf = (browser: string, requestUri: string): string =>
    createHash('sha256').update(`${browser}\n${requestUri}`).digest('base64url');

  function isOwnForm(request: WebRequest, browser: string | undefined): browser is string {
    const origin = request.headers['origin'];
    if (origin !== undefined && origin !== new URL(services.publicUrl()).origin) return false;
    const requestUri = request.form.get('request_uri') ?? '';
    return browser !== undefined && request.form.get('csrf') === csrfOf(browser, requestUri);
  }

  async function showConsent(request: WebRequest): Promise<WebAnswer> {
    const requestUri = request.query.get('request_uri') ?? '';
    const row = await sessions.find(requestUri);
    if (!row || !['created', 'started'].includes(row.document.status)) return linkIsOver();
    const { document } = row;
    if (!(await services.providers.byId(document.providerId))) return linkIsOver();
    const { provider, server, scopes } = await flow.plan(row);
    const { protects } = provider.settings;
    const browser = browserOf(request) ?? randomBytes(32).toString('base64url');
    const { clientId, returnUrl } = document;
    return consentPage(
      {
        requestUri,
        csrf: csrfOf(browser, requestUri),
        workloadName: await workloadName(document.workloadId),
        ...(clientId === undefined ? {} : { clientId }),
        providerName: provider.name,
        providerHost: new URL(server.authorization_endpoint ?? server.issuer).host,
        ...(protects === undefined ? {} : { server: protects }),
        scopes,
        user: document.user,
        ...(returnUrl === undefined ? {} : { returnHost: new URL(returnUrl).host || returnUrl }),
      },
      setCookie(browser),
    );
  }

  async function startConsent(request: WebRequest): Promise<WebAnswer> {
    const browser = browserOf(request);
    if (!isOwnForm(request, browser)) return notOurForm();
    const requestUri = request.form.get('request_uri') ?? '';
    const row = await sessions.find(requestUri);
    if (!row || !['created', 'started'].includes(row.document.status)) return linkIsOver();
    const start = (): Promise<string> => flow.start(row, requestUri, browser);
    const address = await trail.step('StartUserConsent', toldSession(row), browserAt(request), start);
    return redirectTo(address, setCookie(browser));
  }

  async function returnFromProvider(providerId: string, request: WebRequest): Promise<WebAnswer> {
    const by = browserAt(request);
    const sent = await sessions.findByState(request.query.get('state') ?? '');
    const end = await trail.step(
      'GiveUserConsent',
      sent && toldSession(sent),
      by,
      () => flow.callback(providerId, request.query, browserOf(request)),
      ({ kind }) => (kind === 'denied' ? { decision: 'deny', reason: 'The user has not allowed it.' } : {}),
    );
    const { returnUrl, customState } = end.row.document;
    if (end.kind === 'denied') return redirectTo(`${FAILED}?reason=denied`);
    if (returnUrl === undefined) {
      await trail.step('CompleteUserConsent', toldSession(end.row), by, () => flow.exchange(end.row));
      services.onCompleted(end.row);
      return redirectTo(DONE);
    }
    const back = withParameter(returnUrl, 'session_id', end.sessionUri);
    return redirectTo(customState === undefined ? back : withParameter(back, 'state', customState));
  }

  /** The link is known to the application that it was made for: it shows what was given on that one's account. */
  async function consentsOf({ document }: SessionRow): Promise<readonly UserConsent[]> {
    const consents = await services.list(document.user);
    return consents.filter(
      ({ workloadId, user }) => workloadId === document.workloadId && isSameUser(user, document.user),
    );
  }

  async function showConsents(request: WebRequest): Promise<WebAnswer> {
    const requestUri = request.query.get('request_uri') ?? request.form.get('request_uri') ?? '';
    const row = await sessions.find(requestUri);
    if (!row) return linkIsOver();
    const browser = browserOf(request) ?? randomBytes(32).toString('base64url');
    const consents = await consentsOf(row);
    const names = new Map<string, string>();
    for (const { workloadId } of consents) names.set(workloadId, await workloadName(workloadId));
    const page = { requestUri, csrf: csrfOf(browser, requestUri), user: row.document.user, consents, names };
    return consentsPage(page, setCookie(browser));
  }

  async function revokeConsent(request: WebRequest): Promise<WebAnswer> {
    if (!isOwnForm(request, browserOf(request))) return notOurForm();
    const requestUri = request.form.get('request_uri') ?? '';
    const row = await sessions.find(requestUri);
    if (!row) return linkIsOver();
    const consentId = request.form.get('consent') ?? '';
    const own = (await consentsOf(row)).find((consent) => consent.consentId === consentId);
    if (own)
      await trail.step('RevokeUserConsent', { ...own, consent: consentId }, browserAt(request), () =>
        services.revoke(consentId),
      );
    return redirectTo(`${CONSENTS}?request_uri=${encodeURIComponent(requestUri)}`);
  }

  /** For authorization servers that know the gateway by the address of its document; nothing in it is secret. */
  async function showClient(providerId: string): Promise<WebAnswer> {
    const provider = await services.providers.byId(providerId);
    if (provider?.settings.protects === undefined) return notThere();
    const document = clientDocument(provider, services.publicUrl(), services.callbackUrl(providerId));
    const headers = { 'content-type': 'application/json', 'cache-control': 'public, max-age=300' };
    return { status: 200, headers, body: JSON.stringify(document) };
  }

  async function workloadName(workloadId: string): Promise<string> {
    const gateway = await services.store.get('gateway', workloadId);
    return gateway?.name ?? (await services.store.get('workload-identity', workloadId))?.name ?? workloadId;
  }

  async function answer(request: WebRequest): Promise<WebAnswer> {
    const { method, path } = request;
    const providerId = CALLBACK.exec(path)?.[1];
    const clientOf = providerOfPath(path);
    if (method === 'GET') {
      if (clientOf !== undefined) return showClient(clientOf);
      if (path === AUTHORIZE) return showConsent(request);
      if (path === CONSENTS) return showConsents(request);
      if (providerId !== undefined) return returnFromProvider(providerId, request);
      if (path === DONE)
        return messagePage(200, 'Access allowed', 'You can close this page and go on where you were.');
      return request.query.get('reason') === 'denied'
        ? messagePage(
            403,
            'Not allowed',
            'Access was not allowed. You can close this page; nothing was kept.',
          )
        : notExpected();
    }
    if (method === 'POST' && path === AUTHORIZE) return startConsent(request);
    if (method === 'POST' && path === CONSENTS) return revokeConsent(request);
    return messagePage(405, 'Not possible', 'This address is for opening in a browser.');
  }

  return Object.freeze({
    handles: (path: string) =>
      [AUTHORIZE, CONSENTS, DONE, FAILED].includes(path) ||
      path.startsWith('/identities/callback/') ||
      providerOfPath(path) !== undefined,
    async answer(request: WebRequest): Promise<WebAnswer> {
      try {
        return await answer(request);
      } catch (thrown) {
        const fault = toGatewayError(thrown);
        const reason = reasonOf(fault);
        log.warn(
          { path: request.path.replace(/callback\/.*/, 'callback'), code: fault.code, reason },
          'a consent page failed',
        );
        // Away from an address that holds a code.
        if (request.path.startsWith('/identities/callback/')) return redirectTo(FAILED);
        return fault.code === 'Conflict' ? linkIsOver() : outOfOrder();
      }
    },
  });
}

function linkIsOver(): WebAnswer {
  return messagePage(
    410,
    'This link is over',
    'It was used, or is older than ten minutes. Please start again where you came from.',
  );
}

function notOurForm(): WebAnswer {
  return messagePage(
    403,
    'Not possible',
    'This form was not opened in this browser. Please open the link again; cookies are needed.',
  );
}

function notExpected(): WebAnswer {
  return messagePage(
    400,
    'Something went wrong',
    'Access could not be set up, and nothing was kept. Please start again where you came from.',
  );
}

function notThere(): WebAnswer {
  return messagePage(404, 'Not here', 'There is nothing at this address.');
}

function outOfOrder(): WebAnswer {
  return messagePage(
    503,
    'Something went wrong',
    'The provider cannot be used at the moment. Please try again later.',
  );
}

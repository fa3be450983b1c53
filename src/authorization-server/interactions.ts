// What users see between a client's request and its code: sign in, then allow or not. With an upstream provider it is the
// other way round: nobody is sent there for a client they have not allowed before (confused deputy, MCP security best
// practices). Consent belongs to user, client and gateway; it is remembered in the session, but not for programs on the
// user's machine, which anybody's program can pass itself off as.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Interaction, Provider } from 'oidc-provider';
import type { Log } from '../core/call.ts';
import { Secret } from '../lib/secret.ts';
import type { Allowance, AuthorizationAudit } from './authorization-audit.ts';
import { readOwnForm } from './browser-form.ts';
import { isLoopbackUri } from './client-rules.ts';
import { BASE_SCOPE } from './gateway-resources.ts';
import type { GatewayResource, GatewayResources } from './gateway-resources.ts';
import type { LocalUsers } from './local-users.ts';
import { messagePage, redirectTo } from '../core/web-page.ts';
import type { WebAnswer } from '../core/web-page.ts';
import { consentPage, loginPage } from './pages.ts';
import type { ClientView } from './pages.ts';
import { INTERACTION_PATH, scopesOf } from './provider.ts';
import { clientAddressOf } from './addresses.ts';
import { addressKey } from './tallies.ts';
import type { UpstreamLogin } from './upstream-login.ts';

const OIDC_SCOPES = ['openid', 'offline_access'];

export interface InteractionServices {
  readonly provider: () => Provider;
  readonly issuer: string;
  readonly publicUrl: string;
  readonly resources: GatewayResources;
  readonly users: LocalUsers;
  readonly log: Log;
  readonly trail: Pick<AuthorizationAudit, 'allow' | 'deny' | 'signIn'>;
  /** Present when users sign in elsewhere. */
  readonly upstream?: UpstreamLogin;
  /** What a signed-in account is called. */
  readonly nameOf: (accountId: string) => Promise<string | undefined>;
}

interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly details: Interaction;
  readonly client: ClientView;
  readonly wanted: readonly GatewayResource[];
  readonly action: string;
}

export interface Interactions {
  /** Answers for `/interaction/{uid}`. */
  answer(uid: string, request: IncomingMessage, response: ServerResponse): Promise<WebAnswer>;
}

/** The pages between request and code. */
export function createInteractions(services: InteractionServices): Interactions {
  const { provider, users, upstream, trail } = services;
  const basePath = new URL(services.issuer).pathname;

  async function visit(
    uid: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Visit | undefined> {
    const details = await provider()
      .interactionDetails(request, response)
      .catch(() => undefined);
    if (details?.uid !== uid) return undefined;
    const { client_id: id, redirect_uri: redirectUri, resource, scope } = details.params;
    const client = await provider().Client.find(String(id));
    if (!client) return undefined;
    const urls = [resource].flat().filter((url) => typeof url === 'string');
    const found = await Promise.all(urls.map((url) => services.resources.find(url)));
    const wanted = found.filter((gateway) => gateway !== undefined);
    const known = new Set(wanted.flatMap(({ scopes }) => scopes));
    const view: ClientView = {
      id: client.clientId,
      name: client.clientName,
      ...(client.clientIdMetadataDocument === true ? { documentHost: new URL(client.clientId).host } : {}),
      redirectUri: String(redirectUri),
      isLoopback: isLoopbackUri(String(redirectUri)),
      gateways: wanted.map(({ name }) => name),
      scopes: scopesOf(scope).filter((name) => known.has(name)),
    };
    return {
      request,
      response,
      details,
      client: view,
      wanted,
      action: `${basePath}${INTERACTION_PATH}${uid}`,
    };
  }

  async function finish(at: Visit, result: Readonly<Record<string, unknown>>): Promise<WebAnswer> {
    const options = { mergeWithLastSubmission: !('error' in result) };
    return redirectTo(await provider().interactionResult(at.request, at.response, result, options));
  }

  function allowanceOf({ request, client, wanted }: Visit, accountId?: string): Allowance {
    return {
      request,
      clientId: client.id,
      gateways: wanted,
      scopes: client.scopes,
      ...(accountId === undefined ? {} : { accountId }),
    };
  }

  const refuse = (at: Visit): Promise<WebAnswer> =>
    finish(at, { error: 'access_denied', error_description: 'The user did not allow it.' });

  async function grantTo(at: Visit, accountId: string): Promise<string> {
    const grant = new (provider().Grant)({ accountId, clientId: at.client.id });
    const asked = scopesOf(at.details.params['scope']);
    grant.addOIDCScope(OIDC_SCOPES.filter((scope) => asked.includes(scope)).join(' '));
    for (const { url, scopes } of at.wanted)
      grant.addResourceScope(url, [BASE_SCOPE, ...scopes.filter((scope) => asked.includes(scope))].join(' '));
    const grantId = await trail.allow(allowanceOf(at, accountId), () => grant.save());
    const gateways = at.wanted.map(({ id }) => id).join(' ');
    services.log.info({ userId: accountId, clientId: at.client.id, gateways }, 'a user has allowed a client');
    return grantId;
  }

  async function show(at: Visit): Promise<WebAnswer> {
    const { accountId } = at.details.session ?? {};
    if (at.details.prompt.name === 'login') {
      if (!upstream) return loginPage(at.client, { action: at.action });
      const arrived = await upstream.arrival(at.details.uid, at.request);
      if (arrived === 'denied') return refuse(at);
      if (arrived)
        return finish(at, {
          login: { accountId: arrived.accountId },
          consent: { grantId: await grantTo(at, arrived.accountId) },
        });
      return consentPage(at.client, { action: at.action, next: `Continue to ${await upstream.host()}` });
    }
    const userName = accountId === undefined ? undefined : await services.nameOf(accountId);
    return consentPage(at.client, {
      action: at.action,
      next: 'Allow',
      ...(userName === undefined ? {} : { userName }),
    });
  }

  async function submit(at: Visit): Promise<WebAnswer> {
    const form = await readOwnForm(at.request, services.publicUrl);
    if (!form)
      return messagePage(
        403,
        'Not possible',
        'This form did not come from a page of this server. Please start again.',
      );
    const decision = form.get('decision');
    const { accountId } = at.details.session ?? {};
    if (decision === 'deny') {
      trail.deny(allowanceOf(at, accountId));
      return refuse(at);
    }
    if (at.details.prompt.name !== 'login') {
      if (decision !== 'allow' || accountId === undefined) return show(at);
      return finish(at, { consent: { grantId: await grantTo(at, accountId) } });
    }
    if (upstream) {
      if (decision !== 'allow') return show(at);
      const { location, headers } = await upstream.begin(at.details.uid, at.request);
      return redirectTo(location, headers);
    }
    return signIn(at, form);
  }

  async function signIn(at: Visit, form: URLSearchParams): Promise<WebAnswer> {
    const userName = (form.get('username') ?? '').slice(0, 64);
    const password = new Secret((form.get('password') ?? '').slice(0, 1_000));
    const attempt = { request: at.request, clientId: at.client.id, userName };
    const outcome = await trail.signIn(attempt, () =>
      users.signIn(userName, password, addressKey(clientAddressOf(at.request))),
    );
    if (outcome.kind === 'user') return finish(at, { login: { accountId: outcome.id, amr: ['pwd'] } });
    const fault =
      outcome.kind === 'throttled'
        ? 'Too many attempts. Please wait a quarter of an hour and try again.'
        : 'The user name or the password is wrong.';
    const remoteAddress = clientAddressOf(at.request);
    services.log.warn(
      { clientId: at.client.id, remoteAddress, outcome: outcome.kind },
      'a sign-in was refused',
    );
    const status = outcome.kind === 'throttled' ? 429 : 401;
    return loginPage(at.client, { action: at.action, userName, fault, status });
  }

  return Object.freeze({
    async answer(uid: string, request: IncomingMessage, response: ServerResponse): Promise<WebAnswer> {
      const at = await visit(uid, request, response);
      if (!at)
        return messagePage(
          400,
          'This page is over',
          'It was used, is too old, or was opened in another browser. Please start again in your application; cookies are needed.',
        );
      return request.method === 'POST' ? submit(at) : show(at);
    },
  });
}

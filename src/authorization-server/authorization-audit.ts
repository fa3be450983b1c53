// What the audit log is told of the authorization server: who signed in or was refused, which client a user has allowed,
// what was given out, refreshed, refused and taken back, which clients have registered. Codes, tokens, verifiers, passwords
// and secrets stand in no record, and neither does what a stranger has written: of refusals only the protocol's own words.

import type { IncomingMessage } from 'node:http';
import type { Client, KoaContext, Provider } from 'oidc-provider';
import type { ArnFactory } from '../core/arn.ts';
import { NO_AUDIT, OWN_SOURCE, userAgentOf } from '../core/audit.ts';
import type { Audit, AuditActor, AuditFact } from '../core/audit.ts';
import { credentialUse } from '../core/credential-use.ts';
import { createFigures } from '../core/figures.ts';
import type { Figures } from '../core/figures.ts';
import type { JsonObject } from '../core/json.ts';
import { begin, recorded } from '../core/recorded.ts';
import { userNameKey } from '../core/user-name.ts';
import { clientAddressOf } from './addresses.ts';
import type { GatewayResource, GatewayResources } from './gateway-resources.ts';
import type { SignInOutcome } from './local-users.ts';
import { errorOf, faultsOf } from './provider-faults.ts';
import type { ProviderFaults } from './provider-faults.ts';

const MAX_TEXT = 512;
const MAX_URIS = 10;
const GRANT_TYPES: ReadonlySet<unknown> = new Set([
  'authorization_code',
  'client_credentials',
  'refresh_token',
]);
/** What is asked for by POST, by the package's paths: each changes something. */
const EVENTS: Readonly<Record<string, string>> = Object.freeze({
  '/token': 'IssueToken',
  '/token/revocation': 'RevokeToken',
  '/reg': 'RegisterClient',
});
const GATEWAY = 'AWS::BedrockAgentCore::Gateway';

/** Where somebody signs in, and for which client. */
export interface SignInAttempt {
  readonly request: IncomingMessage;
  readonly clientId?: string;
  /** As it was typed: perhaps not a name at all. */
  readonly userName?: string;
  /** Of the provider, where users sign in elsewhere. */
  readonly identityProvider?: string;
}

/** A client that a user allows, or does not. */
export interface Allowance {
  readonly request: IncomingMessage;
  readonly clientId: string;
  readonly accountId?: string;
  readonly gateways: readonly GatewayResource[];
  readonly scopes: readonly string[];
}

export interface AuthorizationAudit {
  /** Records what a provider answers, from now on. */
  watch(provider: Provider): void;
  /** Lets somebody sign in here. @throws as `recorded` of core/ */
  signIn(attempt: SignInAttempt, work: () => Promise<SignInOutcome>): Promise<SignInOutcome>;
  /** Takes what a provider says of somebody who signed in there; without an account they did not. @throws as `signIn` */
  signInElsewhere<T extends { readonly accountId: string | undefined }>(
    attempt: SignInAttempt,
    work: () => Promise<T>,
  ): Promise<T>;
  /** Lets a user allow a client. @throws as `signIn` */
  allow<T>(allowance: Allowance, work: () => Promise<T>): Promise<T>;
  /** A user does not allow a client. */
  deny(allowance: Allowance): void;
  /** Sends a code to the provider where users sign in, with this house's own secret. @throws as `signIn` */
  redeem<T>(clientId: string, endpoint: string | undefined, work: () => Promise<T>): Promise<T>;
}

export interface AuthorizationAuditServices {
  readonly audit?: Audit;
  readonly figures?: Figures;
  readonly arns: Pick<ArnFactory, 'gateway'>;
  readonly issuer: () => string;
  readonly resources: Pick<GatewayResources, 'find'>;
}

/** The records of one process. */
export function createAuthorizationAudit(services: AuthorizationAuditServices): AuthorizationAudit {
  const { audit = NO_AUDIT, figures = createFigures(), arns, resources } = services;

  const user = (id: string, clientId: string | undefined): AuditActor => ({
    kind: 'principal',
    principal: {
      type: 'oauth-user',
      id,
      issuer: services.issuer(),
      ...(clientId === undefined ? {} : { clientId }),
    },
  });

  const factOf = (eventName: string, request: IncomingMessage, more: Partial<AuditFact> = {}): AuditFact => ({
    eventName,
    eventSource: OWN_SOURCE,
    category: 'Management',
    isReadOnly: false,
    actor: { kind: 'unknown' },
    ...placeOf(request),
    ...more,
  });

  const named = (gateways: readonly GatewayResource[]): Partial<AuditFact> => ({
    ...(gateways.length === 1 && gateways[0] ? { gatewayId: gateways[0].id } : {}),
    ...(gateways.length === 0
      ? {}
      : { resources: gateways.map(({ id }) => ({ arn: arns.gateway(id), type: GATEWAY })) }),
  });

  /** What came of a request, from what the package has noted of it. */
  async function outcomeOf(context: KoaContext, faults: ProviderFaults): Promise<Partial<AuditFact>> {
    const { client, entities, params } = context.oidc;
    const about = await aboutOf(context);
    const grantType = params?.['grant_type'];
    const requestParameters: JsonObject = {
      ...(client ? { clientId: client.clientId.slice(0, MAX_TEXT) } : {}),
      ...(GRANT_TYPES.has(grantType) ? { grantType: String(grantType) } : {}),
    };
    const fault = faults.of(context);
    if (fault) {
      const { code, reason, isReuse } = errorOf(fault);
      const holder = textOf(entities['RefreshToken'], 'accountId') ?? textOf(entities['Grant'], 'accountId');
      return {
        // Whose code or token it was; who has shown it is another matter.
        requestParameters: { ...requestParameters, ...(holder === undefined ? {} : { user: holder }) },
        decision: 'deny',
        errorCode: code,
        reason: reason ?? code,
        ...(isReuse ? { more: { isReuse } } : {}),
      };
    }
    const id = about.accountId ?? client?.clientId;
    return {
      ...(id === undefined ? {} : { actor: user(id, client?.clientId) }),
      ...(about.gateway ? named([about.gateway]) : {}),
      requestParameters,
      responseElements: { ...about.answer, ...(context.path === '/reg' ? registered(client) : {}) },
    };
  }

  async function aboutOf({ oidc }: KoaContext): Promise<{
    readonly accountId?: string;
    readonly gateway?: GatewayResource;
    readonly answer: JsonObject;
  }> {
    const { AccessToken, AuthorizationCode, ClientCredentials, RefreshToken, RotatedRefreshToken } =
      oidc.entities;
    const token = AccessToken ?? ClientCredentials ?? RefreshToken;
    const source = token ?? AuthorizationCode;
    const url = textOf(token, 'aud') ?? textOf(source, 'resource');
    const gateway = url === undefined ? undefined : await resources.find(url);
    const accountId = textOf(source, 'accountId');
    const scope = textOf(source, 'scope');
    return {
      ...(accountId === undefined ? {} : { accountId }),
      ...(gateway ? { gateway } : {}),
      answer: {
        ...(RefreshToken === undefined ? {} : { hasRefreshToken: true }),
        ...(RotatedRefreshToken === undefined ? {} : { isRotated: true }),
        ...(scope === undefined ? {} : { scope: scope.slice(0, MAX_TEXT) }),
      },
    };
  }

  async function answerRecorded(
    context: KoaContext,
    next: () => Promise<void>,
    eventName: string,
    faults: ProviderFaults,
  ): Promise<void> {
    let end: Awaited<ReturnType<typeof begin>>;
    try {
      end = await begin(audit, factOf(eventName, context.req));
    } catch {
      return refuse(context);
    }
    try {
      await next();
    } catch (thrown) {
      end({ errorCode: 'server_error' });
      throw thrown;
    }
    end(await outcomeOf(context, faults));
  }

  /** Most requests to this address only lead to a page; what counts is a code, or a refusal. */
  async function authorizeRecorded(
    context: KoaContext,
    next: () => Promise<void>,
    faults: ProviderFaults,
  ): Promise<void> {
    await next();
    if (context.oidc?.entities['AuthorizationCode'] === undefined && !faults.of(context)) return;
    try {
      await audit.commit({
        ...factOf('IssueAuthorizationCode', context.req),
        decision: 'allow',
        ...(await outcomeOf(context, faults)),
      });
    } catch {
      // The code is there, and nobody has it.
      refuse(context);
    }
  }

  return Object.freeze({
    watch(provider) {
      if (audit.mode === 'off') return;
      const faults = faultsOf(provider);
      provider.use(async (context, next) => {
        const eventName = context.method === 'POST' ? EVENTS[context.path] : undefined;
        if (eventName !== undefined) return answerRecorded(context, next, eventName, faults);
        if (context.path === '/auth' || context.path.startsWith('/auth/'))
          return authorizeRecorded(context, next, faults);
        return next();
      });
    },
    async signIn(attempt, work) {
      const { request, clientId, userName = '' } = attempt;
      const typed = { userNameHmac: audit.digest(userNameKey(userName)) };
      const asked = { ...clientOf(clientId), ...typed };
      const outcome = await recorded(
        audit,
        factOf('SignIn', request, { requestParameters: asked }),
        work,
        (found) =>
          found.kind === 'user'
            ? { actor: user(found.id, clientId), requestParameters: { ...asked, userName: found.name } }
            : {
                decision: 'deny',
                errorCode: found.kind === 'throttled' ? 'Throttled' : 'Unauthenticated',
                reason: found.kind === 'throttled' ? 'too many attempts' : 'wrong user name or password',
                // A name that nobody has may be a password in the wrong field.
                ...(found.name === undefined
                  ? {}
                  : { requestParameters: { ...asked, userName: found.name } }),
              },
      );
      const result = outcome.kind === 'user' ? 'success' : outcome.kind;
      figures.count('signIns', { outcome: result }).value += 1;
      return outcome;
    },
    async signInElsewhere(attempt, work) {
      const { request, clientId, identityProvider } = attempt;
      const asked = {
        ...clientOf(clientId),
        ...(identityProvider === undefined ? {} : { identityProvider }),
      };
      let isIn = false;
      try {
        return await recorded(
          audit,
          factOf('SignIn', request, { requestParameters: asked }),
          work,
          ({ accountId }) => {
            isIn = accountId !== undefined;
            return accountId === undefined
              ? { decision: 'deny', errorCode: 'access_denied', reason: 'the provider did not sign them in' }
              : { actor: user(accountId, clientId) };
          },
          { decision: 'deny', reason: 'what the provider sent does not hold' },
        );
      } finally {
        figures.count('signIns', { outcome: isIn ? 'success' : 'refused' }).value += 1;
      }
    },
    allow: (allowance, work) => recorded(audit, allowanceFact(allowance), work),
    deny: (allowance) =>
      audit.record({ ...allowanceFact(allowance), decision: 'deny', reason: 'the user did not allow it' }),
    redeem: (clientId, endpoint, work) =>
      recorded(
        audit,
        credentialUse({
          purpose: 'sign-in',
          type: 'OAUTH',
          ...(endpoint === undefined ? {} : { destination: new URL(endpoint) }),
          more: { clientId, grantType: 'authorization_code' },
        }),
        work,
      ),
  } satisfies AuthorizationAudit);

  function allowanceFact({ request, clientId, accountId, gateways, scopes }: Allowance): AuditFact {
    return factOf('AllowClient', request, {
      ...(accountId === undefined ? {} : { actor: user(accountId, clientId) }),
      ...named(gateways),
      requestParameters: { ...clientOf(clientId), scopes: scopes.join(' ').slice(0, MAX_TEXT) },
    });
  }
}

const clientOf = (clientId: string | undefined): JsonObject =>
  clientId === undefined ? {} : { clientId: clientId.slice(0, MAX_TEXT) };

function placeOf(request: IncomingMessage): Partial<AuditFact> {
  const address = clientAddressOf(request);
  return {
    ...userAgentOf(request.headersDistinct),
    ...(address === undefined ? {} : { sourceIpAddress: address }),
  };
}

/** What a client has been registered as. Its addresses lose what may be a key in them. */
function registered(client: Client | undefined): JsonObject {
  if (!client) return {};
  return {
    clientId: client.clientId,
    ...(client.clientName === undefined ? {} : { clientName: client.clientName.slice(0, MAX_TEXT) }),
    redirectUris: client.redirectUris.slice(0, MAX_URIS).map((uri) => uri.replace(/[?#].*$/s, '')),
    tokenEndpointAuthMethod: client.clientAuthMethod,
  };
}

/** A text among the members of one of the package's records. */
function textOf(record: unknown, member: string): string | undefined {
  if (typeof record !== 'object' || record === null) return undefined;
  const value = (record as Readonly<Record<string, unknown>>)[member];
  return typeof value === 'string' ? value : undefined;
}

function refuse(context: KoaContext): void {
  context.remove('location');
  context.status = 503;
  context.set('retry-after', '1');
  context.body = {
    error: 'temporarily_unavailable',
    error_description: 'The audit log cannot be written, and this server does nothing that it cannot record.',
  };
}

// The identity service of one process: puts its parts together, follows what other processes change, and answers
// applications that ask for tokens through the API.

import { parseArn } from '../core/arn.ts';
import type { ArnScope } from '../core/arn.ts';
import type { Audit } from '../core/audit.ts';
import type { Log } from '../core/call.ts';
import { GatewayError, invalidField, reasonOf } from '../core/errors.ts';
import type { Figures } from '../core/figures.ts';
import type { Egress } from '../core/outbound.ts';
import type { TokenUser } from '../core/resources.ts';
import type { Clock } from '../lib/clock.ts';
import type { Secret } from '../lib/secret.ts';
import { isBehind } from '../stores/store.ts';
import type { Store } from '../stores/store.ts';
import { createConsentAudit, toldSession } from './consent-audit.ts';
import { createConsentFlow } from './consent-flow.ts';
import { createConsentList } from './consent-list.ts';
import { createConsentSessions } from './consent-sessions.ts';
import type { ConsentLink, ConsentWish, SessionRow } from './consent-sessions.ts';
import { createGrants } from './grants.ts';
import type { Identity, ResourceToken, ResourceWish, WorkloadClaims } from './identity.ts';
import { createProtectedServers } from './protected-servers.ts';
import { createProviders } from './providers.ts';
import type { Sealing } from './providers.ts';
import { createAuthorizationServers } from './servers.ts';
import { createTokenSource } from './token-source.ts';
import type { KnownProvider } from './token-source.ts';
import { tokenKey } from './token-need.ts';
import type { TokenNeed } from './token-need.ts';
import { createTokenVault } from './token-vault.ts';
import { createIdentityWeb } from './web.ts';

const POLL_MS = 2_000;
const SWEEP_MS = 10 * 60_000;

export interface IdentityServices extends Sealing {
  readonly store: Store;
  readonly egress: Egress;
  readonly clock: Clock;
  readonly log: Log;
  readonly audit?: Audit;
  readonly figures?: Figures;
  readonly scope: ArnScope;
  /** The JWT that this process is known by where it runs. @throws GatewayError CredentialUnavailable */
  readonly workloadToken: () => Promise<Secret>;
  /** Base of every URL handed out; known once the process listens. */
  readonly publicUrl: () => string;
}

/** An identity service that has not started; it can be asked from the beginning. */
export function createIdentity(services: IdentityServices): Identity {
  const { store, log, publicUrl } = services;
  const providers = createProviders(store, services);
  const servers = createAuthorizationServers(services);
  const grants = createGrants({ ...services, servers, providers });
  const vault = createTokenVault({ ...services, grants });
  const trail = createConsentAudit({ ...services, providers });
  const sessions = createConsentSessions({ ...services, onBegun: told });
  const callbackUrl = (providerId: string): string => `${publicUrl()}/identities/callback/${providerId}`;
  const protectedServers = createProtectedServers({ ...services, servers, callbackUrl });
  const flow = createConsentFlow({
    ...services,
    sessions,
    providers,
    protectedServers,
    servers,
    grants,
    vault,
    callbackUrl,
  });
  const consentList = createConsentList({ store, log, providers, sessions, grants, vault });
  const listeners: ((targetId: string) => void)[] = [];
  const known = new Map<string, KnownProvider>();
  const timers: NodeJS.Timeout[] = [];
  let stopListening: (() => void) | undefined;
  let sequence = 0;

  function told(
    { sessionId }: ConsentLink,
    { need, by = {}, ...wish }: ConsentWish,
    providerName?: string,
  ): Promise<void> {
    const named = providerName === undefined ? {} : { providerName };
    return trail.step('BeginUserConsent', { ...wish, ...need, ...named, session: sessionId }, by, done);
  }

  function tell({ document }: SessionRow): void {
    if (document.targetId !== undefined) for (const listener of listeners) listener(document.targetId);
  }

  async function resourceToken(
    claims: WorkloadClaims,
    wish: ResourceWish,
    subject?: Secret,
  ): Promise<ResourceToken> {
    const provider = await protectedServers.ready(await providers.byName(wish.providerName));
    if (provider.proof)
      throw new GatewayError(
        'CredentialUnavailable',
        'Tokens of this provider are bound to a key of the gateway, so that nobody else can use them.',
      );
    const { scopes, customParameters, resources, audiences } = wish;
    const common = { workloadId: claims.workloadId, scopes, customParameters, resources, audiences };
    if (wish.flow === 'M2M') {
      const need: TokenNeed = { ...common, grant: 'CLIENT_CREDENTIALS' };
      return given(await vault.obtain(tokenKey(provider.id, need), need, provider));
    }
    const { user } = claims;
    if (!user) throw invalidField('workloadIdentityToken', `does not name a user, whom ${wish.flow} needs`);
    if (wish.flow === 'ON_BEHALF_OF_TOKEN_EXCHANGE') {
      if (!subject)
        throw invalidField(
          'workloadIdentityToken',
          'was not made for the token of a user (GetWorkloadAccessTokenForJWT)',
        );
      const need: TokenNeed = { ...common, grant: 'TOKEN_EXCHANGE', user, subject };
      return given(await vault.obtain(tokenKey(provider.id, need), need, provider));
    }
    const need = { ...common, grant: 'AUTHORIZATION_CODE', user } as const;
    const key = tokenKey(provider.id, need);
    const isForced = wish.forceAuthentication === true && wish.sessionUri === undefined;
    if (wish.sessionUri !== undefined) {
      const pending = await pendingSession(wish.sessionUri, key);
      if (pending) return pending;
    }
    const token = isForced ? undefined : await vault.obtain(key, need, provider);
    if (token) return { accessToken: token };
    if (wish.sessionUri !== undefined) return { sessionUri: wish.sessionUri, sessionStatus: 'FAILED' };
    const { returnUrl, customState } = wish;
    if (returnUrl !== undefined) await sessions.checkReturnUrl(claims.workloadId, returnUrl);
    const { authorizationUrl, sessionUri } = await sessions.request({
      need,
      tokenKey: key,
      providerId: provider.id,
      ...(returnUrl === undefined ? {} : { returnUrl }),
      ...(customState === undefined ? {} : { customState }),
      ...(wish.by === undefined ? {} : { by: wish.by }),
    });
    return { authorizationUrl, sessionUri };
  }

  /** How far a session is that an application waits for; undefined when it is complete. */
  async function pendingSession(sessionUri: string, key: string): Promise<ResourceToken | undefined> {
    const row = await sessions.find(sessionUri);
    if (row?.document.tokenKey !== key || row.document.status === 'failed')
      return { sessionUri, sessionStatus: 'FAILED' };
    if (row.document.status === 'completed') return undefined;
    return { authorizationUrl: sessions.linkOf(sessionUri), sessionUri, sessionStatus: 'IN_PROGRESS' };
  }

  /** What other processes have changed is forgotten here, so that it is read anew. */
  async function follow(): Promise<void> {
    for (;;) {
      const changes = await store.changes(sequence);
      if (isBehind(changes, sequence)) vault.forgetAll();
      for (const { kind, id } of changes) {
        if (kind === 'oauth2-credential-provider') vault.forget({ providerId: id });
        if (kind === 'oauth-token') vault.forgetUnless(id, await store.get('oauth-token', id));
      }
      sequence = changes.at(-1)?.sequence ?? sequence;
      if (changes.length < 1000) return;
    }
  }

  function quietly(work: () => Promise<void>): () => void {
    let isRunning = false;
    return () => {
      if (isRunning) return;
      isRunning = true;
      work()
        .catch((thrown: unknown) => log.warn({ reason: reasonOf(thrown) }, 'identity task failed'))
        .finally(() => (isRunning = false));
    };
  }

  return Object.freeze({
    callbackUrl,
    tokens: Object.freeze({
      tokensFor: (gatewayId, onBehalfOf) =>
        createTokenSource(gatewayId, onBehalfOf, {
          scope: services.scope,
          providers,
          protectedServers,
          vault,
          sessions,
          known,
        }),
      resourceToken,
      removeTokens: (of) => consentList.removeAll(of),
    } satisfies Identity['tokens']),
    consents: Object.freeze({
      async begin(tx, wish) {
        const reference = parseArn(wish.providerArn, services.scope);
        const provider =
          reference?.kind === 'oauth2-credential-provider'
            ? await tx.find('oauth2-credential-provider', '', reference.name)
            : undefined;
        if (!provider)
          throw new GatewayError('NotFound', `Credential provider ${wish.providerArn} not found`);
        const user: TokenUser = { userId: wish.userId };
        const { scopes, customParameters, gatewayId, targetId, returnUrl } = wish;
        const need = {
          grant: 'AUTHORIZATION_CODE',
          workloadId: gatewayId,
          user,
          scopes,
          customParameters,
          resources: [],
          audiences: [],
        } as const;
        const asked = {
          need,
          tokenKey: tokenKey(provider.id, need),
          providerId: provider.id,
          targetId,
          ...(returnUrl === undefined ? {} : { returnUrl }),
        };
        const link = await sessions.begin(tx, asked);
        // Of an operation that is refused after all the record says so, and the session is void. Whoever is in a transaction
        // must not look anything up beside it.
        await told(link, asked, provider.name);
        return link.authorizationUrl;
      },
      async complete(sessionUri, user, mayTouch, by = {}) {
        const row = await sessions.find(sessionUri);
        const complete = (): Promise<SessionRow> => flow.complete(sessionUri, user, mayTouch);
        tell(await trail.step('CompleteUserConsent', row && toldSession(row), by, complete));
      },
      list: (user) => consentList.list(user),
      revoke: (consentId) => consentList.revoke(consentId),
      onTargetConsent: (listener) => void listeners.push(listener),
      allowedReturnUrls: (workloadId) => sessions.allowedReturnUrls(workloadId),
    } satisfies Identity['consents']),
    web: createIdentityWeb({
      log,
      store,
      publicUrl,
      sessions,
      flow,
      providers,
      callbackUrl,
      list: (user) => consentList.list(user),
      revoke: (consentId) => consentList.revoke(consentId),
      onCompleted: tell,
      trail,
    }),
    figures: () => ({ tokens: vault.entries() }),
    async start() {
      sequence = await store.sequence();
      const following = quietly(follow);
      stopListening = store.onChange(following);
      timers.push(setInterval(following, POLL_MS).unref());
      timers.push(
        setInterval(
          quietly(() => sessions.sweep()),
          SWEEP_MS,
        ).unref(),
      );
    },
    close() {
      stopListening?.();
      for (const timer of timers) clearInterval(timer);
    },
  });
}

const done = (): Promise<void> => Promise.resolve();

function given(token: Secret | undefined): ResourceToken {
  if (token) return { accessToken: token };
  throw new GatewayError('CredentialUnavailable', 'The authorization server gave no token.');
}

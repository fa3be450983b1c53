// Tokens for the calls of one gateway's targets (core/token-source.ts): who the token is for follows from the grant
// and from the principal that the gateway has verified, never from anything the caller says.

import type { AuthChallenge } from '../core/auth-challenge.ts';
import type { CallContext } from '../core/call.ts';
import { parseArn } from '../core/arn.ts';
import type { ArnScope } from '../core/arn.ts';
import { GatewayError } from '../core/errors.ts';
import type { Principal } from '../core/principal.ts';
import { covers } from '../core/protected-resource.ts';
import type { TokenUser } from '../core/resources.ts';
import type { AccessToken, Prove, TokenSource, TokenWish } from '../core/token-source.ts';
import type { Secret } from '../lib/secret.ts';
import type { ConsentSessions } from './consent-sessions.ts';
import { INVALID_CLIENT } from './grant-outcome.ts';
import type { ProtectedServers } from './protected-servers.ts';
import type { Provider, Providers } from './providers.ts';
import { unionOfScopes } from './scopes.ts';
import { tokenKey } from './token-need.ts';
import type { TokenNeed } from './token-need.ts';
import type { TokenVault } from './token-vault.ts';

/** A server that always wants one scope more is given up on. */
const MAX_STEP_UPS = 5;

/** What is remembered of a provider, so that a call with a fresh token asks no store. */
export interface KnownProvider {
  readonly id: string;
  /** Makes the proofs that its tokens need. */
  readonly prove?: Prove;
  /** The one server that its tokens are for. */
  readonly protects?: URL;
}

interface SourceServices {
  readonly scope: ArnScope;
  readonly providers: Providers;
  readonly protectedServers: ProtectedServers;
  readonly vault: TokenVault;
  readonly sessions: ConsentSessions;
  /** By ARN. */
  readonly known: Map<string, KnownProvider>;
}

/** The token source of one gateway. `onBehalfOf`: a user id that stands in where a call has no user. */
export function createTokenSource(
  gatewayId: string,
  onBehalfOf: string | undefined,
  services: SourceServices,
): TokenSource {
  const { vault, sessions, protectedServers, known } = services;

  async function find(arn: string): Promise<Provider> {
    const reference = parseArn(arn, services.scope);
    try {
      if (reference?.kind !== 'oauth2-credential-provider')
        throw new GatewayError('NotFound', 'no such provider');
      const provider = await services.providers.byName(reference.name);
      const { protects } = provider.settings;
      const before = known.get(arn);
      known.set(arn, {
        ...(before?.id === provider.id ? before : {}),
        id: provider.id,
        ...(protects === undefined ? {} : { protects: new URL(protects) }),
      });
      return provider;
    } catch (thrown) {
      if (!(thrown instanceof GatewayError) || thrown.code !== 'NotFound') throw thrown;
      known.delete(arn);
      throw new GatewayError(
        'CredentialUnavailable',
        'The credential provider of this target no longer exists.',
        { cause: thrown },
      );
    }
  }

  function needOf(wish: TokenWish, { principal }: CallContext): TokenNeed {
    const user = userOf(principal) ?? (onBehalfOf === undefined ? undefined : { userId: onBehalfOf });
    const need = {
      grant: wish.grantType,
      workloadId: gatewayId,
      scopes: wish.scopes,
      customParameters: wish.customParameters,
      resources: [],
      audiences: [],
    };
    if (wish.grantType === 'CLIENT_CREDENTIALS') return need;
    if (!user)
      throw new GatewayError(
        'CredentialUnavailable',
        'This target acts on behalf of users, and the call has none.',
        {
          internal: `${wish.grantType} needs a caller with a verified token that has a subject (CUSTOM_JWT)`,
        },
      );
    if (wish.grantType === 'AUTHORIZATION_CODE') return { ...need, user };
    if (!principal.token)
      throw new GatewayError('CredentialUnavailable', 'This target needs the token of a user to exchange.');
    return { ...need, user, subject: principal.token };
  }

  async function ready(arn: string, found: Provider): Promise<Provider> {
    const provider = await protectedServers.ready(found);
    const { prove: _before, ...rest } = known.get(arn) ?? { id: provider.id };
    known.set(arn, provider.proof ? { ...rest, prove: provider.proof.prove } : rest);
    return provider;
  }

  function withProof(arn: string, secret: Secret): AccessToken {
    const prove = known.get(arn)?.prove;
    return prove ? { secret, prove } : { secret };
  }

  /** @param key undefined: no token that there is will do */
  async function obtain(
    arn: string,
    found: Provider,
    key: string | undefined,
    need: TokenNeed,
  ): Promise<{ readonly provider: Provider; readonly token: Secret | undefined }> {
    const provider = await ready(arn, found);
    if (key === undefined) return { provider, token: undefined };
    try {
      return { provider, token: await vault.obtain(key, need, provider) };
    } catch (thrown) {
      const isUnknown = thrown instanceof GatewayError && thrown.details.reason === INVALID_CLIENT;
      if (!isUnknown || !(await protectedServers.forgetClient(provider))) throw thrown;
      const anew = await ready(arn, found);
      return { provider: anew, token: await vault.obtain(key, need, anew) };
    }
  }

  /** A token for one server goes to no other, whatever a target is configured with. */
  function checkAddress(arn: string, address: URL): void {
    const protects = known.get(arn)?.protects;
    if (protects === undefined || covers(protects, address)) return;
    throw new GatewayError(
      'CredentialUnavailable',
      'The credential provider of this target is for another server.',
      {
        internal: `its tokens are for ${protects.href}, and the call goes to ${address.origin}${address.pathname}`,
      },
    );
  }

  return Object.freeze({
    async token(wish: TokenWish, ctx: CallContext, address: URL): Promise<AccessToken> {
      const need = needOf(wish, ctx);
      const isForced = wish.grantType === 'AUTHORIZATION_CODE' && ctx.consent?.forceAuthentication === true;
      const knownId = known.get(wish.providerArn)?.id;
      const fresh = vault.recall(knownId === undefined || isForced ? undefined : tokenKey(knownId, need));
      if (fresh) {
        checkAddress(wish.providerArn, address);
        return withProof(wish.providerArn, fresh);
      }
      const found = await find(wish.providerArn);
      checkAddress(wish.providerArn, address);
      const key = tokenKey(found.id, need);
      const { provider, token } = await obtain(wish.providerArn, found, isForced ? undefined : key, need);
      if (token) return withProof(wish.providerArn, token);
      throw await consentRequired(key, need, provider, wish, ctx);
    },
    reject(wish: TokenWish, ctx: CallContext, token: Secret, challenge?: AuthChallenge): void {
      const provider = known.get(wish.providerArn);
      if (!provider) return;
      vault.reject(tokenKey(provider.id, needOf(wish, ctx)), token);
      if (provider.protects) protectedServers.refused(provider.protects.href, challenge);
    },
    async stepUp(
      wish: TokenWish,
      ctx: CallContext,
      token: Secret,
      scopes: readonly string[],
    ): Promise<AccessToken | undefined> {
      // Scopes that are configured are all that this target may have.
      if (wish.scopes.length > 0 || wish.grantType === 'TOKEN_EXCHANGE') return undefined;
      const need = needOf(wish, ctx);
      const provider = await ready(wish.providerArn, await find(wish.providerArn));
      if (provider.settings.protects === undefined) return undefined;
      const key = tokenKey(provider.id, need);
      const held = await vault.look(key, need, provider);
      if (!held) return undefined;
      // Another call was quicker: what it got is tried first.
      if (!held.token.equals(token)) return withProof(wish.providerArn, held.token);
      const wanted = unionOfScopes(unionOfScopes(held.asked, held.scopes), scopes);
      const isMore = scopes.some((scope) => wanted.includes(scope) && !held.asked.includes(scope));
      if (!isMore || held.stepUps >= MAX_STEP_UPS) return undefined;
      const wider = { ...need, scopes: wanted };
      if (wish.grantType === 'CLIENT_CREDENTIALS') {
        const widened = await vault.widen(key, wider, provider);
        return widened && withProof(wish.providerArn, widened);
      }
      throw await consentRequired(key, wider, provider, wish, ctx);
    },
  } satisfies TokenSource);

  async function consentRequired(
    key: string,
    need: TokenNeed,
    provider: Provider,
    wish: TokenWish,
    ctx: CallContext,
  ): Promise<GatewayError> {
    // Nobody is there who could be sent to a page.
    if (!need.user || 'userId' in need.user)
      return new GatewayError(
        'CredentialUnavailable',
        'The consent that this target is read with has ended.',
      );
    const returnUrl = ctx.consent?.returnUrl ?? wish.defaultReturnUrl;
    if (returnUrl !== undefined) await sessions.checkReturnUrl(gatewayId, returnUrl, wish.defaultReturnUrl);
    const { clientId } = ctx.principal;
    const { authorizationUrl, sessionId } = await sessions.request({
      need: { ...need, user: need.user },
      tokenKey: key,
      providerId: provider.id,
      by: { actor: { kind: 'principal', principal: ctx.principal }, requestId: ctx.requestId },
      ...(clientId === undefined ? {} : { clientId }),
      ...(returnUrl === undefined ? {} : { returnUrl }),
    });
    return new GatewayError('ConsentRequired', 'The user has to give consent first.', {
      consent: { authorizationUrl, elicitationId: sessionId },
    });
  }
}

/** The user a verified token names: subject and issuer, byte by byte. A client's id is no subject. */
function userOf({ type, issuer, claims }: Principal): TokenUser | undefined {
  const subject = claims?.['sub'];
  return type === 'oauth-user' && issuer !== undefined && typeof subject === 'string' && subject !== ''
    ? { issuer, subject }
    : undefined;
}

// Tokens for the calls of one gateway's targets (core/token-source.ts): who the token is for follows from the grant
// and from the principal that the gateway has verified, never from anything the caller says.

import type { CallContext } from '../core/call.ts';
import { parseArn } from '../core/arn.ts';
import type { ArnScope } from '../core/arn.ts';
import { GatewayError } from '../core/errors.ts';
import type { Principal } from '../core/principal.ts';
import type { TokenUser } from '../core/resources.ts';
import type { TokenSource, TokenWish } from '../core/token-source.ts';
import type { Secret } from '../lib/secret.ts';
import type { ConsentSessions } from './consent-sessions.ts';
import type { Provider, Providers } from './providers.ts';
import { tokenKey } from './token-vault.ts';
import type { TokenNeed, TokenVault } from './token-vault.ts';

interface SourceServices {
  readonly scope: ArnScope;
  readonly providers: Providers;
  readonly vault: TokenVault;
  readonly sessions: ConsentSessions;
  /** Id of a provider that was looked up before, so that a call with a fresh token asks no store. */
  readonly providerIds: Map<string, string>;
}

/** The token source of one gateway. `onBehalfOf`: a user id that stands in where a call has no user. */
export function createTokenSource(
  gatewayId: string,
  onBehalfOf: string | undefined,
  services: SourceServices,
): TokenSource {
  const { vault, sessions, providerIds } = services;

  async function find(arn: string): Promise<Provider> {
    const reference = parseArn(arn, services.scope);
    try {
      if (reference?.kind !== 'oauth2-credential-provider')
        throw new GatewayError('NotFound', 'no such provider');
      const provider = await services.providers.byName(reference.name);
      providerIds.set(arn, provider.id);
      return provider;
    } catch (thrown) {
      if (!(thrown instanceof GatewayError) || thrown.code !== 'NotFound') throw thrown;
      providerIds.delete(arn);
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

  return Object.freeze({
    async token(wish: TokenWish, ctx: CallContext): Promise<Secret> {
      const need = needOf(wish, ctx);
      const isForced = wish.grantType === 'AUTHORIZATION_CODE' && ctx.consent?.forceAuthentication === true;
      const knownId = providerIds.get(wish.providerArn);
      const fresh = knownId === undefined || isForced ? undefined : vault.recall(tokenKey(knownId, need));
      if (fresh) return fresh;
      const provider = await find(wish.providerArn);
      const key = tokenKey(provider.id, need);
      const token = isForced ? undefined : await vault.obtain(key, need, provider);
      if (token) return token;
      throw await consentRequired(key, need, provider, wish, ctx);
    },
    reject(wish: TokenWish, ctx: CallContext, token: Secret): void {
      const id = providerIds.get(wish.providerArn);
      if (id !== undefined) vault.reject(tokenKey(id, needOf(wish, ctx)), token);
    },
  });

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

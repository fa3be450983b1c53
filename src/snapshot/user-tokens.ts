// Whose token is it? For applications that show a user's token instead of calling a gateway with it: a token counts when
// its issuer is one that a gateway of this installation trusts, and its signature and times are right. Where a gateway
// is meant, all of that gateway's own rules hold.

import type { Authorizer, AuthorizerContext, AuthorizerType } from '../authorizers/authorizer.ts';
import { GatewayError } from '../core/errors.ts';
import { isJsonObject } from '../core/json.ts';
import type { TokenUser } from '../core/resources.ts';
import { parseStrictJson } from '../core/strict-json.ts';
import type { Secret } from '../lib/secret.ts';
import type { Store } from '../stores/store.ts';

const PAGE = 100;
const DISCOVERY = '/.well-known/openid-configuration';

export interface UserTokenServices extends Omit<AuthorizerContext, 'gateway'> {
  readonly store: Pick<Store, 'list'>;
  readonly authorizerTypes: readonly AuthorizerType[];
  /** The authorizer that a gateway is served with. */
  readonly authorizerOf: (gatewayId: string) => Authorizer | undefined;
}

export type VerifyUserToken = (token: Secret, gatewayId?: string) => Promise<TokenUser>;

/** A verifier with key caches of its own, one for each issuer. */
export function createUserTokens(services: UserTokenServices): VerifyUserToken {
  const type = services.authorizerTypes.find((candidate) => candidate.type === 'AUTHENTICATE_ONLY');
  const known = new Map<string, Authorizer>();

  /** Discovery addresses of all gateways whose issuer this is. */
  async function discoveryUrlsOf(issuer: string): Promise<readonly string[]> {
    const found = new Set<string>();
    let after: string | undefined;
    do {
      const page = await services.store.list('gateway', undefined, {
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      });
      for (const { document } of page.rows) {
        const jwt = document.authorizerConfiguration?.['customJWTAuthorizer'];
        const url = isJsonObject(jwt) ? jwt['discoveryUrl'] : undefined;
        if (document.authorizerType !== 'CUSTOM_JWT' || typeof url !== 'string') continue;
        const base = url.slice(0, -DISCOVERY.length);
        if (issuer === base || issuer === `${base}/`) found.add(url);
      }
      after = page.next;
    } while (after !== undefined);
    return [...found];
  }

  function authorizerFor(discoveryUrl: string): Authorizer | undefined {
    let authorizer = known.get(discoveryUrl);
    if (!authorizer && type) {
      authorizer = type.prepare(
        { customJWTAuthorizer: { discoveryUrl } },
        { ...services, gateway: { arn: '' } },
      );
      known.set(discoveryUrl, authorizer);
    }
    return authorizer;
  }

  return async (token, gatewayId) => {
    const text = token.reveal();
    const candidates =
      gatewayId === undefined
        ? (await discoveryUrlsOf(issuerOf(text))).map(authorizerFor)
        : [services.authorizerOf(gatewayId)];
    for (const authorizer of candidates) {
      if (!authorizer?.protectedResource) continue;
      const { issuer, claims } = await authorizer.authorize({
        method: 'POST',
        target: '/',
        headers: { authorization: [`Bearer ${text}`] },
      });
      const subject = claims?.['sub'];
      if (issuer !== undefined && typeof subject === 'string' && subject !== '') return { issuer, subject };
    }
    throw new GatewayError('Unauthenticated', 'The user token is not one that this service can verify.', {
      internal: 'no gateway trusts its issuer, or it names no subject',
    });
  };
}

/** Only to find out whom to ask; nothing of it is believed yet. */
function issuerOf(token: string): string {
  try {
    const claims = parseStrictJson(Buffer.from(token.split('.')[1] ?? '', 'base64url'), { maxDepth: 16 });
    return isJsonObject(claims) ? String(claims['iss']) : '';
  } catch {
    return '';
  }
}

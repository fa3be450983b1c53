// Access tokens for outbound calls. Implemented in identity/, used by credentials/oauth/: a credential says what it
// needs, where it comes from (cache, refresh, grant, the user's consent) is not its matter.

import type { AuthChallenge } from './auth-challenge.ts';
import type { CallContext } from './call.ts';
import type { Secret } from '../lib/secret.ts';

/** What a target's `oauthCredentialProvider` asks for. */
export interface TokenWish {
  readonly providerArn: string;
  readonly grantType: 'CLIENT_CREDENTIALS' | 'AUTHORIZATION_CODE' | 'TOKEN_EXCHANGE';
  readonly scopes: readonly string[];
  readonly customParameters: Readonly<Record<string, string>>;
  /** Where the user's browser goes after consent (AUTHORIZATION_CODE). */
  readonly defaultReturnUrl?: string;
}

/** Makes the proof that goes along with a token that is bound to a key (RFC 9449), for one request. */
export type Prove = (
  request: { readonly method: string; readonly url: URL },
  token: Secret,
  nonce?: string,
) => Promise<string>;

/** An access token: whoever bears it is believed, or, with `prove`, whoever proves to have its key. */
export interface AccessToken {
  readonly secret: Secret;
  readonly prove?: Prove;
}

export interface TokenSource {
  /**
   * An access token for this call. @param address where it goes
   * @throws GatewayError ConsentRequired with the address to visit; CredentialUnavailable when none can be had, or the
   * provider's tokens are for another server
   */
  token(wish: TokenWish, ctx: CallContext, address: URL): Promise<AccessToken>;
  /** The upstream has refused this token (401): it is not given out again. `challenge`: what it said then. */
  reject(wish: TokenWish, ctx: CallContext, token: Secret, challenge?: AuthChallenge): void;
  /**
   * The upstream wants more scopes than this token has (403, RFC 6750 `insufficient_scope`): one that has them, or
   * undefined when there is none to be had that way. @throws GatewayError as `token`
   */
  stepUp(
    wish: TokenWish,
    ctx: CallContext,
    token: Secret,
    scopes: readonly string[],
  ): Promise<AccessToken | undefined>;
}

// Access tokens for outbound calls. Implemented in identity/, used by credentials/oauth/: a credential says what it
// needs, where it comes from (cache, refresh, grant, the user's consent) is not its matter.

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

export interface TokenSource {
  /**
   * An access token for this call.
   * @throws GatewayError ConsentRequired with the address to visit; CredentialUnavailable when none can be had
   */
  token(wish: TokenWish, ctx: CallContext): Promise<Secret>;
  /** The upstream has refused this token (401): it is not given out again. */
  reject(wish: TokenWish, ctx: CallContext, token: Secret): void;
}

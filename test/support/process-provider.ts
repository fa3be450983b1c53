// An OpenID provider on a free port, and tokens of it with the claims a test wants.

import { OAuth2Server } from 'oauth2-mock-server';
import { closing } from './process.ts';

export interface Provider {
  readonly server: OAuth2Server;
  readonly issuer: string;
  readonly discoveryUrl: string;
  token(claims: Readonly<Record<string, unknown>>): Promise<string>;
}

/** Starts a provider that signs with RS256. */
export async function startProvider(): Promise<Provider> {
  const server = new OAuth2Server();
  await server.issuer.keys.generate('RS256');
  await server.start(0, '127.0.0.1');
  closing.push(() => server.stop().catch(() => undefined));
  const issuer = server.issuer.url ?? '';
  return {
    server,
    issuer,
    discoveryUrl: `${issuer}/.well-known/openid-configuration`,
    token: (claims) =>
      server.issuer.buildToken({
        scopesOrTransform: (_header, payload) => void Object.assign(payload, claims),
      }),
  };
}

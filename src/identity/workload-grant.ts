// Workload identity federation (MCP extension; RFC 7523 §2.1): the token that the platform gives this process stands for
// the gateway as a client. It opens doors by itself, so it goes only to the server that it is made for.

import { decodeJwt } from 'jose';
import type { Clock } from '../lib/clock.ts';
import type { Secret } from '../lib/secret.ts';
import { refused } from './grant-outcome.ts';
import type { GrantedTokens } from './grant-outcome.ts';
import type { Provider } from './providers.ts';
import type { AuthorizationServers } from './servers.ts';
import { JWT_BEARER } from './token-exchange.ts';
import type { SendGrant } from './token-exchange.ts';
import { forItself, parametersOf } from './wanted.ts';
import type { Wanted } from './wanted.ts';

/** The grant over these services. @throws GatewayError CredentialUnavailable */
export function createWorkloadGrant(services: {
  readonly send: SendGrant;
  readonly clock: Clock;
  readonly servers: AuthorizationServers;
  readonly workloadToken: () => Promise<Secret>;
}): (provider: Provider, wanted: Wanted) => Promise<GrantedTokens> {
  return async (provider, wanted) => {
    const assertion = await services.workloadToken();
    const { issuer, token_endpoint: endpoint } = await services.servers.find(provider.settings);
    const { aud, exp } = claimsOf(assertion, provider);
    const audiences = [aud ?? []].flat().map(withoutSlash);
    if (!audiences.some((audience) => audience === withoutSlash(issuer) || audience === endpoint))
      throw refused(provider, `the token of this workload is for another audience than ${issuer}`);
    if (exp === undefined || exp * 1000 <= services.clock.now())
      throw refused(provider, 'the token of this workload has expired');
    const parameters = parametersOf(forItself(wanted, provider));
    parameters.set('assertion', assertion.reveal());
    return (await services.send(provider, JWT_BEARER, parameters, wanted)).tokens;
  };
}

function claimsOf(token: Secret, provider: Provider): ReturnType<typeof decodeJwt> {
  try {
    return decodeJwt(token.reveal());
  } catch {
    throw refused(provider, 'the token of this workload cannot be read');
  }
}

function withoutSlash(text: string): string {
  return text.replace(/\/$/, '');
}

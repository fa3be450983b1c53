// Requests to authorization servers as they are recorded, counted and timed: each shows a credential of the gateway, or a
// token or code of a user. Who waits for one is not known here, since one token serves many callers.

import { createArns } from '../core/arn.ts';
import type { ArnScope } from '../core/arn.ts';
import { NO_AUDIT } from '../core/audit.ts';
import type { Audit } from '../core/audit.ts';
import { credentialProvider, credentialUse } from '../core/credential-use.ts';
import { toGatewayError } from '../core/errors.ts';
import { createFigures } from '../core/figures.ts';
import type { Figures, LabelValues } from '../core/figures.ts';
import { begin } from '../core/recorded.ts';
import { observe } from '../core/times.ts';
import type { Clock } from '../lib/clock.ts';
import type { Provider } from './providers.ts';
import type { TokenNeed } from './token-need.ts';
import type { Wanted } from './wanted.ts';

/** Errors of token endpoints by their names (RFC 6749 §5.2, RFC 8693 §2.2.2, RFC 8707 §2): another text is a server's own. */
const OAUTH_ERRORS: ReadonlySet<string | undefined> = new Set([
  'access_denied',
  'authorization_pending',
  'consent_required',
  'interaction_required',
  'invalid_client',
  'invalid_dpop_proof',
  'invalid_grant',
  'invalid_request',
  'invalid_scope',
  'invalid_target',
  'login_required',
  'server_error',
  'temporarily_unavailable',
  'unauthorized_client',
  'unsupported_grant_type',
  'unsupported_token_type',
  'use_dpop_nonce',
]);

export type GrantLabel = LabelValues<'tokenRequests'>['grant_type'];

/** What is asked of a server, as far as it is told. */
export interface TokenRequest {
  readonly provider: Pick<Provider, 'name' | 'settings'>;
  readonly grant: GrantLabel;
  /** Address of the endpoint; undefined when it was not even found. */
  readonly endpoint?: string;
  readonly wanted?: Wanted & Partial<Pick<TokenNeed, 'workloadId' | 'user'>>;
}

export interface TokenRequestServices {
  readonly audit?: Audit;
  readonly figures?: Figures;
  readonly clock: Clock;
  readonly scope: ArnScope;
}

/** Runs requests. @throws what they throw; GatewayError Unavailable where the log is required and cannot be written */
export type RunTokenRequest = <T>(request: TokenRequest, work: () => Promise<T>) => Promise<T>;

/** The requests of one process. */
export function createTokenRequests(services: TokenRequestServices): RunTokenRequest {
  const { audit = NO_AUDIT, figures = createFigures(), clock } = services;
  const arns = createArns(services.scope);

  function factOf({ provider, grant, endpoint, wanted }: TokenRequest) {
    const { workloadId, user, scopes = [] } = wanted ?? {};
    return credentialUse({
      purpose: grant === 'revocation' ? 'revoke-token' : 'token-request',
      type: 'OAUTH',
      resource: credentialProvider(arns.oauth2Provider(provider.name)),
      ...(endpoint === undefined || !URL.canParse(endpoint) ? {} : { destination: new URL(endpoint) }),
      ...(workloadId === undefined ? {} : { gatewayId: workloadId }),
      ...(user === undefined ? {} : { user }),
      more: {
        clientAuthentication: provider.settings.authentication,
        grantType: grant,
        scopes: scopes.join(' ').slice(0, 1024),
      },
    });
  }

  return async (request, work) => {
    const { grant } = request;
    const end = audit.mode === 'off' ? undefined : await begin(audit, factOf(request));
    const started = clock.monotonic();
    try {
      const result = await work();
      figures.count('tokenRequests', { grant_type: grant, outcome: 'success' }).value += 1;
      end?.({});
      return result;
    } catch (thrown) {
      const { code, details } = toGatewayError(thrown);
      figures.count('tokenRequests', { grant_type: grant, outcome: 'failure' }).value += 1;
      const { reason } = details;
      end?.({ errorCode: code, ...(reason !== undefined && OAUTH_ERRORS.has(reason) ? { reason } : {}) });
      throw thrown;
    } finally {
      observe(figures.times.tokenRequest, (clock.monotonic() - started) / 1000);
    }
  };
}

// What a target is handed, with nothing behind it: tests put in the parts they mean.

import { GatewayError } from '../../src/core/errors.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { CredentialServices } from '../../src/credentials/credential-type.ts';
import type { TargetServices } from '../../src/targets/target-type.ts';
import { NO_STDIO_SERVERS } from '../../src/upstream/stdio/servers.ts';

const nothingSent = () =>
  Promise.reject(new GatewayError('UpstreamRefused', 'Nothing is sent in this test.'));
const silent = (): void => undefined;

/** Services of a target called `T`, without credential and without network. */
export function targetServices(
  change: Partial<Omit<TargetServices, 'egress'>> & {
    readonly egress?: Partial<TargetServices['egress']>;
  } = {},
): TargetServices {
  const { egress, ...rest } = change;
  return {
    targetId: 'T',
    stdio: NO_STDIO_SERVERS,
    functions: { invoke: nothingSent },
    clock: systemClock,
    aws: { region: 'us-east-1', endpointOf: () => undefined },
    log: { error: silent, warn: silent, info: silent, debug: silent },
    conceal: (response) => response,
    renewCredential: () => Promise.resolve(undefined),
    applyCredential: (request) => Promise.resolve(request),
    propagation: { requestHeaders: [], responseHeaders: [], queryParameters: [] },
    egress: { request: nothingSent, stream: nothingSent, ...egress },
    ...rest,
  };
}

/** Services of a credential, with nothing behind them. */
export function credentialServices(change: Partial<CredentialServices> = {}): CredentialServices {
  return {
    openSecret: () => {
      throw new GatewayError('CredentialUnavailable', 'There is no secret in this test.');
    },
    tokens: {
      token: () =>
        Promise.reject(new GatewayError('CredentialUnavailable', 'There is no token in this test.')),
      reject: silent,
      stepUp: () => Promise.resolve(undefined),
    },
    aws: {
      region: 'us-east-1',
      accessKeys: { find: () => Promise.resolve(undefined), used: () => undefined },
      gatewayCredentials: () => Promise.resolve(undefined),
    },
    allowsPassthrough: false,
    ...change,
  };
}

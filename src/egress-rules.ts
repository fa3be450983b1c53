// Part of the composition root: where requests may go although the address is not public, by what the operator has said.

import type { Config } from './config.ts';
import { ruleForUrl } from './upstream/guard.ts';
import type { AllowRule } from './upstream/guard.ts';

/** What the operator allows: the list, the S3 store they configured, and what they named on the command line. */
export function egressRules(config: Config, named: readonly URL[]): readonly AllowRule[] {
  const {
    authorizationServer: server,
    s3Endpoint,
    stsEndpoint,
    kmsEndpoint,
    lambdaEndpoint,
    tracing,
  } = config;
  const signIn = server?.mode === 'upstream' ? new URL(server.discoveryUrl) : undefined;
  const services = Object.values(config.awsEndpoints ?? {});
  const aws = [s3Endpoint, stsEndpoint, kmsEndpoint, lambdaEndpoint, ...services];
  const own = [...named, signIn, tracing?.endpoint, ...aws].filter((url) => url !== undefined);
  return [...config.egressAllow, ...own.map(ruleForUrl)];
}

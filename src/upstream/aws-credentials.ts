// The process's own AWS credentials by the SDKs' usual chain (environment, shared files, SSO, container, instance),
// loaded on first need only. Absent credentials are an answer, not an error.

import type { SigningCredentials } from '../lib/sigv4-sign.ts';

const FORGET_ABSENCE_MS = 60_000;

/** A function that gives the present credentials, renewed by the chain itself before they expire. */
export function createAwsCredentials(): () => Promise<SigningCredentials | undefined> {
  let provider: Promise<() => Promise<SigningCredentials>> | undefined;
  let absentUntil = 0;
  return async () => {
    if (performance.now() < absentUntil) return undefined;
    provider ??= import('@aws-sdk/credential-provider-node').then(({ defaultProvider }) => defaultProvider());
    try {
      return await (
        await provider
      )();
    } catch {
      absentUntil = performance.now() + FORGET_ABSENCE_MS;
      return undefined;
    }
  };
}

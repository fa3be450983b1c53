// `WWW-Authenticate` for refused requests (RFC 6750 §3, RFC 9728 §5.1) and the metadata document it points at.

import type { GatewayError } from '../core/errors.ts';
import type { GatewaySnapshot } from '../snapshot/snapshot.ts';

/** The header's value for a refusal that has one; a request without any credentials gets no error code. */
export function challengeHeader(
  fault: GatewayError | undefined,
  metadataUrl: () => string | undefined,
): string | undefined {
  const challenge = fault?.details.challenge;
  if (!challenge && fault?.code !== 'Unauthenticated') return undefined;
  // Where no token is asked for, none is to be had anywhere either.
  const url = metadataUrl();
  if (url === undefined) return undefined;
  const { error, description, scope } = challenge ?? {};
  const parameters = [
    error === undefined ? undefined : `error=${quoted(error)}`,
    description === undefined ? undefined : `error_description=${quoted(description)}`,
    scope === undefined || scope === '' ? undefined : `scope=${quoted(scope)}`,
  ].filter((parameter) => parameter !== undefined);
  return `Bearer ${[`resource_metadata=${quoted(url)}`, ...parameters].join(', ')}`;
}

/** RFC 9728 protected-resource metadata of a gateway, or undefined where it asks for no token. */
export function protectedResourceMetadata(snapshot: GatewaySnapshot): string | undefined {
  const { protectedResource } = snapshot.authorizer;
  if (!protectedResource) return undefined;
  return JSON.stringify({
    resource: snapshot.url,
    ...protectedResource,
    bearer_methods_supported: ['header'],
    resource_name: snapshot.name,
  });
}

/** A quoted-string (RFC 9110 §5.6.4) of visible characters. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`;
}

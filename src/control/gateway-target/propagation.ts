// Which headers and query parameters may be passed through a target (`metadataConfiguration`): names of a plain
// form, and none of those that frame a message, carry credentials or describe the hop.

import type { FieldFault } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';

const NAME = /^[a-zA-Z0-9_-]+$/;

/** AgentCore's list of headers that cannot be allowed, in lower case. */
const RESTRICTED: ReadonlySet<string> = new Set(
  `authorization proxy-authorization www-authenticate accept accept-charset accept-encoding accept-language
  accept-ranges accept-ch accept-ch-lifetime content-type content-length content-encoding content-language
  content-location content-range cache-control etag expires if-match if-modified-since if-none-match if-range
  if-unmodified-since last-modified pragma vary connection keep-alive proxy-connection upgrade host user-agent
  referer from range transfer-encoding te trailer server date location retry-after set-cookie cookie
  content-security-policy content-security-policy-report-only strict-transport-security x-content-type-options
  x-frame-options x-xss-protection referrer-policy permissions-policy cross-origin-embedder-policy
  cross-origin-opener-policy cross-origin-resource-policy access-control-allow-origin
  access-control-allow-methods access-control-allow-headers access-control-allow-credentials
  access-control-expose-headers access-control-max-age access-control-request-method
  access-control-request-headers origin dpr width viewport-width downlink ect rtt save-data clear-site-data
  feature-policy expect-ct public-key-pins public-key-pins-report-only x-forwarded-for x-forwarded-host
  x-forwarded-proto x-real-ip x-requested-with x-csrf-token cf-ray cf-connecting-ip x-amz-cf-id x-cache
  x-served-by link sec-websocket-key sec-websocket-accept sec-websocket-version sec-websocket-protocol
  sec-websocket-extensions`.split(/\s+/),
);
const ALLOWED_AMZN = 'x-amzn-bedrock-agentcore-runtime-custom-';

/** Faults of a `metadataConfiguration` that its shape cannot express. */
export function propagationFaults(metadata: JsonObject | undefined): readonly FieldFault[] {
  if (!metadata) return [];
  const faults: FieldFault[] = [];
  for (const list of ['allowedRequestHeaders', 'allowedResponseHeaders', 'allowedQueryParameters'] as const) {
    const names = (metadata[list] as readonly string[] | undefined) ?? [];
    for (const [index, value] of names.entries()) {
      const message = problemOf(value, list !== 'allowedQueryParameters');
      if (message !== undefined)
        faults.push({ name: `metadataConfiguration.${list}.${index + 1}.member`, message });
    }
  }
  return faults;
}

function problemOf(name: string, isHeader: boolean): string | undefined {
  if (!NAME.test(name)) return `Member must satisfy regular expression pattern: ${NAME.source}`;
  if (!isHeader) return undefined;
  const lower = name.toLowerCase();
  if (RESTRICTED.has(lower)) return `${name} is a restricted header and cannot be passed through`;
  if (lower.startsWith('x-amzn-') && !lower.startsWith(ALLOWED_AMZN))
    return 'X-Amzn-* headers cannot be passed through, but for X-Amzn-Bedrock-AgentCore-Runtime-Custom-*';
  return undefined;
}

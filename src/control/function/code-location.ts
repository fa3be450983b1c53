// Where the code of a function can be fetched for a while: a link that needs no signature, because it carries a sealed
// word of what it is for.

import { userAgentOf } from '../../core/audit.ts';
import type { AuditFact } from '../../core/audit.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import type { FunctionApiServices } from './context.ts';

/** What the paths of links begin with. */
export const CODE_LINKS = '/2015-03-31/code-archives/';
const LINK_MS = 10 * 60_000;

/** `Code` of GetFunction. */
export function codeLocation(codeId: string, services: FunctionApiServices): JsonObject {
  return { RepositoryType: 'S3', Location: codeLink(codeId, services) };
}

/** A link to an archive, good for ten minutes. */
export function codeLink(codeId: string, { clock, sealer, controlUrl }: FunctionApiServices): string {
  const until = clock.now() + LINK_MS;
  const token = sealer.seal('function-code', JSON.stringify({ codeId, until }), []);
  return `${controlUrl()}${CODE_LINKS}${token}`;
}

/** What the audit log is told of whoever has such a link; the link itself is not. */
export function codeFetch(
  requestId: string,
  {
    headers,
    remoteAddress,
  }: {
    readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
    readonly remoteAddress?: string;
  },
): AuditFact {
  return {
    eventName: 'GetFunctionCode',
    category: 'Management',
    isReadOnly: true,
    actor: { kind: 'unknown' },
    requestId,
    ...userAgentOf(headers),
    ...(remoteAddress === undefined ? {} : { sourceIpAddress: remoteAddress }),
  };
}

/** The archive that a link is for; undefined when it does not count, or not any more. @throws GatewayError NotFound */
export async function openCodeLink(
  token: string,
  { clock, sealer, host }: FunctionApiServices,
): Promise<Uint8Array | undefined> {
  const text = sealer.open('function-code', token, []);
  const facts: unknown = text === undefined ? undefined : JSON.parse(text);
  if (!isJsonObject(facts) || Number(facts['until']) <= clock.now()) return undefined;
  return host.archive(String(facts['codeId']));
}

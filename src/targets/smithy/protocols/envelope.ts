// Whether an answer is of its protocol at all, before it is read: readers take what they do not know for an answer
// without members, and a sign-in page must not pass as one.

import { shapeName } from '../model.ts';
import { payloadOf, type OperationPlan, type ServicePlan } from '../plan.ts';
import type { WireResponse } from './protocol.ts';

/** Why a successful answer is none of the service's; undefined when it may be one. */
export function foreignAnswer(
  service: ServicePlan,
  plan: OperationPlan,
  { headers, body }: WireResponse,
): string | undefined {
  if (body.length === 0) return undefined;
  const payload = payloadOf(plan, plan.output);
  const type = payload === undefined ? undefined : plan.shapes[payload.target]?.type;
  const isRest = service.protocol === 'restJson1' || service.protocol === 'restXml';
  // Bytes and texts are whatever they are.
  if (isRest && (type === 'blob' || type === 'string' || type === 'enum')) return undefined;
  if (/^text\/html\b/i.test(headers['content-type'] ?? '')) return 'it is a web page';
  switch (service.protocol) {
    case 'awsQuery':
    case 'ec2Query': {
      const root = rootElement(body);
      const wanted = `${shapeName(plan.operation)}Response`;
      return root === wanted ? undefined : `its root is ${root ?? 'no element'}, not ${wanted}`;
    }
    case 'restXml':
      return /^html$/i.test(rootElement(body) ?? '') ? 'it is a web page' : undefined;
    case 'rpcv2Cbor':
      // Major type 5 is a map (RFC 8949 §3.1).
      return (body[0] ?? 0) >> 5 === 5 ? undefined : 'it is no CBOR map';
    default:
      return undefined;
  }
}

/** The name of the first element, without its prefix. */
function rootElement(body: Uint8Array): string | undefined {
  const text = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, 4_096)).toString('utf8');
  const start = text.replaceAll(/<\?[\s\S]*?\?>|<!--[\s\S]*?-->|<!DOCTYPE[^>]*>/gi, '');
  return /^\s*<(?:[\w.-]+:)?([\w.-]+)/.exec(start.replace(/^\uFEFF/, ''))?.[1];
}

// Which era a server is of (MCP 2026-07-28, versioning and transports, "Backward Compatibility"): the answer to one
// `server/discover` says it, or says nothing. Pure but for `probe`.

import type { CallContext } from '../../core/call.ts';
import { GatewayError } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import { PROTOCOL_VERSIONS, isModernVersion } from '../../core/protocol-versions.ts';
import { statusFault } from './answer.ts';
import { MODERN_VERSIONS, sendModern } from './modern.ts';
import type { Outcome } from './modern.ts';
import type { Transport } from './transport.ts';

const UNSUPPORTED_VERSION = -32_022;

/** What is known of a server's era. */
export type Era =
  | { readonly era: 'modern'; readonly capabilities: JsonObject; readonly instructions?: string }
  | { readonly era: 'legacy' };

/** What one answer says: an era, that the probe should be sent once more, or that nothing can be said. */
export type Judgement =
  | Era
  | { readonly era: 'again' }
  | { readonly era: 'unknown'; readonly fault: GatewayError };

/** The verdict on the answer to `server/discover`. */
export function judgeProbe({ status, result, error }: Outcome, label: string): Judgement {
  if (status === 401 || status === 403 || status === 429 || status >= 500)
    return { era: 'unknown', fault: statusFault(status, label) };
  if (result) {
    const versions = versionsOf(result['supportedVersions']);
    // Not a DiscoverResult: a server of the legacy era that answers whatever it is asked.
    if (versions.length === 0) return { era: 'legacy' };
    if (!versions.some((version) => MODERN_VERSIONS.includes(version))) return judgeVersions(versions, label);
    const { capabilities, instructions } = result;
    return {
      era: 'modern',
      capabilities: isJsonObject(capabilities) ? capabilities : {},
      ...(typeof instructions === 'string' ? { instructions } : {}),
    };
  }
  if (error?.code === UNSUPPORTED_VERSION) {
    const supported = supportedBy(error.data);
    if (supported.some((version) => MODERN_VERSIONS.includes(version))) return { era: 'again' };
    return judgeVersions(supported, label);
  }
  return { era: 'legacy' };
}

/** `data.supported` of −32022. */
export function supportedBy(data: JsonValue | undefined): readonly string[] {
  return isJsonObject(data) ? versionsOf(data['supported']) : [];
}

function versionsOf(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

/** A server that names none of the modern versions we speak. */
function judgeVersions(versions: readonly string[], label: string): Judgement {
  if (
    versions.length === 0 ||
    versions.some((version) => !isModernVersion(version) && PROTOCOL_VERSIONS.includes(version))
  )
    return { era: 'legacy' };
  return {
    era: 'unknown',
    fault: new GatewayError(
      'UpstreamInvalid',
      `${label} speaks only revisions of MCP that this gateway does not: ${printable(versions)}.`,
    ),
  };
}

function printable(versions: readonly string[]): string {
  return versions
    .slice(0, 5)
    .map((version) => version.slice(0, 20).replace(/[^\x20-\x7e]/g, '?'))
    .join(', ');
}

/** Asks a server. @throws GatewayError when its answer is no evidence of an era */
export async function probe(transport: Transport, call: CallContext): Promise<Era> {
  const ask = async (): Promise<Judgement> =>
    judgeProbe(
      await sendModern(transport, { method: 'server/discover', params: {}, call, onChange: () => undefined }),
      transport.label,
    );
  const first = await ask();
  const verdict = first.era === 'again' ? await ask() : first;
  if (verdict.era === 'unknown') throw verdict.fault;
  // It named our version and refused it twice: it is modern all the same, and its answers will say what is wrong.
  return verdict.era === 'again' ? { era: 'modern', capabilities: {} } : verdict;
}

// One exchange with an embedding provider: JSON out, JSON in, through the one door outwards. What the provider says when
// it refuses goes into the log of this server, never to callers; its key never goes anywhere else.

import { GatewayError } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import type { EmbedderServices } from '../embedder.ts';

const TIMEOUT_MS = 60_000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const MAX_REASON = 300;

/** Sends `body`, with the key as a bearer token if there is one. @throws GatewayError */
export async function postJson(
  url: URL,
  body: JsonObject,
  { egress, openKey, usesKey }: Pick<EmbedderServices, 'egress' | 'openKey' | 'usesKey'>,
  signal: AbortSignal,
): Promise<JsonObject> {
  const key = await openKey();
  if (key) await usesKey?.(url);
  const { status, body: bytes } = await egress.request(
    {
      method: 'POST',
      url,
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        ...(key ? { authorization: `Bearer ${key.reveal()}` } : {}),
      },
      body: JSON.stringify(body),
    },
    { signal, timeoutMs: TIMEOUT_MS, maxResponseBytes: MAX_ANSWER_BYTES },
  );
  if (status < 200 || status > 299)
    throw new GatewayError('UpstreamInvalid', `The embedding provider answered with status ${status}.`, {
      internal: `status ${status}: ${withoutKey(bytes.toString('utf8', 0, MAX_REASON * 4), key?.reveal()).slice(0, MAX_REASON)}`,
    });
  try {
    const answer: unknown = JSON.parse(bytes.toString('utf8'));
    if (isJsonObject(answer)) return answer;
  } catch {
    // Said below.
  }
  throw unusable();
}

/** A list of numbers as a vector. @throws GatewayError UpstreamInvalid */
export function toVector(value: unknown): Float32Array {
  if (!Array.isArray(value) || !value.every((number) => typeof number === 'number')) throw unusable();
  return Float32Array.from(value);
}

/** A list of lists of numbers. @throws GatewayError UpstreamInvalid */
export function toVectors(value: unknown): readonly Float32Array[] {
  if (!Array.isArray(value)) throw unusable();
  return value.map(toVector);
}

/** The URL of a path below a provider’s base URL. */
export function below(base: string, path: string): URL {
  return new URL(`${base.replace(/\/+$/, '')}/${path}`);
}

function unusable(): GatewayError {
  return new GatewayError('UpstreamInvalid', 'The embedding provider gave an answer that cannot be used.');
}

function withoutKey(text: string, key: string | undefined): string {
  return key === undefined || key === '' ? text : text.replaceAll(key, '[secret]');
}

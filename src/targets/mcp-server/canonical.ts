// Between the canonical form (MCP 2026-07-28) and that of servers of earlier revisions: parameters and capabilities on
// the way out, results and errors on the way back. Pure.

import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import { RelayedError } from '../../core/relay.ts';

const RESOURCE_NOT_FOUND = -32_002;
const INVALID_PARAMS = -32_602;
/** What clients may be asked for in earlier revisions. */
const LEGACY_CAPABILITIES = ['elicitation', 'sampling', 'roots', 'experimental'] as const;

/** A request's parameters for a server of an earlier revision; `progressToken` where progress is wanted. */
export function toLegacyParams(params: JsonObject, progressToken: string | undefined): JsonObject {
  const { inputResponses: _responses, requestState: _state, _meta, ...rest } = params;
  const meta = withToken(isJsonObject(_meta) ? _meta : {}, progressToken);
  return Object.keys(meta).length === 0 ? rest : { ...rest, _meta: meta };
}

/** `_meta` with the own progress token in place of the client's, and without keys that only the gateway may set. */
export function withToken(meta: JsonObject, progressToken: string | undefined): JsonObject {
  const kept = Object.fromEntries(
    Object.entries(meta).filter(
      ([key]) => key !== 'progressToken' && !key.startsWith('io.modelcontextprotocol/'),
    ),
  );
  return progressToken === undefined ? kept : { ...kept, progressToken };
}

/** What `initialize` declares for a client of these capabilities. Changes of roots are not handed on. */
export function toLegacyCapabilities(capabilities: JsonObject): JsonObject {
  return Object.fromEntries(
    LEGACY_CAPABILITIES.flatMap((name) => {
      const value = capabilities[name];
      if (!isJsonObject(value)) return [];
      const { listChanged: _changes, ...rest } = value;
      return [[name, name === 'roots' ? rest : value]];
    }),
  );
}

/** A result as servers of 2026-07-28 write it. */
export function toCanonicalResult(result: JsonObject): JsonObject {
  return { ...result, resultType: 'complete' };
}

/** An error as servers of 2026-07-28 write it: a missing resource is a wrong parameter there. */
export function toCanonicalError(error: RelayedError, params: JsonObject): RelayedError {
  if (error.code !== RESOURCE_NOT_FOUND) return error;
  const data = isJsonObject(error.data) ? error.data : {};
  const uri = data['uri'] ?? params['uri'];
  return new RelayedError(INVALID_PARAMS, error.message, uri === undefined ? error.data : { ...data, uri });
}

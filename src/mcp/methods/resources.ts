// `resources/read`, `resources/subscribe` and `resources/unsubscribe`. Resources keep their URIs, so the target is found
// by what each of them has listed; a URI that nobody listed is asked of one after another.

import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import { RelayedError } from '../../core/relay.ts';
import type { SnapshotServer } from '../../snapshot/snapshot.ts';
import { INVALID_PARAMS, METHOD_NOT_FOUND, ProtocolError } from '../error-response.ts';
import { relay } from '../relay.ts';
import { finishRelayed } from '../render.ts';
import { candidatesFor } from '../resource-owners.ts';
import type { Method, MethodContext } from './method.ts';

/** Servers asked for a URI that none of them has listed. */
const MAX_ASKED = 10;
/** Longer URIs cannot be followed: they are kept with the session (characters). */
const MAX_FOLLOWED_URI = 8_192;
/** Until 2025-11-25; later revisions use −32602. */
const RESOURCE_NOT_FOUND = -32002;

export const resourcesRead: Method = async (ctx) => {
  const uri = uriOf(ctx);
  for (const target of readersOf(ctx, uri))
    try {
      const result = await relay(ctx, target, 'resources/read', { uri });
      ctx.note({ targetId: target.targetId });
      return finishRelayed(withHints(result), ctx.isModern);
    } catch (thrown) {
      if (!isNotFound(thrown)) throw thrown;
    }
  throw new ProtocolError(200, ctx.isModern ? INVALID_PARAMS : RESOURCE_NOT_FOUND, 'Resource not found', {
    uri,
  });
};

/** Whom to ask: in the second round of a request, the server that asked for one. */
function readersOf(ctx: MethodContext, uri: string): readonly SnapshotServer[] {
  const { method, params } = ctx.request;
  const { requestState } = params;
  const candidates = candidatesFor(ctx.snapshot, uri).slice(0, MAX_ASKED);
  const state =
    typeof requestState === 'string' ? ctx.tokens().openState(requestState, method, params) : undefined;
  return state ? candidates.filter(({ targetId }) => targetId === state.targetId) : candidates;
}

export const resourcesSubscribe: Method = (ctx) => setSubscription(ctx, true);
export const resourcesUnsubscribe: Method = (ctx) => setSubscription(ctx, false);

/** Followed by whichever process holds the session's stream (changes.ts). */
async function setSubscription(ctx: MethodContext, isWanted: boolean): Promise<string> {
  const uri = uriOf(ctx);
  if (!ctx.session)
    throw new ProtocolError(200, METHOD_NOT_FOUND, 'Resources can be followed within a session only');
  if (uri.length > MAX_FOLLOWED_URI)
    throw new ProtocolError(200, INVALID_PARAMS, `params.uri is longer than ${MAX_FOLLOWED_URI} characters`);
  if (isWanted && candidatesFor(ctx.snapshot, uri).length === 0)
    throw new ProtocolError(200, RESOURCE_NOT_FOUND, 'Resource not found', { uri });
  await ctx.session.setSubscription(uri, isWanted);
  return '{}';
}

function uriOf(ctx: MethodContext): string {
  const { uri } = ctx.request.params;
  if (typeof uri !== 'string' || uri === '')
    throw new ProtocolError(200, INVALID_PARAMS, 'params.uri must be a string');
  return uri;
}

/** A server that does not know a URI says so with one of two codes, by revision. */
function isNotFound(thrown: unknown): boolean {
  if (!(thrown instanceof RelayedError)) return false;
  if (thrown.code === RESOURCE_NOT_FOUND || thrown.code === METHOD_NOT_FOUND) return true;
  return thrown.code === INVALID_PARAMS;
}

/** Caching hints are a duty of 2026-07-28; whether others may see it is not for the target to say. */
function withHints(result: JsonObject): JsonObject {
  if (result['resultType'] !== 'complete' || !isJsonObject(result)) return result;
  const { ttlMs } = result;
  const isValid = typeof ttlMs === 'number' && Number.isInteger(ttlMs) && ttlMs >= 0;
  return { ...result, ttlMs: isValid ? ttlMs : 0, cacheScope: 'private' };
}

// Where the code of a function can be fetched for a while: a link that needs no signature, because it carries a sealed
// word of what it is for.

import type { JsonObject } from '../../core/json.ts';
import type { FunctionContext } from './context.ts';

const LINK_MS = 10 * 60_000;

/** `Code` of GetFunction. */
export function codeLocation(codeId: string, ctx: FunctionContext): JsonObject {
  return { RepositoryType: 'S3', Location: codeLink(codeId, ctx) };
}

/** A link to an archive, good for ten minutes. */
export function codeLink(codeId: string, ctx: FunctionContext): string {
  const until = ctx.clock.now() + LINK_MS;
  const token = ctx.sealer.seal('function-code', JSON.stringify({ codeId, until }), []);
  return `${ctx.controlUrl()}/2015-03-31/code-archives/${token}`;
}

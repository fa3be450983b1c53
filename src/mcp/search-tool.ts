// The gateway’s own tool, which finds others: its definition as AgentCore lists it, and its calls. What it gives is whole
// definitions that can be called as they are, of tools this caller may see.

import { GatewayError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { Principal } from '../core/principal.ts';
import { SEARCH_TOOL_NAME } from '../core/tool.ts';
import type { MethodContext } from './methods/method.ts';
import { MODERN_MEMBERS, toolTextFor } from './render.ts';

/** AgentCore gives up to ten. */
const LIMIT = 10;

/** JSON text of its definition, word for word AgentCore’s. */
export const SEARCH_TOOL_TEXT = JSON.stringify({
  name: SEARCH_TOOL_NAME,
  description:
    'A special tool that returns a trimmed down list of tools given a context. Use this tool only when there are many tools available and you want to get a subset that matches the provided context.',
  inputSchema: {
    type: 'object',
    properties: { query: { type: 'string', description: 'search query to use for finding tools' } },
    required: ['query'],
  },
});

/** JSON text of the result of a search. @throws GatewayError Validation, Throttled */
export async function callSearch(ctx: MethodContext, args: JsonObject): Promise<string> {
  const { snapshot, isModern, call, mayList } = ctx;
  ctx.note({ tool: SEARCH_TOOL_NAME });
  const { query } = args;
  if (typeof query !== 'string') throw new GatewayError('Validation', 'query: must be a string');
  const { hits } = await ctx.search.search(snapshot.gatewayId, {
    query,
    limit: LIMIT,
    caller: callerOf(call.principal),
    ...(mayList ? { mayList } : {}),
  });
  const texts = hits.flatMap(({ name }) => {
    // The index may be a moment older than the snapshot.
    const tool = snapshot.tools.get(name);
    if (!tool || mayList?.(name) === false) return [];
    return [tool.server ? toolTextFor(tool.text, isModern) : tool.text];
  });
  ctx.note({ isError: false });
  const found = `{"tools":[${texts.join(',')}]}`;
  const members = `"content":[{"type":"text","text":${JSON.stringify(found)}}],"structuredContent":${found},"isError":false`;
  return isModern ? `{${MODERN_MEMBERS},${members}}` : `{${members}}`;
}

function callerOf({ type, issuer, id }: Principal): string {
  return JSON.stringify([type, issuer, id]);
}

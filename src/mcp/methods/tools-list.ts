// `tools/list`: one target's tools a page, as AgentCore pages them, or everything at once where the gateway says so.
// Pages are joined from ready texts once per snapshot.

import type { GatewaySnapshot, SnapshotTool } from '../../snapshot/snapshot.ts';
import { INVALID_PARAMS, ProtocolError } from '../error-response.ts';
import { MODERN_MEMBERS } from '../render.ts';
import type { Method } from './method.ts';

const TTL_MS = 60_000;

interface ListPage {
  readonly cursor: string;
  /** JSON text: `"tools":[…]` and `"nextCursor"` where there is more. */
  readonly members: string;
}

const joined = new WeakMap<GatewaySnapshot, readonly ListPage[]>();

export const toolsList: Method = ({ snapshot, request, isModern }) => {
  const pages = pagesOf(snapshot);
  const cursor = request.params['cursor'];
  const page = cursor === undefined ? pages[0] : pages.find((candidate) => candidate.cursor === cursor);
  if (!page)
    throw new ProtocolError(
      isModern ? 200 : 400,
      INVALID_PARAMS,
      'The cursor is not one that this gateway gave out',
    );
  return isModern
    ? `{${MODERN_MEMBERS},${page.members},"ttlMs":${TTL_MS},"cacheScope":"private"}`
    : `{${page.members}}`;
};

function pagesOf(snapshot: GatewaySnapshot): readonly ListPage[] {
  let pages = joined.get(snapshot);
  if (!pages) {
    pages = joinPages(snapshot);
    joined.set(snapshot, pages);
  }
  return pages;
}

function joinPages(snapshot: GatewaySnapshot): readonly ListPage[] {
  const filled = snapshot.pages.filter((page) => page.tools.length > 0);
  const groups: { readonly cursor: string; readonly tools: readonly SnapshotTool[] }[] =
    snapshot.singlePage || filled.length === 0
      ? [{ cursor: '', tools: filled.flatMap((page) => page.tools) }]
      : filled.map((page) => ({ cursor: cursorFor(snapshot.gatewayId, page.targetId), tools: page.tools }));
  return groups.map(({ cursor, tools }, index) => {
    const next = groups[index + 1];
    const list = `"tools":[${tools.map((tool) => tool.text).join(',')}]`;
    return { cursor, members: next ? `${list},"nextCursor":${JSON.stringify(next.cursor)}` : list };
  });
}

/** Opaque to clients, the same on every node, and of no use on another gateway. */
function cursorFor(gatewayId: string, targetId: string): string {
  return Buffer.from(`1/${gatewayId}/${targetId}`).toString('base64url');
}

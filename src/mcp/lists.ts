// The four lists (tools, prompts, resources, resource templates) over all targets: one target a page, as AgentCore pages
// them, or everything at once where the gateway says so. What is kept is joined from ready texts once per snapshot;
// targets with dynamic listing are asked each time, but never waited for longer than the others deserve: then what
// they last said stands in for them, and the result's `_meta` says so.

import type { JsonObject } from '../core/json.ts';
import { META_SERVER_INFO } from '../core/relay.ts';
import { SERVER_INFO } from '../core/server-info.ts';
import type { GatewaySnapshot, SnapshotServer } from '../snapshot/snapshot.ts';
import { INVALID_PARAMS, ProtocolError } from './error-response.ts';
import type { ListKind } from './list-kind.ts';
import { WHOLE, liveList } from './live-list.ts';
import type { MayList, MethodContext } from './methods/method.ts';
import { toolTextFor } from './render.ts';
import { ownersOf } from './resource-owners.ts';
import { SEARCH_TOOL_TEXT } from './search-tool.ts';

const TTL_MS = 60_000;
/** `_meta` key under which a list says what is wrong with targets. */
const META_TARGETS = 'gatewright/targets';

const REASONS = Object.freeze({
  unreachable: 'The server cannot be reached.',
  unresponsive: 'The server does not answer in time.',
  failing: 'The server breaks off, or answers with something that cannot be read.',
});

interface Group {
  readonly targetId: string;
  readonly texts: readonly string[];
  /** Asked each time. */
  readonly live?: SnapshotServer;
}

interface Page {
  readonly texts: readonly string[];
  readonly nextCursor?: string;
  /** What is wrong with targets of this page. */
  readonly troubles: readonly JsonObject[];
  readonly isLive: boolean;
}

interface FixedPage {
  readonly cursor: string;
  /** JSON text: `"tools":[…]` and `"nextCursor"` where there is more. */
  readonly members: string;
}

/** JSON text of one page of a list. @throws ProtocolError for a cursor that is none of ours */
export function listPage(ctx: MethodContext, kind: ListKind): string | Promise<string> {
  const { snapshot, isModern } = ctx;
  const cursor = ctx.request.params['cursor'];
  if (snapshot.servers.some(({ isDynamic }) => isDynamic)) return mixedPage(ctx, kind, cursor);
  const pages = ctx.mayList
    ? joinPages(snapshot, kind, isModern, ctx.mayList)
    : fixedPages(snapshot, kind, isModern);
  const page = findPage(pages, cursor, isModern);
  return finishList(ctx, page.members, healthOf(snapshot), TTL_MS);
}

function findPage<T extends { readonly cursor: string }>(
  pages: readonly T[],
  cursor: unknown,
  isModern: boolean,
): T {
  const page = cursor === undefined ? pages[0] : pages.find((candidate) => candidate.cursor === cursor);
  if (page) return page;
  throw new ProtocolError(
    isModern ? 200 : 400,
    INVALID_PARAMS,
    'The cursor is not one that this gateway gave out',
  );
}

const fixed = new WeakMap<GatewaySnapshot, Map<string, readonly FixedPage[]>>();

function fixedPages(snapshot: GatewaySnapshot, kind: ListKind, isModern: boolean): readonly FixedPage[] {
  let kinds = fixed.get(snapshot);
  if (!kinds) fixed.set(snapshot, (kinds = new Map()));
  const key = `${kind} ${isModern}`;
  let pages = kinds.get(key);
  if (!pages) kinds.set(key, (pages = joinPages(snapshot, kind, isModern)));
  return pages;
}

function joinPages(
  snapshot: GatewaySnapshot,
  kind: ListKind,
  isModern: boolean,
  mayList?: MayList,
): readonly FixedPage[] {
  const filled = groupsOf(snapshot, kind, isModern, mayList).filter(({ texts }) => texts.length > 0);
  const groups =
    snapshot.singlePage || filled.length === 0
      ? [{ cursor: '', texts: filled.flatMap(({ texts }) => texts) }]
      : filled.map(({ targetId, texts }) => ({ cursor: cursorFor(snapshot.gatewayId, targetId), texts }));
  return groups.map(({ cursor, texts }, index) => {
    const next = groups[index + 1];
    const own = index === 0 ? ownTexts(snapshot, kind) : [];
    return { cursor, members: membersOf(kind, [...own, ...texts], next?.cursor) };
  });
}

/** What each target has of a list, in order of creation. */
function groupsOf(
  snapshot: GatewaySnapshot,
  kind: ListKind,
  isModern: boolean,
  mayList?: MayList,
): readonly Group[] {
  if (kind === 'tools') {
    const servers = new Map(snapshot.servers.map((server) => [server.targetId, server]));
    return snapshot.pages.map(({ targetId, tools }) => {
      const server = servers.get(targetId);
      return {
        targetId,
        texts: tools
          .filter(({ name }) => mayList?.(name) !== false)
          .map(({ text }) => (server ? toolTextFor(text, isModern) : text)),
        ...(server?.isDynamic === true ? { live: server } : {}),
      };
    });
  }
  return snapshot.servers.map((server) => ({
    targetId: server.targetId,
    texts: textsOf(snapshot, server, kind),
    ...(server.isDynamic && server.capabilities[kind === 'prompts' ? 'prompts' : 'resources'] !== undefined
      ? { live: server }
      : {}),
  }));
}

/** What the gateway itself offers, before everything else. */
function ownTexts({ hasSearch }: GatewaySnapshot, kind: ListKind): readonly string[] {
  return kind === 'tools' && hasSearch ? [SEARCH_TOOL_TEXT] : [];
}

function textsOf(
  snapshot: GatewaySnapshot,
  server: SnapshotServer,
  kind: Exclude<ListKind, 'tools'>,
): readonly string[] {
  if (kind !== 'resources') return server[kind].map(({ text }) => text);
  const owners = ownersOf(snapshot);
  return server.resources.filter(({ uri }) => owners.get(uri) === server).map(({ text }) => text);
}

/** Opaque to clients, the same on every node, and of no use on another gateway. */
function cursorFor(gatewayId: string, targetId: string): string {
  return Buffer.from(`1/${gatewayId}/${targetId}`).toString('base64url');
}

/** A page of a gateway that has targets with dynamic listing. */
async function mixedPage(ctx: MethodContext, kind: ListKind, cursor: unknown): Promise<string> {
  const { snapshot, isModern, mayList } = ctx;
  const groups = groupsOf(snapshot, kind, isModern, mayList).filter(
    ({ texts, live }) => live || texts.length > 0,
  );
  const isFirst = cursor === undefined || cursor === '';
  const page = snapshot.singlePage
    ? await wholeList(ctx, kind, groups, cursor)
    : await onePage(ctx, kind, groups, cursor);
  return finishList(
    ctx,
    membersOf(kind, [...(isFirst ? ownTexts(snapshot, kind) : []), ...page.texts], page.nextCursor),
    [...healthOf(snapshot), ...page.troubles],
    page.isLive ? 0 : TTL_MS,
  );
}

async function wholeList(
  ctx: MethodContext,
  kind: ListKind,
  groups: readonly Group[],
  cursor: unknown,
): Promise<Page> {
  if (cursor !== undefined && cursor !== '') findPage([], cursor, ctx.isModern);
  const parts = await Promise.all(groups.map((group) => groupPage(ctx, kind, group, WHOLE)));
  return {
    texts: parts.flatMap(({ texts }) => texts),
    troubles: parts.flatMap(({ troubles }) => troubles),
    isLive: true,
  };
}

async function onePage(
  ctx: MethodContext,
  kind: ListKind,
  groups: readonly Group[],
  cursor: unknown,
): Promise<Page> {
  const [position, within] = placeOf(ctx, kind, groups, cursor);
  const group = groups[position];
  if (!group) return { texts: [], troubles: [], isLive: false };
  const page = await groupPage(ctx, kind, group, within);
  const next = groups[position + 1];
  const nextCursor =
    page.nextCursor === undefined
      ? next && ctx.tokens().sealCursor([kind, next.targetId])
      : ctx.tokens().sealCursor([kind, group.targetId, page.nextCursor]);
  return { ...page, ...(nextCursor === undefined ? {} : { nextCursor }) };
}

/** Which group a cursor stands at, and the server's own cursor within it. */
function placeOf(
  ctx: MethodContext,
  kind: ListKind,
  groups: readonly Group[],
  cursor: unknown,
): readonly [position: number, within: string | undefined] {
  if (cursor === undefined) return [0, undefined];
  const parts = typeof cursor === 'string' ? ctx.tokens().openCursor(cursor) : undefined;
  const position = groups.findIndex(({ targetId }) => targetId === parts?.[1]);
  if (parts?.[0] !== kind || position < 0) return findPage([], cursor, ctx.isModern);
  return [position, parts[2]];
}

function groupPage(
  ctx: MethodContext,
  kind: ListKind,
  group: Group,
  cursor: string | undefined | typeof WHOLE,
): Promise<Page> {
  if (!group.live) return Promise.resolve({ texts: group.texts, troubles: [], isLive: false });
  return liveList(ctx, kind, group.live, cursor, group.texts);
}

function membersOf(kind: ListKind, texts: readonly string[], nextCursor: string | undefined): string {
  const list = `"${kind}":[${texts.join(',')}]`;
  return nextCursor === undefined ? list : `${list},"nextCursor":${JSON.stringify(nextCursor)}`;
}

function healthOf(snapshot: GatewaySnapshot): readonly JsonObject[] {
  return snapshot.servers.flatMap(({ targetName, server }) => {
    const health = server.health();
    if (!health) return [];
    const { state, since } = health;
    // Addresses are for operators, who see the whole reason on the target.
    return [{ target: targetName, state, reason: REASONS[state], since: new Date(since).toISOString() }];
  });
}

function finishList(
  { isModern }: MethodContext,
  members: string,
  troubles: readonly JsonObject[],
  ttlMs: number,
): string {
  const meta: Record<string, unknown> = isModern ? { [META_SERVER_INFO]: SERVER_INFO } : {};
  if (troubles.length > 0) meta[META_TARGETS] = troubles;
  const hasMeta = isModern || troubles.length > 0;
  const tail = hasMeta ? `,"_meta":${JSON.stringify(meta)}` : '';
  return isModern
    ? `{"resultType":"complete",${members},"ttlMs":${ttlMs},"cacheScope":"private"${tail}}`
    : `{${members}${tail}}`;
}

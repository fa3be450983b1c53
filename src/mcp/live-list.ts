// Lists of targets with dynamic listing (`listingMode: DYNAMIC`): asked for anew each time, under the gateway's names.
// A target that is slow is waited for once, not by everybody: while an answer is overdue, what was known stands in.

import type { CallContext } from '../core/call.ts';
import { toGatewayError } from '../core/errors.ts';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import type { UpstreamServer } from '../core/relay.ts';
import { stringifyLossless } from '../lib/lossless-json.ts';
import type { SnapshotServer } from '../snapshot/snapshot.ts';
import { publishedName } from '../core/tool-names.ts';
import type { NamingRules } from '../core/tool-names.ts';
import type { ListKind } from './list-kind.ts';
import type { MethodContext } from './methods/method.ts';
import { toolTextFor } from './render.ts';

/** How long a list waits for one target (milliseconds). */
const WAIT_MS = 1_000;
/** How long an answer is waited for behind the scenes, until the target counts as failing. */
const ANSWER_MS = 15_000;
const MAX_PAGES = 100;
const MAX_NAMES = 20_000;
const METHODS = Object.freeze({
  tools: 'tools/list',
  prompts: 'prompts/list',
  resources: 'resources/list',
  resourceTemplates: 'resources/templates/list',
});

interface LivePage {
  readonly texts: readonly string[];
  readonly nextCursor?: string;
  readonly troubles: readonly JsonObject[];
  readonly isLive: boolean;
}

/** Servers that owe us an answer for longer than anybody waits. */
const overdue = new WeakMap<UpstreamServer, Set<string>>();
/** Names that clients were shown → the server's own. */
const shown = new WeakMap<UpstreamServer, Map<string, string>>();

/** A server's own name for a tool or prompt with a name that its lists showed. */
export function shownName(server: UpstreamServer, name: string): string | undefined {
  return shown.get(server)?.get(name);
}

/**
 * One page of a server's list, or all of it (`whole`).
 * @param known texts that stand in while the server does not answer
 */
export async function liveList(
  ctx: MethodContext,
  kind: ListKind,
  target: SnapshotServer,
  cursor: string | undefined,
  known: readonly string[],
): Promise<LivePage> {
  const { server, targetName } = target;
  const key = `${kind} ${cursor ?? ''}`;
  const late = overdue.get(server) ?? new Set<string>();
  overdue.set(server, late);
  const standIn = (reason: string): LivePage => ({
    texts: known,
    troubles: server.health() ? [] : [{ target: targetName, state: 'unresponsive', reason }],
    isLive: false,
  });
  if (late.has(key)) return standIn('its list is overdue; shown is what was known of it');
  const asked = ask(ctx, kind, target, cursor).finally(() => late.delete(key));
  asked.catch(() => undefined);
  // Known to be in trouble: asked behind the scenes, so that it is noticed when it is well again.
  if (server.health()) {
    late.add(key);
    return standIn('');
  }
  const waited = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => waited.resolve(undefined), WAIT_MS);
  try {
    const page = await Promise.race([asked, waited.promise]);
    if (page) return page;
    late.add(key);
    return standIn('it did not answer in time; shown is what was known of it');
  } catch (thrown) {
    return standIn(toGatewayError(thrown).message);
  } finally {
    clearTimeout(timer);
  }
}

async function ask(
  ctx: MethodContext,
  kind: ListKind,
  target: SnapshotServer,
  cursor: string | undefined,
): Promise<LivePage> {
  const call: CallContext = {
    ...ctx.call,
    // Not the client's: what is overdue is worth waiting for even when this client has gone.
    signal: AbortSignal.timeout(ANSWER_MS),
    deadline: ctx.clock.monotonic() + ANSWER_MS,
  };
  const texts: string[] = [];
  let position = cursor === 'whole' ? undefined : cursor;
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const params = position === undefined ? {} : { cursor: position };
    const result = await target.server.request(METHODS[kind], params, call);
    const items = result[kind];
    for (const item of Array.isArray(items) ? (items as readonly unknown[]) : [])
      if (isJsonObject(item)) texts.push(render(ctx, kind, target, item));
    const next = result['nextCursor'];
    if (typeof next !== 'string' || next === position) break;
    if (cursor !== 'whole') return { texts, nextCursor: next, troubles: [], isLive: true };
    position = next;
  }
  return { texts, troubles: [], isLive: true };
}

function render(ctx: MethodContext, kind: ListKind, target: SnapshotServer, item: JsonObject): string {
  const { name } = item;
  if ((kind !== 'tools' && kind !== 'prompts') || typeof name !== 'string') return stringifyLossless(item);
  const published = publish(target, name, ctx.snapshot.naming);
  const text = stringifyLossless({ ...item, name: published });
  return kind === 'tools' ? toolTextFor(text, ctx.isModern) : text;
}

function publish({ server, targetName }: SnapshotServer, ownName: string, naming: NamingRules): string {
  const published = publishedName({ target: targetName, tool: ownName }, naming);
  let names = shown.get(server);
  if (!names || names.size >= MAX_NAMES) shown.set(server, (names = new Map()));
  names.set(published, ownName);
  return published;
}

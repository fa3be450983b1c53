// Lists of targets with dynamic listing (`listingMode: DYNAMIC`): asked for anew each time, under the gateway's names.
// A target that is slow is waited for once, not by everybody: while an answer is overdue, what was known stands in.

import { LRUCache } from 'lru-cache';
import type { CallContext } from '../core/call.ts';
import { reasonOf } from '../core/errors.ts';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import type { UpstreamServer } from '../core/relay.ts';
import { stringifyLossless } from '../lib/lossless-json.ts';
import type { SnapshotServer } from '../snapshot/snapshot.ts';
import { publishedName } from '../core/tool-names.ts';
import type { ListKind } from './list-kind.ts';
import type { MethodContext } from './methods/method.ts';
import { toolTextFor } from './render.ts';

/** How long a list waits for one target (milliseconds). */
const WAIT_MS = 250;
/** How long an answer is waited for behind the scenes, until the target counts as failing. */
const ANSWER_MS = 15_000;
const MAX_PAGES = 100;
/** A list that is longer ends there (characters). */
const MAX_CHARACTERS = 16 * 1024 * 1024;
/** Pages remembered of one server, and their characters together. */
const REMEMBERED = 200;
const REMEMBERED_CHARACTERS = 32 * 1024 * 1024;
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

/** What a server's lists were when it last answered, by list, page and caller; absent while it owes us an answer. */
interface Memory {
  readonly overdue: Set<string>;
  readonly answers: LRUCache<string, LivePage>;
}

const memories = new WeakMap<UpstreamServer, Memory>();
/** What clients were shown of a server, by the name they were shown. */
const shown = new WeakMap<UpstreamServer, Map<string, Shown>>();

/** A tool or prompt as a list showed it last. */
interface Shown {
  /** The server's own name for it. */
  readonly ownName: string;
  /** JSON text of its definition. */
  readonly text: string;
}

/** All pages at once, instead of one by its cursor. */
export const WHOLE = Symbol('whole');

/** What a server's lists showed under a name. */
export function shownAs(server: UpstreamServer, name: string): Shown | undefined {
  return shown.get(server)?.get(name);
}

/**
 * One page of a server's list, or all of it.
 * @param known texts that stand in while the server does not answer
 */
export async function liveList(
  ctx: MethodContext,
  kind: ListKind,
  target: SnapshotServer,
  cursor: string | undefined | typeof WHOLE,
  known: readonly string[],
): Promise<LivePage> {
  const { server, targetName } = target;
  const { overdue, answers } = memoryOf(server);
  const { type, issuer = '', id } = ctx.call.principal;
  const key = JSON.stringify([
    kind,
    cursor === WHOLE ? { all: true } : cursor,
    type,
    issuer,
    id,
    ctx.isModern,
  ]);
  const standIn = (reason: string): LivePage => ({
    texts: known,
    ...answers.get(key),
    troubles: server.health() ? [] : [{ target: targetName, state: 'unresponsive', reason }],
    isLive: false,
  });
  if (overdue.has(key)) return standIn('Its list is overdue; shown is what was known of it.');
  const asked = ask(ctx, kind, target, cursor)
    .then((page) => {
      answers.set(key, page);
      return page;
    })
    .finally(() => overdue.delete(key));
  asked.catch(() => undefined);
  // Known to be in trouble: asked behind the scenes, so that it is noticed when it is well again.
  if (server.health()) {
    overdue.add(key);
    return standIn('');
  }
  const waited = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => waited.resolve(undefined), WAIT_MS);
  try {
    const page = await Promise.race([asked, waited.promise]);
    if (page) return page;
    overdue.add(key);
    return standIn('It did not answer in time; shown is what was known of it.');
  } catch (thrown) {
    ctx.call.log.warn(
      { targetId: target.targetId, reason: reasonOf(thrown) },
      'a list could not be had from its server',
    );
    return standIn('It could not be asked; shown is what was known of it.');
  } finally {
    clearTimeout(timer);
  }
}

function memoryOf(server: UpstreamServer): Memory {
  let memory = memories.get(server);
  if (!memory)
    memories.set(
      server,
      (memory = {
        overdue: new Set(),
        answers: new LRUCache({
          max: REMEMBERED,
          maxSize: REMEMBERED_CHARACTERS,
          sizeCalculation: ({ texts }) => texts.reduce((size, text) => size + text.length, 1),
        }),
      }),
    );
  return memory;
}

async function ask(
  ctx: MethodContext,
  kind: ListKind,
  target: SnapshotServer,
  cursor: string | undefined | typeof WHOLE,
): Promise<LivePage> {
  const call: CallContext = {
    ...ctx.call,
    // Not the client's: what is overdue is worth waiting for even when this client has gone.
    signal: AbortSignal.timeout(ANSWER_MS),
    deadline: ctx.clock.monotonic() + ANSWER_MS,
  };
  const texts: string[] = [];
  let characters = 0;
  let position = cursor === WHOLE ? undefined : cursor;
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const params = position === undefined ? {} : { cursor: position };
    const result = await target.server.request(METHODS[kind], params, call);
    const items = result[kind];
    for (const item of Array.isArray(items) ? (items as readonly unknown[]) : [])
      if (isJsonObject(item) && maySee(ctx, kind, target, item)) {
        const text = render(ctx, kind, target, item);
        characters += text.length;
        texts.push(text);
      }
    if (characters > MAX_CHARACTERS) break;
    const next = result['nextCursor'];
    if (typeof next !== 'string' || next === position) break;
    if (cursor !== WHOLE) return { texts, nextCursor: next, troubles: [], isLive: true };
    position = next;
  }
  return { texts, troubles: [], isLive: true };
}

function maySee(ctx: MethodContext, kind: ListKind, target: SnapshotServer, item: JsonObject): boolean {
  const { name } = item;
  if (kind !== 'tools' || !ctx.mayList || typeof name !== 'string') return true;
  return ctx.mayList(publishedName({ target: target.targetName, tool: name }, ctx.snapshot.naming));
}

function render(ctx: MethodContext, kind: ListKind, target: SnapshotServer, item: JsonObject): string {
  const { name } = item;
  if ((kind !== 'tools' && kind !== 'prompts') || typeof name !== 'string') return stringifyLossless(item);
  const published = publishedName({ target: target.targetName, tool: name }, ctx.snapshot.naming);
  const text = stringifyLossless({ ...item, name: published });
  remember(target.server, published, { ownName: name, text });
  return kind === 'tools' ? toolTextFor(text, ctx.isModern) : text;
}

function remember(server: UpstreamServer, published: string, what: Shown): void {
  let names = shown.get(server);
  if (!names || names.size >= MAX_NAMES) shown.set(server, (names = new Map()));
  names.set(published, what);
}

// What clients that listen are told of: this gateway's own lists when they change (a snapshot was swapped), and what
// the servers of its targets tell: lists, resources, tasks. One follower per listening client; the targets share one
// connection among all of them.

import { createHash } from 'node:crypto';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import type { ListenFilter, Listening, UpstreamServer } from '../core/relay.ts';
import type { GatewaySnapshot, SnapshotServer } from '../snapshot/snapshot.ts';
import { candidatesFor } from './resource-owners.ts';
import type { TaskHandle } from './tokens.ts';

const LISTS = Object.freeze({
  tools: 'notifications/tools/list_changed',
  prompts: 'notifications/prompts/list_changed',
  resources: 'notifications/resources/list_changed',
});
type ListName = keyof typeof LISTS;
const LIST_NAMES: readonly ListName[] = ['tools', 'prompts', 'resources'];

/** What a client wants to be told of. */
export interface Wish {
  readonly lists: ReadonlySet<ListName>;
  readonly uris: readonly string[];
  /** The client's own id of a task → where it is. */
  readonly tasks: ReadonlyMap<string, TaskHandle>;
}

export interface Follower {
  update(wish: Wish): void;
  close(): void;
}

export interface ChangesServices {
  readonly snapshotOf: (gatewayId: string) => GatewaySnapshot | undefined;
  readonly onSwap: (listener: (gatewayId: string) => void) => () => void;
  /** Asks for a target's lists to be read anew; when that changes them, the snapshot is swapped. */
  readonly resynchronize: (targetId: string) => void;
}

export interface Changes {
  /** Tells of what is wished until closed; `gone` when the gateway is no more. */
  follow(
    gatewayId: string,
    wish: Wish,
    tell: (method: string, params: JsonObject) => void,
    gone: () => void,
  ): Follower;
  close(): void;
}

/** The changes of all gateways of this process. */
export function createChanges(services: ChangesServices): Changes {
  const followers = new Map<string, Set<GatewayFollower>>();
  const stop = services.onSwap((gatewayId) => {
    for (const follower of followers.get(gatewayId) ?? []) follower.look();
  });
  return Object.freeze({
    follow(gatewayId: string, wish: Wish, tell: Tell, gone: () => void): Follower {
      const all = followers.get(gatewayId) ?? new Set();
      followers.set(gatewayId, all);
      const follower = new GatewayFollower(gatewayId, wish, tell, gone, services);
      all.add(follower);
      return {
        update: (next) => follower.update(next),
        close() {
          follower.close();
          all.delete(follower);
          if (all.size === 0 && followers.get(gatewayId) === all) followers.delete(gatewayId);
        },
      };
    },
    close(): void {
      stop();
      for (const all of followers.values()) for (const follower of all) follower.close();
      followers.clear();
    },
  });
}

type Tell = (method: string, params: JsonObject) => void;

class GatewayFollower {
  readonly #gatewayId: string;
  readonly #tell: Tell;
  readonly #gone: () => void;
  readonly #services: ChangesServices;
  readonly #listening = new Map<UpstreamServer, Listening>();
  #wish: Wish;
  #seen: Readonly<Record<ListName, string>> | undefined;

  constructor(gatewayId: string, wish: Wish, tell: Tell, gone: () => void, services: ChangesServices) {
    this.#gatewayId = gatewayId;
    this.#wish = wish;
    this.#tell = tell;
    this.#gone = gone;
    this.#services = services;
    this.look();
  }

  update(wish: Wish): void {
    this.#wish = wish;
    this.look();
  }

  /** Compares what is served now with what was served before, and listens where there is something to listen to. */
  look(): void {
    const snapshot = this.#services.snapshotOf(this.#gatewayId);
    if (!snapshot) {
      this.close();
      this.#gone();
      return;
    }
    const now = fingerprints(snapshot);
    const before = this.#seen;
    this.#seen = now;
    if (before)
      for (const name of LIST_NAMES)
        if (now[name] !== before[name] && this.#wish.lists.has(name)) this.#tell(LISTS[name], {});
    this.#listen(snapshot);
  }

  #listen(snapshot: GatewaySnapshot): void {
    const current = new Set(snapshot.servers.map(({ server }) => server));
    for (const [server, listening] of this.#listening)
      if (!current.has(server)) {
        listening.close();
        this.#listening.delete(server);
      }
    const uris = ownUris(snapshot, this.#wish.uris);
    for (const target of snapshot.servers) {
      const filter = filterFor(target, this.#wish, uris.get(target) ?? []);
      const listening = this.#listening.get(target.server);
      if (listening) listening.update(filter);
      else if (Object.keys(filter).length > 0)
        this.#listening.set(
          target.server,
          target.server.listen(filter, (method, params) => this.#hear(target, method, params)),
        );
    }
  }

  #hear({ targetId, isDynamic }: SnapshotServer, method: string, params: JsonObject): void {
    const list = LIST_NAMES.find((name) => LISTS[name] === method);
    if (list) {
      // What is kept of the target's lists is old now; a second message follows when the new ones are there.
      if (!isDynamic) this.#services.resynchronize(targetId);
      if (this.#wish.lists.has(list)) this.#tell(method, {});
      return;
    }
    if (method === 'notifications/resources/updated') {
      const { uri } = params;
      // Servers may report a sub-resource of what was asked for.
      if (typeof uri === 'string' && this.#wish.uris.some((wanted) => uri.startsWith(wanted)))
        this.#tell(method, params);
      return;
    }
    if (method !== 'notifications/tasks') return;
    for (const [token, handle] of this.#wish.tasks)
      if (handle.targetId === targetId && handle.taskId === params['taskId'])
        this.#tell(method, { ...params, taskId: token });
  }

  close(): void {
    for (const listening of this.#listening.values()) listening.close();
    this.#listening.clear();
  }
}

/** Each wished URI goes to the one target that serves it. */
function ownUris(snapshot: GatewaySnapshot, uris: readonly string[]): Map<SnapshotServer, string[]> {
  const owned = new Map<SnapshotServer, string[]>();
  for (const uri of uris) {
    const [owner] = candidatesFor(snapshot, uri);
    if (!owner) continue;
    const list = owned.get(owner) ?? [];
    owned.set(owner, [...list, uri]);
  }
  return owned;
}

function filterFor(
  target: SnapshotServer,
  wish: Wish,
  resourceSubscriptions: readonly string[],
): ListenFilter {
  const declares = (name: ListName): boolean => {
    const capability = target.capabilities[name];
    return isJsonObject(capability) && capability['listChanged'] === true && wish.lists.has(name);
  };
  const taskIds = [...wish.tasks.values()]
    .filter(({ targetId }) => targetId === target.targetId)
    .map(({ taskId }) => taskId);
  return {
    ...(declares('tools') ? { toolsListChanged: true } : {}),
    ...(declares('prompts') ? { promptsListChanged: true } : {}),
    ...(declares('resources') ? { resourcesListChanged: true } : {}),
    ...(resourceSubscriptions.length > 0 ? { resourceSubscriptions } : {}),
    ...(taskIds.length > 0 ? { taskIds } : {}),
  };
}

const known = new WeakMap<GatewaySnapshot, Readonly<Record<ListName, string>>>();

/** What tells two states of a gateway's lists apart. Made once per snapshot, and only when somebody listens. */
function fingerprints(snapshot: GatewaySnapshot): Readonly<Record<ListName, string>> {
  let made = known.get(snapshot);
  if (!made) {
    const { servers } = snapshot;
    made = {
      tools: hash([...snapshot.tools.values()].map(({ text }) => text)),
      prompts: hash(servers.flatMap(({ prompts }) => prompts.map(({ text }) => text))),
      resources: hash(
        servers.flatMap(({ resources, resourceTemplates }) =>
          [...resources, ...resourceTemplates].map(({ text }) => text),
        ),
      ),
    };
    known.set(snapshot, made);
  }
  return made;
}

function hash(texts: readonly string[]): string {
  const digest = createHash('sha256');
  for (const text of texts) digest.update(text).update('\0');
  return digest.digest('base64url');
}

// The functions of the installation in memory: which there are, which version a qualifier means, what each runs with.
// Follows the store's change feed. Knows no process.

import type { ArnScope } from '../core/arn.ts';
import type { Log } from '../core/call.ts';
import { GatewayError, reasonOf } from '../core/errors.ts';
import { functionArn, parseFunctionReference } from '../core/function-name.ts';
import type {
  FunctionAliasDocument,
  FunctionConfigurationDocument,
  ResourceKind,
} from '../core/resources.ts';
import { settingsOf } from '../core/settings.ts';
import { isBehind } from '../stores/store.ts';
import type { Row, Store } from '../stores/store.ts';

const FEED_MS = 1_000;
const KINDS: ReadonlySet<ResourceKind> = new Set(['function', 'function-version', 'function-alias']);
/** ARNs whose meaning is remembered. */
const MAX_REMEMBERED = 10_000;

export type Network = 'host' | 'egress' | 'none';

/** One thing that can run: a version of a function, or what `$LATEST` is at the moment. */
export interface RunnableVersion {
  /** The same as long as nothing changes of what it runs with; only what its secrets are sealed under may be another. */
  readonly key: string;
  readonly functionId: string;
  readonly name: string;
  /** `$LATEST` or a number. */
  readonly version: string;
  readonly configuration: FunctionConfigurationDocument;
  /** `host`: that of this machine; `egress`: what the egress rules allow; `none`. */
  readonly network: Network;
}

/** A function as it is at the moment. */
export interface KnownFunction {
  readonly id: string;
  readonly name: string;
  readonly reservedConcurrency?: number;
  readonly versions: ReadonlyMap<string, RunnableVersion>;
  readonly aliases: ReadonlyMap<string, FunctionAliasDocument>;
}

/** What a call is to run, and the ARN it was called by. */
export interface Resolved {
  readonly known: KnownFunction;
  readonly runnable: RunnableVersion;
  readonly invokedArn: string;
}

export interface FunctionRegistry {
  find(name: string): KnownFunction | undefined;
  /** The function of an ARN of this account and region. */
  findByArn(arn: string): KnownFunction | undefined;
  /** @param chance 0 to 1, for aliases that share calls among versions @throws GatewayError NotFound */
  resolve(name: string, qualifier: string | undefined, chance: number): Resolved;
  resolveArn(arn: string, chance: number): Resolved;
  /** Told after each change of what there is. */
  onChange(listener: () => void): void;
  /** Everything that can run at the moment, by key. */
  readonly runnables: ReadonlyMap<string, RunnableVersion>;
  start(): Promise<void>;
  refresh(): Promise<void>;
  close(): void;
}

export interface RegistryServices {
  readonly store: Store;
  readonly scope: ArnScope;
  readonly log: Log;
}

/** The registry of this process; empty until it is started. */
export function createFunctionRegistry({ store, scope, log }: RegistryServices): FunctionRegistry {
  let functions: ReadonlyMap<string, KnownFunction> = new Map();
  let runnables: ReadonlyMap<string, RunnableVersion> = new Map();
  const references = new Map<string, ReturnType<typeof parseFunctionReference>>();
  const listeners: (() => void)[] = [];
  let seen = 0;
  let refreshed: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let stopListening: (() => void) | undefined;

  async function load(): Promise<void> {
    const rows = await allOf(store, 'function');
    const versions = Map.groupBy(await allOf(store, 'function-version'), ({ parentId }) => parentId);
    const aliases = Map.groupBy(await allOf(store, 'function-alias'), ({ parentId }) => parentId);
    const freshRunnables = new Map<string, RunnableVersion>();
    const fresh = new Map<string, KnownFunction>();
    for (const row of rows) {
      const network = networkOf(settingsOf(row.document.tags)['network']);
      const runnable = (version: string, configuration: FunctionConfigurationDocument): RunnableVersion => {
        const key = `${row.id}/${version}/${configuration.RevisionId}/${network}`;
        const made = { key, functionId: row.id, name: row.name, version, configuration, network };
        freshRunnables.set(key, made);
        return made;
      };
      const { configuration, reservedConcurrency } = row.document;
      fresh.set(row.name, {
        id: row.id,
        name: row.name,
        ...(reservedConcurrency === undefined ? {} : { reservedConcurrency }),
        versions: new Map([
          ['$LATEST', runnable('$LATEST', configuration)],
          ...(versions.get(row.id) ?? []).map((version): [string, RunnableVersion] => [
            version.name,
            runnable(version.name, version.document.configuration),
          ]),
        ]),
        aliases: new Map((aliases.get(row.id) ?? []).map((alias) => [alias.name, alias.document])),
      });
    }
    functions = fresh;
    runnables = freshRunnables;
    for (const listener of listeners) listener();
  }

  /** One after another: a listing that began earlier must not come later. */
  function refresh(): Promise<void> {
    const mine = refreshed.then(load, load);
    refreshed = mine.catch(() => undefined);
    return mine;
  }

  async function follow(): Promise<void> {
    const changes = await store.changes(seen);
    if (isBehind(changes, seen) || changes.some(({ kind }) => KINDS.has(kind))) await refresh();
    // Only now: what could not be read is read again.
    seen = Math.max(seen, changes.at(-1)?.sequence ?? 0);
  }

  const followQuietly = (): void => {
    follow().catch((thrown: unknown) => {
      log.warn({ reason: reasonOf(thrown) }, 'changes of functions cannot be read');
    });
  };

  function referenceOf(arn: string): ReturnType<typeof parseFunctionReference> {
    const known = references.get(arn);
    if (known) return known;
    const parsed = arn.startsWith('arn:') ? parseFunctionReference(arn, scope) : undefined;
    if (references.size >= MAX_REMEMBERED) references.clear();
    if (parsed) references.set(arn, parsed);
    return parsed;
  }

  function resolve(name: string, qualifier: string | undefined, chance: number): Resolved {
    const invokedArn = functionArn(scope, name, qualifier);
    const known = functions.get(name);
    const version = known && versionOf(known, qualifier, chance);
    const runnable = version === undefined ? undefined : known?.versions.get(version);
    if (!known || !runnable) throw new GatewayError('NotFound', `Function not found: ${invokedArn}`);
    return { known, runnable, invokedArn };
  }

  return Object.freeze({
    find: (name: string) => functions.get(name),
    findByArn: (arn: string) => functions.get(referenceOf(arn)?.name ?? ''),
    resolve,
    resolveArn(arn: string, chance: number): Resolved {
      const reference = referenceOf(arn);
      if (!reference) throw new GatewayError('NotFound', `Function not found: ${arn}`);
      return resolve(reference.name, reference.qualifier, chance);
    },
    onChange: (listener: () => void) => void listeners.push(listener),
    get runnables() {
      return runnables;
    },
    async start(): Promise<void> {
      seen = await store.sequence();
      await refresh();
      stopListening = store.onChange(followQuietly);
      timer = setInterval(followQuietly, FEED_MS);
      timer.unref();
    },
    refresh,
    close(): void {
      clearInterval(timer);
      stopListening?.();
    },
  });
}

function networkOf(value: string | undefined): Network {
  return value === 'none' || value === 'egress' ? value : 'host';
}

function versionOf(known: KnownFunction, qualifier: string | undefined, chance: number): string {
  if (qualifier === undefined || known.versions.has(qualifier)) return qualifier ?? '$LATEST';
  const alias = known.aliases.get(qualifier);
  if (!alias) return '';
  let left = chance;
  for (const [version, weight] of Object.entries(alias.weights ?? {})) {
    left -= weight;
    if (left < 0) return version;
  }
  return alias.FunctionVersion;
}

async function allOf<K extends 'function' | 'function-version' | 'function-alias'>(
  store: Store,
  kind: K,
): Promise<readonly Row<K>[]> {
  const rows: Row<K>[] = [];
  let after: string | undefined;
  do {
    const page = await store.list(kind, undefined, { limit: 200, ...(after === undefined ? {} : { after }) });
    rows.push(...page.rows);
    after = page.next;
  } while (after !== undefined);
  return rows;
}

// What the parts of the fixture MCP server share: what it was told to do, what it saw, and who must hear of changes.

import type { IncomingHttpHeaders } from 'node:http';
import type { JsonObject } from '../../src/core/json.ts';

/** Something a test waits for: what a tool noticed, or a change that was announced. */
export interface FixtureEvent {
  readonly kind: string;
  readonly value?: unknown;
}

/** One HTTP request as it arrived. */
export interface FixtureRequest {
  readonly httpMethod: string;
  readonly headers: IncomingHttpHeaders;
  /** The parsed body; undefined where there was none. */
  readonly body: JsonObject | undefined;
}

export interface FixtureOptions {
  /** Which clients are served; both on one URL by default. */
  readonly eras?: 'both' | 'modern' | 'legacy';
  /** Entries on a page of each list; without it all are on one. */
  readonly pageSize?: number;
  /** Adds a tool whose result has a content block and members that no revision knows. */
  readonly vendor?: boolean;
  /** Keeps what arrived; off for tests of many requests. */
  readonly record?: boolean;
  readonly name?: string;
}

/** Announcements, carried to sessions and listeners of both eras. */
export interface FixtureNews {
  toolsChanged(): void;
  promptsChanged(): void;
  resourcesChanged(): void;
  resourceUpdated(uri: string): void;
  taskChanged(task: JsonObject): void;
}

export class FixtureState {
  readonly options: FixtureOptions;
  readonly events: FixtureEvent[] = [];
  readonly requests: FixtureRequest[] = [];
  /** Names of tools and prompts that come and go at run time. */
  readonly extraTools = new Set<string>();
  readonly extraPrompts = new Set<string>();
  /** Calls by session; those without one are counted under the empty name. */
  readonly calls = new Map<string, number>();
  news: FixtureNews = {
    toolsChanged: () => undefined,
    promptsChanged: () => undefined,
    resourcesChanged: () => undefined,
    resourceUpdated: () => undefined,
    taskChanged: () => undefined,
  };
  #waiting: { matches: (event: FixtureEvent) => boolean; resolve: (event: FixtureEvent) => void }[] = [];

  constructor(options: FixtureOptions) {
    this.options = options;
  }

  tell(kind: string, value?: unknown): void {
    const event: FixtureEvent = value === undefined ? { kind } : { kind, value };
    this.events.push(event);
    this.#waiting = this.#waiting.filter(({ matches, resolve }) => {
      if (!matches(event)) return true;
      resolve(event);
      return false;
    });
  }

  /** The first event of this kind and value, past or to come. */
  seen(kind: string, value?: unknown): Promise<FixtureEvent> {
    const matches = (event: FixtureEvent): boolean =>
      event.kind === kind && (value === undefined || event.value === value);
    const past = this.events.find(matches);
    if (past) return Promise.resolve(past);
    return new Promise((resolve) => this.#waiting.push({ matches, resolve }));
  }

  /** One page of a list, by a cursor that is the place to go on from. */
  page<T>(all: readonly T[], cursor: unknown): { entries: readonly T[]; nextCursor?: string } {
    const size = this.options.pageSize ?? all.length;
    const start = typeof cursor === 'string' ? Number(cursor.replace(/^at-/, '')) : 0;
    if (!Number.isInteger(start) || start < 0 || start > all.length) throw new RangeError('no such cursor');
    const end = start + Math.max(size, 1);
    return { entries: all.slice(start, end), ...(end < all.length ? { nextCursor: `at-${end}` } : {}) };
  }
}

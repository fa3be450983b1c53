// The hub of those who follow a target, over streams that the test opens, loses and ends.

import { describe, expect, it } from 'vitest';
import { RelayedError } from '../../core/relay.ts';
import type { ListenFilter } from '../../core/relay.ts';
import { systemClock } from '../../lib/clock.ts';
import { covers, createListenHub, uniteFilters, wants } from './hub.ts';
import type { FollowOptions } from './hub.ts';

const TOOLS = 'notifications/tools/list_changed';

function openHub(change: (options: FollowOptions) => void = () => undefined) {
  const streams: {
    options: FollowOptions;
    asked: ListenFilter;
    end: () => void;
    lose: (why: Error) => void;
  }[] = [];
  let waiting: (() => void)[] = [];
  const hub = createListenHub(
    (options) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      options.signal.addEventListener('abort', () => resolve(), { once: true });
      change(options);
      streams.push({ options, asked: options.wanted(), end: resolve, lose: reject });
      for (const tell of waiting.splice(0)) tell();
      return promise;
    },
    { listenBackoffMs: [1, 4], listenLingerMs: 1 },
    systemClock,
  );
  const stream = async (at: number) => {
    while (streams.length <= at) await new Promise<void>((resolve) => void (waiting = [...waiting, resolve]));
    const found = streams[at];
    if (!found) throw new Error('no stream');
    return found;
  };
  return { hub, streams, stream };
}

describe('a hub', () => {
  it('opens nothing before somebody listens, and one stream for all', async () => {
    const { hub, streams, stream } = openHub();
    expect(streams).toEqual([]);
    const heard: string[] = [];
    hub.listen({ toolsListChanged: true }, () => heard.push('one'));
    hub.listen({ toolsListChanged: true }, () => heard.push('two'));
    hub.listen({}, () => heard.push('nobody'));
    const { options, asked } = await stream(0);
    expect(asked).toEqual({ toolsListChanged: true });
    options.onEvent(TOOLS, {});
    expect(heard).toEqual(['one', 'two']);
    expect(streams).toHaveLength(1);
    hub.close();
  });

  it('asks anew when more is wanted, and not when less is', async () => {
    const { hub, streams, stream } = openHub();
    const first = hub.listen({ toolsListChanged: true, resourceSubscriptions: ['a:1'] }, () => undefined);
    await stream(0);
    first.update({ toolsListChanged: true });
    expect(streams[0]?.options.signal.aborted).toBe(false);
    hub.listen({ taskIds: ['t'] }, () => undefined);
    expect((await stream(1)).asked).toEqual({ toolsListChanged: true, taskIds: ['t'] });
    expect(streams[0]?.options.signal.aborted).toBe(true);
    hub.close();
  });

  it('tells streams that can be told', async () => {
    let told = 0;
    const { hub, streams, stream } = openHub((options) => void (options.onWanted = () => void (told += 1)));
    hub.listen({ toolsListChanged: true }, () => undefined);
    await stream(0);
    hub.listen({ resourceSubscriptions: ['a:1'] }, () => undefined);
    expect([told, streams.length]).toEqual([1, 1]);
    hub.close();
  });

  it('comes back after a loss, and has everybody look for themselves', async () => {
    const { hub, stream } = openHub();
    const heard: string[] = [];
    hub.listen({ toolsListChanged: true, resourceSubscriptions: ['a:1'] }, (method, { uri }) =>
      heard.push(`${method} ${String(uri ?? '')}`.trim()),
    );
    const first = await stream(0);
    first.options.onOpen();
    expect(heard).toEqual([]);
    first.lose(new Error('broken'));
    (await stream(1)).options.onOpen();
    expect(heard).toEqual([TOOLS, 'notifications/resources/updated a:1']);
    (await stream(1)).end();
    (await stream(2)).options.onOpen();
    expect(heard).toHaveLength(2);
    (await stream(2)).lose(new RelayedError(-32_601, 'no such method'));
    await stream(3);
    hub.close();
  });

  it('ends the stream after the last listener, and begins again for the next', async () => {
    const { hub, stream } = openHub();
    const listening = hub.listen({ toolsListChanged: true }, () => undefined);
    const { options } = await stream(0);
    listening.close();
    listening.close();
    listening.update({});
    await new Promise<void>((resolve) => {
      options.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    hub.listen({ promptsListChanged: true }, () => undefined);
    expect((await stream(1)).asked).toEqual({ promptsListChanged: true });
    hub.close();
    expect((await stream(1)).options.signal.aborted).toBe(true);
  });

  it('takes the subscription ids of the wire away', async () => {
    const { hub, stream } = openHub();
    const heard: unknown[] = [];
    hub.listen({ toolsListChanged: true }, (_, params) => heard.push(params));
    const { options } = await stream(0);
    const id = { 'io.modelcontextprotocol/subscriptionId': 7 };
    options.onEvent(TOOLS, { _meta: id });
    options.onEvent(TOOLS, { _meta: { ...id, vendor: 1 }, x: 1 });
    expect(heard).toEqual([{}, { _meta: { vendor: 1 }, x: 1 }]);
    hub.close();
  });
});

describe('filters', () => {
  it('are united', () => {
    expect(
      uniteFilters([
        { toolsListChanged: true, promptsListChanged: false, resourceSubscriptions: ['b', 'a'] },
        { resourceSubscriptions: ['a'], taskIds: [] },
      ]),
    ).toEqual({ toolsListChanged: true, resourceSubscriptions: ['a', 'b'] });
    expect(covers({ toolsListChanged: true }, {})).toBe(true);
    expect(covers({ toolsListChanged: true }, { promptsListChanged: true })).toBe(false);
    expect(covers({ taskIds: ['a'] }, { taskIds: ['a', 'b'] })).toBe(false);
  });

  it.each<[ListenFilter, string, Record<string, string>, boolean]>([
    [{ toolsListChanged: true }, TOOLS, {}, true],
    [{ promptsListChanged: true }, TOOLS, {}, false],
    [{ resourcesListChanged: true }, 'notifications/resources/list_changed', {}, true],
    [{ resourceSubscriptions: ['a:/x'] }, 'notifications/resources/updated', { uri: 'a:/x' }, true],
    [{ resourceSubscriptions: ['a:/x'] }, 'notifications/resources/updated', { uri: 'a:/x/y' }, true],
    [{ resourceSubscriptions: ['a:/x'] }, 'notifications/resources/updated', { uri: 'a:/xy' }, false],
    [{ resourceSubscriptions: ['a:/x'] }, 'notifications/resources/updated', {}, false],
    [{ taskIds: ['t'] }, 'notifications/tasks', { taskId: 't' }, true],
    [{ taskIds: ['t'] }, 'notifications/tasks', { taskId: 'u' }, false],
    [{ toolsListChanged: true, taskIds: ['t'] }, 'notifications/message', { level: 'info' }, false],
  ])('%j and %s %j: %s', (filter, method, params, expected) => {
    expect(wants(filter, method, params)).toBe(expected);
  });
});

// Two users of one gateway, and one of them means harm: what belongs to the other, and what it costs to be asked for
// things that are not there.

import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { JsonObject } from '../src/core/json.ts';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';
import { openFixtureServer } from './support/fixture-server.ts';
import type { FixtureServer } from './support/fixture-server.ts';
import { openIssuer } from './support/issuer.ts';
import type { Issuer } from './support/issuer.ts';
import { eventsOf, messagesOf, openRawSession, postModern } from './support/mcp-stream.ts';
import type { RawSession, StreamEvent } from './support/mcp-stream.ts';

const STREAMS = {
  sessionConfiguration: { sessionTimeoutInSeconds: 3_600 },
  streamingConfiguration: { enableResponseStreaming: true },
};

let issuer: Issuer;
let app: TestApp;
let fixture: FixtureServer;
let url: string;
let alice: Record<string, string>;
let mallory: Record<string, string>;

beforeAll(async () => {
  issuer = await openIssuer();
  app = await openTestApp();
  fixture = await openFixtureServer({ eras: 'modern' });
  ({ url } = await app.gateway({
    mcp: STREAMS,
    jwt: { discoveryUrl: issuer.discoveryUrl, allowedAudience: ['gateway'] },
    servers: { target: fixture.url },
  }));
  alice = { authorization: `Bearer ${await issuer.token({ sub: 'alice' })}` };
  mallory = { authorization: `Bearer ${await issuer.token({ sub: 'mallory' })}` };
}, 60_000);
afterEach(() => {
  expect(app.lines.filter(({ level }) => level === 'error')).toEqual([]);
});
afterAll(async () => {
  await app.close();
  await fixture.close();
  await issuer.close();
});

/** The events of an answer until one fits. */
async function until(
  events: AsyncGenerator<StreamEvent, void, undefined>,
  fits: (event: StreamEvent) => boolean,
): Promise<StreamEvent> {
  for (;;) {
    const { value, done } = await events.next();
    if (done) throw new Error('the stream ended before');
    if (fits(value)) return value;
  }
}

const slow = (value: string, ms = 60_000): JsonObject => ({
  name: 'target___slow_echo',
  arguments: { ms, value },
  _meta: { progressToken: 'p' },
});

/** A session's id in the hands of somebody else. */
function stolen(session: RawSession, by: Record<string, string>, more: Record<string, string> = {}) {
  const headers = {
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'mcp-session-id': session.id,
    'mcp-protocol-version': '2025-11-25',
    ...by,
    ...more,
  };
  return {
    post: (message: JsonObject) =>
      fetch(url, { method: 'POST', headers, body: JSON.stringify({ jsonrpc: '2.0', ...message }) }),
    send: (method: string) => fetch(url, { method, headers }),
  };
}

describe('a stolen session id', () => {
  test('is worth as much as an invented one', async () => {
    const session = await openRawSession(url, {}, '2025-11-25', alice);
    const invented = stolen({ ...session, id: 'A'.repeat(session.id.length) }, mallory);
    const [thief, request] = [stolen(session, mallory), { id: 1, method: 'tools/list' }];
    const answers = await Promise.all(
      [thief.post(request), invented.post(request), thief.send('DELETE'), thief.send('GET')].map(
        async (sent) => {
          const answer = await sent;
          return [answer.status, (await answer.text()).replace('"id":1', '"id":0')];
        },
      ),
    );
    expect(new Set(answers.map(String)).size).toBe(1);
    expect(answers[0]?.[0]).toBe(404);
    expect((await messagesOf(await session.post(request)))[0]).toHaveProperty('result');
    await session.close();
  });

  test('gives no event of a stream, no word in a question, and cancels nothing', async () => {
    const session = await openRawSession(url, { elicitation: {} }, '2025-11-25', alice);
    const asking = eventsOf(
      await session.post({
        id: 7,
        method: 'tools/call',
        params: { name: 'target___test_elicitation', arguments: { message: 'secret question' } },
      }),
    );
    const question = await until(asking, ({ message }) => message?.['method'] === 'elicitation/create');
    const own = await openRawSession(url, { elicitation: {} }, '2025-11-25', mallory);
    const answer = {
      id: question.message?.['id'] ?? null,
      result: { action: 'accept', content: { username: 'm', email: 'm' } },
    };
    const cancel = { method: 'notifications/cancelled', params: { requestId: 7 } };
    const lastEvent = { 'last-event-id': question.id ?? '' };
    for (const sent of [
      stolen(session, mallory).post(answer),
      own.post(answer),
      stolen(session, mallory).post(cancel),
      own.post(cancel),
      stolen(session, mallory, lastEvent).send('GET'),
      own.get(question.id),
    ])
      expect(await (await sent).text()).not.toContain('secret');
    // Alice’s own answer is the one that counts.
    await (
      await session.post({
        ...answer,
        result: { action: 'accept', content: { username: 'alice', email: 'a' } },
      })
    ).text();
    const { message } = await until(asking, (event) => event.message?.['id'] === 7);
    expect(JSON.stringify(message)).toContain('alice');
    await session.close();
    await own.close();
  });
});

describe('tokens of another user', () => {
  const meta = {
    'io.modelcontextprotocol/clientCapabilities': {
      elicitation: {},
      extensions: { 'io.modelcontextprotocol/tasks': {} },
    },
  };
  const send = async (
    method: string,
    params: JsonObject,
    more: Record<string, string>,
  ): Promise<JsonObject> =>
    (await messagesOf(await postModern(url, method, params, { meta, more }))).at(-1) ?? {};

  test('a requestState', async () => {
    const params = { name: 'target___test_input_required_result_request_state', arguments: {} };
    const { requestState, inputRequests } = (await send('tools/call', params, alice))['result'] as JsonObject;
    const [key = ''] = Object.keys(inputRequests as JsonObject);
    const retry = {
      ...params,
      requestState: requestState ?? null,
      inputResponses: { [key]: { action: 'accept', content: { ok: true } } },
    };
    const refusal = { error: { code: -32_602 } };
    expect(await send('tools/call', retry, mallory)).toMatchObject(refusal);
    const text = requestState as string;
    for (const changed of [text.slice(1), `${text}A`, '', 'x'.repeat(2 * 1024 * 1024), 7, null, {}])
      expect(await send('tools/call', { ...retry, requestState: changed }, alice)).toMatchObject(refusal);
    expect(await send('tools/call', retry, alice)).toMatchObject({ result: { resultType: 'complete' } });
  });

  test('a task id', async () => {
    const params = { name: 'target___slow_compute', arguments: { seconds: 60 } };
    const { taskId } = (await send('tools/call', params, alice))['result'] as JsonObject;
    expect(typeof taskId).toBe('string');
    for (const method of ['tasks/get', 'tasks/cancel', 'tasks/update'])
      expect(await send(method, { taskId: taskId ?? null, inputResponses: {} }, mallory)).toEqual(
        await send(method, { taskId: 'invented', inputResponses: {} }, mallory),
      );
    expect(await send('tasks/get', { taskId: taskId ?? null }, alice)).toMatchObject({ result: { taskId } });
  });
});

describe('what is not there', () => {
  test('thousands of answers to nothing, cancellations of nothing and streams that never were', async () => {
    const session = await openRawSession(url, {}, '2025-11-25', mallory);
    const other = await openRawSession(url, {}, '2025-11-25', alice);
    const sent = Array.from({ length: 600 }, async (_, index) => {
      const answer =
        index % 3 === 0
          ? session.post({ id: `nothing-${index}`, result: {} })
          : index % 3 === 1
            ? session.post({ method: 'notifications/cancelled', params: { requestId: index } })
            : session.get(`c${'A'.repeat(16)}.${index}`);
      const { status } = await answer;
      return status;
    });
    expect((await messagesOf(await other.post({ id: 1, method: 'tools/list' })))[0]).toHaveProperty('result');
    const statuses = new Set(await Promise.all(sent));
    expect(statuses).toContain(429);
    for (const status of statuses) expect([202, 400, 404, 429]).toContain(status);
    await session.close();
    await other.close();
  });

  test('resources with endless URIs cannot be followed', async () => {
    const session = await openRawSession(url, {}, '2025-11-25', alice);
    const uri = `test://${'x'.repeat(100_000)}`;
    const [answer] = await messagesOf(
      await session.post({ id: 1, method: 'resources/subscribe', params: { uri } }),
    );
    expect(answer).toMatchObject({ error: { code: -32_602 } });
    const listening = eventsOf(
      await postModern(
        url,
        'subscriptions/listen',
        { notifications: { resourceSubscriptions: [uri, '', 'test://short'] } },
        { more: alice },
      ),
    );
    const { value } = await listening.next();
    expect(value).toMatchObject({
      message: { params: { notifications: { resourceSubscriptions: ['test://short'] } } },
    });
    await listening.return();
    await session.close();
  });
});

describe('connections', () => {
  test('a call outlives its connection for as long as it takes, once its client is back', async () => {
    const session = await openRawSession(url, {}, '2025-11-25', alice);
    const leaving = new AbortController();
    const answer = await session.post(
      { id: 1, method: 'tools/call', params: slow('long', 7_000) },
      leaving.signal,
    );
    const first = await until(eventsOf(answer), ({ message }) => message !== undefined);
    leaving.abort();
    const rest = await messagesOf(await session.get(first.id));
    expect(rest.at(-1)).toMatchObject({ id: 1, result: { structuredContent: { value: 'long' } } });
    await session.close();
  });

  test('a session id means nothing on a request of 2026-07-28, and none is given', async () => {
    const session = await openRawSession(url, {}, '2025-11-25', alice);
    await session.close();
    for (const id of [session.id, 'invented', '']) {
      const answer = await postModern(
        url,
        'tools/list',
        {},
        {
          more: { ...mallory, 'mcp-session-id': id, 'last-event-id': 'c.1' },
        },
      );
      expect([answer.status, answer.headers.get('mcp-session-id')]).toEqual([200, null]);
      await answer.text();
    }
  });

  test('listening ends with the token', async () => {
    const short = {
      authorization: `Bearer ${await issuer.token({ sub: 'alice', exp: Math.floor(Date.now() / 1000) + 2 })}`,
    };
    const messages = await messagesOf(
      await postModern(
        url,
        'subscriptions/listen',
        { notifications: { toolsListChanged: true } },
        {
          id: 'l',
          more: short,
        },
      ),
    );
    expect(messages.at(-1)).toMatchObject({ id: 'l', result: { resultType: 'complete' } });
  });

  test('a process that stops ends listening with a result, and calls that run', async () => {
    const own = await openTestApp();
    const { url: ownUrl } = await own.gateway({ mcp: STREAMS, servers: { target: fixture.url } });
    const listening = eventsOf(
      await postModern(
        ownUrl,
        'subscriptions/listen',
        { notifications: { toolsListChanged: true } },
        { id: 3 },
      ),
    );
    await listening.next();
    const session = await openRawSession(ownUrl);
    const stream = messagesOf(await session.get());
    const closed = own.close();
    await expect(until(listening, ({ message }) => message?.['id'] === 3)).resolves.toMatchObject({
      message: { result: { resultType: 'complete' } },
    });
    expect(await listening.next()).toMatchObject({ done: true });
    expect(await stream).toEqual([]);
    await closed;
  });

  test('whoever changes their mind about a stream before it begins leaves nothing behind', async () => {
    const session = await openRawSession(url, {}, '2025-11-25', alice);
    for (let times = 0; times < 30; times += 1) {
      const leaving = new AbortController();
      const answer = session.get(undefined, leaving.signal).then(
        () => undefined,
        () => undefined,
      );
      if (times % 2 === 0) await new Promise((resolve) => void setImmediate(resolve));
      leaving.abort();
      await answer;
    }
    const stream = eventsOf(await session.get());
    const next = until(stream, ({ message }) => message?.['method'] === 'notifications/tools/list_changed');
    await vi.waitFor(async () => {
      fixture.addTool('attack_extra');
      await Promise.race([next, new Promise((_resolve, reject) => setTimeout(reject, 500))]);
    }, 20_000);
    fixture.removeTool('attack_extra');
    await session.close();
  });
});

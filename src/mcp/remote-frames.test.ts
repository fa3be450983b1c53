// A stream handed to another process: whole, in order, and noticed when nobody takes it.

import { expect, test, vi } from 'vitest';
import type { Mailbox } from '../sessions/session.ts';
import { EventStream, MAX_WAITING } from './event-stream.ts';
import { receiveFrames, sendFrames } from './remote-frames.ts';

/** A mailbox that takes a turn for each message. */
function openMailbox(): Mailbox {
  const waiting = new Map<string, (text: string) => void>();
  return {
    wait(address, listener) {
      waiting.set(address, listener);
      return () => void waiting.delete(address);
    },
    async post(address, text) {
      await new Promise((resolve) => void setImmediate(resolve));
      const listener = waiting.get(address);
      listener?.(text);
      return listener !== undefined;
    },
    close: () => undefined,
  };
}

const openClient = (isFull = false) => {
  const messages: string[] = [];
  const ended = Promise.withResolvers<void>();
  return {
    messages,
    ended: ended.promise,
    write(frame: string): boolean {
      messages.push(...(/^data: (.+)$/m.exec(frame)?.slice(1) ?? []));
      return !isFull;
    },
    end: () => ended.resolve(),
  };
};

const KEPT = { id: 's', isKept: true };

test('what was missed, what comes, and the end', async () => {
  const [mailbox, stream, client] = [openMailbox(), new EventStream(KEPT), openClient()];
  for (const message of ['1', '2', '3']) void stream.push(message);
  const remote = receiveFrames('back', mailbox);
  remote.stream.attach(client);
  sendFrames(stream, 1, 'back', mailbox);
  void stream.push('4');
  await vi.waitFor(() => expect(client.messages).toEqual(['2', '3', '4']));
  for (let number = 5; number <= 50; number += 1) {
    await stream.push(String(number));
    if (number % 7 === 0) await new Promise((resolve) => void setImmediate(resolve));
  }
  stream.end();
  await client.ended;
  expect(client.messages).toEqual(Array.from({ length: 49 }, (_, index) => String(index + 2)));
});

test('nobody there any more: the stream is without a client, and can be resumed', async () => {
  const gone = Promise.withResolvers<void>();
  const [mailbox, client] = [openMailbox(), openClient()];
  const stream = new EventStream({ ...KEPT, onGone: () => gone.resolve() });
  void stream.push('1');
  const remote = receiveFrames('back', mailbox);
  remote.stream.attach(client);
  sendFrames(stream, 0, 'back', mailbox);
  await vi.waitFor(() => expect(client.messages).toEqual(['1']));
  remote.stream.gone(client);
  void stream.push('2');
  await gone.promise;
  const back = openClient();
  stream.from(1).attach(back);
  stream.end();
  await back.ended;
  expect(back.messages).toEqual(['2']);
});

test('an event that is no longer there: the other stream ends at once', async () => {
  const [mailbox, client] = [openMailbox(), openClient()];
  const remote = receiveFrames('back', mailbox);
  remote.stream.attach(client);
  sendFrames(new EventStream(KEPT), 7, 'back', mailbox);
  await client.ended;
  expect(client.messages).toEqual([]);
});

test('a client that takes nothing is sent away, to come back for the rest', async () => {
  const gone = Promise.withResolvers<void>();
  const [mailbox, client] = [openMailbox(), openClient(true)];
  const stream = new EventStream({ ...KEPT, onGone: () => gone.resolve() });
  const remote = receiveFrames('back', mailbox);
  remote.stream.attach(client);
  sendFrames(stream, 0, 'back', mailbox);
  const message = 'x'.repeat(MAX_WAITING / 2);
  for (let sent = 0; sent < 6; sent += 1) {
    await stream.push(message);
    await new Promise((resolve) => void setImmediate(resolve));
  }
  await gone.promise;
  await remote.stream.whenEnded;
  expect(remote.stream.size).toBeLessThan(4 * MAX_WAITING);
});

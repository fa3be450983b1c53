// Answers that are documents until something makes them streams.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { jsonAnswer } from './answer.ts';
import { createReply } from './reply.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const sinkOf = () => {
  const frames: string[] = [];
  return {
    frames,
    ends: 0,
    write: (text: string) => frames.push(text) > 0,
    end() {
      this.ends += 1;
    },
  };
};

test('a quick result is a document, and what comes after it opens nothing', async () => {
  let opened = 0;
  const reply = createReply({ onOpen: () => (opened += 1) });
  reply.finish(jsonAnswer(200, '{}'));
  expect(reply.send('late')).toBeUndefined();
  vi.advanceTimersByTime(60_000);
  expect(await reply.answer).toMatchObject({ body: '{}' });
  expect(opened).toBe(0);
});

test('a message before the result makes a stream, which the result ends', async () => {
  const reply = createReply({});
  void reply.send('1');
  const { events } = await reply.answer;
  const sink = sinkOf();
  events?.attach(sink);
  reply.finish(jsonAnswer(200, '2'));
  void reply.send('3');
  expect(sink.frames).toEqual(['event: message\ndata: 1\n\n', 'event: message\ndata: 2\n\n']);
  expect(sink.ends).toBe(1);
});

test.each([
  [{}, 15_000],
  [{ id: 's', isKept: true }, 50],
])('with %j, a silence of %i ms makes a stream', async (options, ms) => {
  let opened = 0;
  const reply = createReply({ ...options, onOpen: () => (opened += 1) });
  vi.advanceTimersByTime(ms - 1);
  expect(opened).toBe(0);
  vi.advanceTimersByTime(1);
  expect(opened).toBe(1);
  expect((await reply.answer).headers['x-accel-buffering']).toBe('no');
  reply.finish(jsonAnswer(200, '{}'));
});

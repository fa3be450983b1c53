import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { createAnswerRoom } from './answer-room.ts';

it('lets in what fits, and the others in order when somebody leaves', () => {
  const room = createAnswerRoom(100, 100);
  const inside: string[] = [];
  const enter = (name: string, bytes: number) => room.enter(name, bytes, () => inside.push(name));
  const leave = enter('a', 60);
  enter('b', 40);
  enter('c', 50);
  enter('d', 10);
  expect([inside.join(''), room.waiting]).toEqual(['ab', 2]);
  leave();
  expect([inside.join(''), room.waiting]).toEqual(['abcd', 0]);
});

it('keeps room for other upstreams from one that has many answers', () => {
  const room = createAnswerRoom(100, 40);
  const inside: string[] = [];
  const enter = (name: string, bytes: number) => room.enter(name, bytes, () => inside.push(name));
  enter('slow', 40);
  for (let more = 0; more < 50; more += 1) enter('slow', 40);
  enter('other', 40);
  expect(inside).toEqual(['slow', 'other']);
});

it('an answer larger than all room comes in alone', () => {
  const room = createAnswerRoom(100, 40);
  const inside: number[] = [];
  const leave = room.enter('a', 1_000, () => inside.push(1));
  room.enter('a', 1_000, () => inside.push(2));
  expect(inside).toEqual([1]);
  leave();
  expect(inside).toEqual([1, 2]);
});

it('who gives up waiting is never let in', () => {
  const room = createAnswerRoom(100, 100);
  const inside: number[] = [];
  const leave = room.enter('a', 100, () => inside.push(1));
  const giveUp = room.enter('a', 100, () => inside.push(2));
  room.enter('a', 100, () => inside.push(3));
  giveUp();
  leave();
  leave();
  expect([inside, room.waiting]).toEqual([[1, 3], 0]);
});

it('never has more inside than there is room for, and leaves nobody behind', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ origin: fc.constantFrom('a', 'b', 'c'), bytes: fc.integer({ min: 1, max: 60 }) }),
        {
          maxLength: 60,
        },
      ),
      fc.infiniteStream(fc.nat()),
      (ones, chance) => {
        const room = createAnswerRoom(100, 50);
        const inside = new Map<number, { origin: string; bytes: number }>();
        const leaves = ones.map((one, at) =>
          room.enter(one.origin, one.bytes, () =>
            inside.set(at, { origin: one.origin, bytes: Math.min(one.bytes, 50) }),
          ),
        );
        const check = (): void => {
          const all = [...inside.values()];
          expect(all.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(100);
          for (const name of ['a', 'b', 'c'])
            expect(
              all.reduce((sum, { origin, bytes }) => sum + (origin === name ? bytes : 0), 0),
            ).toBeLessThanOrEqual(50);
        };
        check();
        let left = 0;
        while (inside.size > 0) {
          const keys = [...inside.keys()];
          const at = keys[(chance.next().value ?? 0) % keys.length] ?? 0;
          inside.delete(at);
          leaves[at]?.();
          left += 1;
          check();
        }
        expect([left, room.waiting]).toEqual([ones.length, 0]);
      },
    ),
  );
});

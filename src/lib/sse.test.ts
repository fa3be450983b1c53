// The event stream parser: examples of the standard, and random streams cut at random places.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSseParser } from './sse.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const read = (text: string) => createSseParser(10_000).push(bytes(text));
const dataOf = (text: string) => read(text).map(({ data }) => data);

describe('an event stream', () => {
  it.each<[string, string, string[]]>([
    ['lines of data are joined', 'data: YHOO\ndata: +2\ndata: 10\n\n', ['YHOO\n+2\n10']],
    ['comments say nothing', ': test\n\ndata: a\n:b\n\n', ['a']],
    ['a field without colon is empty', 'data\n\ndata\ndata\n\n', ['', '\n']],
    [
      'one blank after the colon goes',
      'data:test\n\ndata: test\n\ndata:  test\n\n',
      ['test', 'test', ' test'],
    ],
    ['an unfinished event is none', 'data: a\n\ndata: b\n', ['a']],
    ['an event without data is none', 'event: x\nid: 1\n\n', []],
    ['CR, LF and CRLF end lines', 'data: a\r\rdata: b\r\n\r\ndata: c\n\n', ['a', 'b', 'c']],
    ['a byte order mark goes, once', '\uFEFFdata: a\n\n\uFEFFdata: b\n\n', ['a']],
    ['unknown fields are ignored', 'Data: a\nfoo: b\ndata: c\n\n', ['c']],
  ])('%s', (_, text, expected) => {
    expect(dataOf(text)).toEqual(expected);
  });

  it('names events, and forgets the name with the event', () => {
    expect(read('event: add\ndata: 1\n\ndata: 2\n\n')).toEqual([
      { type: 'add', data: '1' },
      { type: 'message', data: '2' },
    ]);
  });

  it('keeps the id for resumption even of events without data, and not of unfinished ones', () => {
    const parser = createSseParser(100);
    parser.push(bytes('id: 1\n\nid: 2\ndata: x\n'));
    expect(parser.lastEventId).toBe('1');
    parser.push(bytes('\nid: a\0b\ndata: y\n\n'));
    expect(parser.lastEventId).toBe('2');
    parser.push(bytes('id\ndata: y\n\n'));
    expect(parser.lastEventId).toBe('');
  });

  it('takes reconnection times of digits only', () => {
    const parser = createSseParser(100);
    parser.push(bytes('retry: 500\nretry: 1.5\nretry: -1\nretry:\n\n'));
    expect(parser.retryMs).toBe(500);
  });

  it('bounds an event, however it is cut, and not a stream', () => {
    const parser = createSseParser(20);
    for (let at = 0; at < 100; at += 1) parser.push(bytes('data: 12345\n\n: keep-alive\n'));
    parser.push(bytes('data: 1234567'));
    expect(() => parser.push(bytes('89012345'))).toThrow(RangeError);
    const lines = createSseParser(20);
    expect(() => lines.push(bytes('data: 1\ndata: 2\ndata: 3\n'))).toThrow(RangeError);
  });

  it('says the same wherever the chunks are cut', () => {
    const line = fc.oneof(
      fc.constantFrom('', '', 'data', 'id: 7', 'retry: 12', 'event: e', ':', 'data: ü€😀', 'data:\uFEFF'),
      fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => `data: ${text.replace(/[\r\n]/g, '')}`),
    );
    const stream = fc
      .array(fc.tuple(line, fc.constantFrom('\n', '\r', '\r\n')), { maxLength: 20 })
      .map((lines) => bytes(lines.flat().join('')));
    fc.assert(
      fc.property(stream, fc.array(fc.nat({ max: 60 }), { maxLength: 12 }), (whole, cuts) => {
        const at = [0, ...cuts.map((cut) => Math.min(cut, whole.length)).sort((a, b) => a - b), whole.length];
        const cut = createSseParser(10_000);
        const pieces = at.slice(1).flatMap((end, index) => cut.push(whole.subarray(at[index], end)));
        const uncut = createSseParser(10_000);
        expect(pieces).toEqual(uncut.push(whole));
        expect([cut.lastEventId, cut.retryMs]).toEqual([uncut.lastEventId, uncut.retryMs]);
      }),
      { numRuns: 500 },
    );
  });

  it('gives back what was written as data', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 20 }), { maxLength: 8 }), (texts) => {
        const wire = texts.map((text) => `data: ${JSON.stringify(text)}\n\n`).join('');
        expect(dataOf(wire).map((data) => JSON.parse(data) as string)).toEqual(texts);
      }),
    );
  });
});

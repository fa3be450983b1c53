// Words of texts: names are split where people would split them, and no text, however odd, does harm.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { termOf, wordsOf } from './text.ts';

describe('words', () => {
  it.each([
    ['getUserById', ['get', 'user', 'by', 'id']],
    ['get_user-by.id/now', ['get', 'user', 'by', 'id', 'now']],
    ['HTTPServerError', ['http', 'server', 'error']],
    ['parseJSON', ['parse', 'json']],
    ['listURLs', ['list', 'urls']],
    ['XMLHttpRequest2', ['xml', 'http', 'request', '2']],
    ['s3 EC2 oauth2', ['s3', 'ec2', 'oauth', '2']],
    ["the user’s file isn’t Bob's", ['the', 'user', 'file', 'isnt', 'bob']],
    ['Café crème, naïve', ['cafe', 'creme', 'naive']],
    ['ﬁnd ＦＵＬＬ width', ['find', 'full', 'width']],
    ['必应搜索', ['必应', '应搜', '搜索']],
    ['用Bing搜索网页', ['用', 'bing', '搜索', '索网', '网页']],
    ['検', ['検']],
    ['Погода в Москве', ['погода', 'в', 'москве']],
    ['', []],
    ['?!…', []],
  ])('of %j', (text, words) => {
    expect(wordsOf(text)).toEqual(words);
  });

  it('count as one by their stems', () => {
    for (const [one, other] of [
      ['booking', 'books'],
      ['multiplied', 'multiply'],
      ['currencies', 'currency'],
      ['conversion', 'conversions'],
    ] as const)
      expect(termOf(one)).toBe(termOf(other));
    expect(termOf('москве')).toBe('москве');
  });

  it('of any text are lower-case, short, and found again in themselves', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        for (const word of wordsOf(text)) {
          expect(word.length).toBeGreaterThan(0);
          expect(word.length).toBeLessThanOrEqual(64);
          expect(word).toBe(word.toLowerCase());
          expect(termOf(word).length).toBeLessThanOrEqual(word.length + 1);
        }
      }),
    );
  });

  it('of huge texts are bounded', () => {
    // U+FDFA is eighteen characters in its compatibility form; the marks are in the wrong order, over and over.
    for (const unit of [
      'a',
      'a ',
      'aA',
      '搜',
      '\u0301',
      '\u0301\u0323',
      '\ufdfa',
      '1a',
      "'s",
      '_',
      'ß',
      '\ud800',
    ])
      expect(wordsOf(unit.repeat(1_000_000)).join('').length).toBeLessThan(40_000);
  });
});

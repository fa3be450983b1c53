import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainText } from './plain-text.ts';

describe('plain text', () => {
  it.each([
    ['<p>Creates a new customer.</p>', 'Creates a new customer.'],
    ['One<br/>two<BR>three', 'One\ntwo\nthree'],
    ['<p>Use:</p><ul><li><code>a&amp;b</code></li><li>c&nbsp;d</li></ul>', 'Use:\n\n- `a&b`\n- c d'],
    ['See <a href="https://x.example/?a=1&amp;b=2">the guide</a>.', 'See the guide.'],
    ['<b>5 &lt; 6</b> &#8212; &#x2014; &unknown; &#0;', '5 < 6 — — &unknown; &#0;'],
  ])('%j', (html, text) => {
    expect(plainText(html)).toBe(text);
  });

  it.each([
    'a List<String> of <your-key>',
    'R&amp;B without a tag',
    'if a < b and c > d',
    '',
    '<<<>>>',
    '<script>x</script>',
  ])('leaves %j alone', (text) => {
    expect(plainText(text)).toBe(text);
  });

  it('is quick and total on anything', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('<', '</p', '<p ', '>', '&', '&#', 'a', ' ', '<li>', '\n'), {
          maxLength: 300,
        }),
        (parts) => {
          expect(typeof plainText(parts.join(''))).toBe('string');
        },
      ),
    );
    expect(plainText(`<p ${'<p '.repeat(200_000)}`).length).toBeGreaterThan(0);
  });
});

// Makes a text that matches a simple regular expression: literals, classes, groups, alternatives and counts.
// Gives undefined when the expression is beyond that or the text does not fit. For tests only.

/** A matching text within the lengths, or undefined. */
export function sampleFromPattern(pattern: string, least: number, most: number): string | undefined {
  let expression: RegExp;
  try {
    expression = new RegExp(pattern, 'u');
  } catch {
    try {
      expression = new RegExp(pattern);
    } catch {
      return undefined;
    }
  }
  const fits = (text: string): boolean =>
    text.length >= least && text.length <= most && expression.test(text);
  for (const repeat of [1, 2, 5, 8, 12, 16, 24, 32, 40, 64, least]) {
    const text = new Generator(pattern, repeat).run();
    if (text !== undefined && fits(text)) return text;
  }
  return ['sample', '1', 'a', 'A', 'abc-1', '2024-02-29', '12:30', 'https://example.com/', '#ffffff'].find(
    fits,
  );
}

const PREFERRED = 'aA1_-. /:@x,+%#\u00e9';

class Generator {
  private readonly pattern: string;
  private readonly repeat: number;
  private at = 0;

  constructor(pattern: string, repeat: number) {
    this.pattern = pattern;
    this.repeat = repeat;
  }

  run(): string | undefined {
    const text = this.alternatives();
    return this.at === this.pattern.length ? text : undefined;
  }

  private alternatives(): string {
    const first = this.sequence();
    while (this.pattern[this.at] === '|') {
      this.at += 1;
      this.sequence();
    }
    return first;
  }

  private sequence(): string {
    let text = '';
    while (this.at < this.pattern.length && !'|)'.includes(this.pattern[this.at] ?? '')) {
      const atom = this.atom();
      text += atom.repeat(this.count());
    }
    return text;
  }

  private atom(): string {
    const char = this.pattern[this.at] ?? '';
    this.at += 1;
    if (char === '^' || char === '$') return '';
    if (char === '.') return 'a';
    if (char === '(') {
      const lookaround = /^\?<?[=!]/.exec(this.pattern.slice(this.at));
      const opening = lookaround ?? /^\?(?::|<\w+>|P<\w+>)/.exec(this.pattern.slice(this.at));
      this.at += opening?.[0].length ?? 0;
      const inner = this.alternatives();
      this.at += 1;
      return lookaround === null ? inner : '';
    }
    if (char === '[') return this.charClass();
    if (char === '\\') return this.escape();
    return char;
  }

  private escape(): string {
    const char = this.pattern[this.at] ?? '';
    this.at += 1;
    const known: Record<string, string> = {
      d: '1',
      w: 'a',
      s: ' ',
      S: 'a',
      D: 'a',
      W: '-',
      b: '',
      B: '',
      n: '\n',
      t: '\t',
      A: '',
      z: '',
    };
    if (char === 'p') {
      const end = this.pattern.indexOf('}', this.at);
      this.at = end + 1;
      return 'a';
    }
    return known[char] ?? char;
  }

  private charClass(): string {
    const start = this.at - 1;
    while (this.at < this.pattern.length && this.pattern[this.at] !== ']')
      this.at += this.pattern[this.at] === '\\' ? 2 : 1;
    this.at += 1;
    const source = this.pattern.slice(start, this.at);
    const all = PREFERRED + Array.from({ length: 94 }, (_, code) => String.fromCharCode(33 + code)).join('');
    try {
      const one = new RegExp(`^${source}$`);
      return Array.from(all).find((candidate) => one.test(candidate)) ?? '';
    } catch {
      return '';
    }
  }

  private count(): number {
    const quantifier = /^(?:[*+?]|\{(\d+)(?:,(\d*))?\})\??/.exec(this.pattern.slice(this.at));
    if (quantifier === null) return 1;
    this.at += quantifier[0].length;
    const [whole, low, high] = quantifier;
    if (whole.startsWith('?')) return 0;
    if (whole.startsWith('*') || whole.startsWith('+')) return this.repeat;
    const least = Number(low);
    const top = high === undefined ? least : high === '' ? Number.POSITIVE_INFINITY : Number(high);
    return Math.min(Math.max(least, Math.min(this.repeat, top)), 5_000);
  }
}

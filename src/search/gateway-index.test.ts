// The ranking itself: what a caller may not see counts for nothing, whatever is asked there is an order, and nonsense is
// told from questions.

import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildIndex, rank } from './gateway-index.ts';
import type { GatewayIndex, RankAnswer } from './gateway-index.ts';
import { parseQuestion } from './question.ts';
import type { SearchableTool } from './tool-search.ts';
import { createVectorTable, packVector } from './vectors.ts';
import { readWordTable } from './words/word-table.ts';
import type { WordTable } from './words/word-table.ts';

const tool = (name: string, description: string, more: object = {}): SearchableTool => ({
  name: `t___${name}`,
  ownName: name,
  targetId: 't',
  targetName: 't',
  text: JSON.stringify({ description, inputSchema: { type: 'object' }, ...more }),
});

const VERBS = ['create', 'list', 'delete', 'send', 'translate'];
const NOUNS = ['invoice', 'ticket', 'flight', 'mail', 'playlist', 'recipe', 'alarm', 'contract'];
const TOOLS = VERBS.flatMap((verb) => NOUNS.map((noun) => tool(`${verb}_${noun}`, `${verb} one ${noun}`)));

let wordTable: WordTable;
beforeAll(async () => {
  wordTable = await readWordTable();
});

const build = (tools: readonly SearchableTool[]): Promise<GatewayIndex> =>
  buildIndex(tools, wordTable, new AbortController().signal);

interface Asked {
  readonly limit?: number;
  readonly mayList?: (name: string) => boolean;
  readonly sentence?: Float32Array;
}

const ask = (index: GatewayIndex, query: string, { limit = 10, mayList, sentence }: Asked = {}): RankAnswer =>
  rank(index, { question: parseQuestion(query), sentence, limit, mayList, explain: true });

const names = ({ hits }: RankAnswer): string[] => hits.map(({ name }) => name.slice(4));

/** A vector for each tool, the same for the same tool. */
function addSentences(index: GatewayIndex): void {
  const table = createVectorTable(index.tools.length, 20);
  for (const [row, { ownName }] of index.tools.entries()) {
    const packed = packVector(sentenceOf(ownName));
    if (packed) table.set(row, packed);
  }
  index.sentences = { model: 'test', weight: 0.9, relatedFrom: 0.6, table };
}

const sentenceOf = (text: string): Float32Array =>
  Float32Array.from({ length: 20 }, (_, at) =>
    Math.sin((text.codePointAt(at % text.length) ?? 1) * (at + 1)),
  );

const query = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.constantFrom(...VERBS, ...NOUNS).chain((one) => fc.constantFrom(...NOUNS).map((two) => `${one} ${two}`)),
);

describe('the ranking', () => {
  it('finds by words in common, by forms of words, and by likeness', async () => {
    const index = await build(TOOLS);
    expect(names(ask(index, 'please send a mail'))[0]).toBe('send_mail');
    expect(names(ask(index, 'deleting invoices'))[0]).toBe('delete_invoice');
    expect(names(ask(index, 'e-mail message'))[0]).toMatch(/mail/);
    expect(names(ask(index, 'airplane'))[0]).toMatch(/flight/);
  });

  it('finds by parameters, nested ones too, and by what a tool gives back', async () => {
    const nested = { properties: { item: { type: 'array', items: { properties: { iban: {} } } } } };
    const index = await build([
      ...TOOLS,
      tool('pay', 'Does it', { inputSchema: nested }),
      tool('look', 'Looks', { outputSchema: { properties: { humidity: { description: 'of the air' } } } }),
    ]);
    expect(names(ask(index, 'iban'))[0]).toBe('pay');
    expect(names(ask(index, 'humidity'))[0]).toBe('look');
  });

  it('finds tools in writings without spaces', async () => {
    const index = await build([
      ...TOOLS,
      tool('bing', '使用必应搜索指定的关键词'),
      tool('map', '查询地图上的地点'),
    ]);
    expect(names(ask(index, '搜索网页'))[0]).toBe('bing');
    expect(names(ask(index, '地图'))[0]).toBe('map');
  });

  it('tells nonsense from questions, unless there are so few tools that all can be shown', async () => {
    const index = await build(TOOLS);
    for (const nonsense of ['qwrtz plmok', 'xk7 zz9', '!!!', '', '   ', '鑾鑿'])
      expect(ask(index, nonsense).hits).toEqual([]);
    const few = await build(TOOLS.slice(0, 8));
    expect(ask(few, 'qwrtz plmok').hits).toHaveLength(8);
    expect(names(ask(few, 'a new recipe'))[0]).toBe('create_recipe');
  });

  it('answers as if tools that may not be seen were not there', async () => {
    const whole = await build(TOOLS);
    addSentences(whole);
    await fc.assert(
      fc.asyncProperty(
        query,
        fc.subarray([...TOOLS.keys()]),
        fc.boolean(),
        async (text, rows, hasSentence) => {
          const some = rows.map((row) => TOOLS[row]!);
          const seen = new Set(some.map(({ name }) => name));
          const alone = await build(some);
          addSentences(alone);
          const asked = hasSentence ? { sentence: sentenceOf(text === '' ? 'x' : text) } : {};
          const masked = ask(whole, text, { ...asked, mayList: (name) => seen.has(name) });
          const { hits, legs } = ask(alone, text, asked);
          expect(masked.hits.map(({ name }) => name)).toEqual(hits.map(({ name }) => name));
          expect(some.length === 0 ? [] : masked.legs).toEqual(legs);
          for (const [at, hit] of hits.entries()) {
            expect(masked.hits[at]?.score).toBeCloseTo(hit.score, 4);
            expect(masked.hits[at]?.explanation).toEqual(hit.explanation);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('gives an order whatever is asked: no more than wanted, none twice, none without a score', async () => {
    const index = await build(TOOLS);
    fc.assert(
      fc.property(query, fc.integer({ min: 1, max: 50 }), (text, limit) => {
        const { hits } = ask(index, text, { limit });
        expect(hits.length).toBeLessThanOrEqual(limit);
        expect(new Set(hits.map(({ name }) => name)).size).toBe(hits.length);
        for (const [at, { score }] of hits.entries()) {
          expect(Number.isFinite(score)).toBe(true);
          expect(score).toBeLessThanOrEqual(hits[at - 1]?.score ?? Number.POSITIVE_INFINITY);
        }
      }),
    );
  });

  it('takes any definition', async () => {
    const odd = [
      '',
      'null',
      '[]',
      '{"inputSchema":7}',
      '{"description":{}}',
      '{"inputSchema":{"properties":{"a":null,"__proto__":{"description":"x"}}}}',
      JSON.stringify({ description: 'x '.repeat(100_000) }),
    ].map((text, at) => ({ ...tool(`odd${at}`, ''), text }));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.json({ maxDepth: 5 }), { maxLength: 5 }), async (texts) => {
        const index = await build([...odd, ...texts.map((text, at) => ({ ...tool(`any${at}`, ''), text }))]);
        expect(ask(index, 'odd x').hits.length).toBeLessThanOrEqual(10);
      }),
      { numRuns: 30 },
    );
    expect((await build([])).tools).toEqual([]);
    expect(ask(await build([]), 'x')).toEqual({ hits: [], legs: [] });
  });
});

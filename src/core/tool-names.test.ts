import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nameTools } from './tool-names.ts';

const target = fc.stringMatching(/^[0-9a-zA-Z](-?[0-9a-zA-Z]){0,40}$/);
const tool = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/);
const tools = fc.uniqueArray(fc.record({ target, tool }), {
  selector: ({ target: t, tool: n }) => `${t}/${n}`,
  maxLength: 30,
});
const rules = fc.record({
  style: fc.constantFrom('prefixed' as const, 'bare' as const),
  maxLength: fc.integer({ min: 16, max: 128 }),
});

describe('tool names', () => {
  it('are target___tool, or bare where that is unique', () => {
    const named = [
      { target: 'pets', tool: 'list' },
      { target: 'shops', tool: 'list' },
      { target: 'shops', tool: 'open' },
    ];
    expect(nameTools(named, { style: 'prefixed', maxLength: 64 })).toEqual([
      'pets___list',
      'shops___list',
      'shops___open',
    ]);
    expect(nameTools(named, { style: 'bare', maxLength: 64 })).toEqual([
      'pets___list',
      'shops___list',
      'open',
    ]);
  });

  it('are unique, short enough and what every client accepts, whatever the tools', () => {
    fc.assert(
      fc.property(tools, rules, (named, rule) => {
        const names = nameTools(named, rule);
        expect(new Set(names).size).toBe(named.length);
        for (const name of names) expect(name).toMatch(new RegExp(`^[0-9A-Za-z_-]{1,${rule.maxLength}}$`));
      }),
    );
  });

  it('do not depend on the other tools of the gateway while they are prefixed', () => {
    fc.assert(
      fc.property(tools, fc.integer({ min: 24, max: 128 }), (named, maxLength) => {
        const together = nameTools(named, { style: 'prefixed', maxLength });
        const alone = named.map((one) => nameTools([one], { style: 'prefixed', maxLength })[0]);
        expect(together).toEqual(alone);
      }),
    );
  });
});

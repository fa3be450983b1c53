// The pages that are made from tables say what the tables say.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pages } from '../docs/generate.ts';

describe('docs', () => {
  it.each([...pages()])('%s is up to date (npm run docs)', (name, text) => {
    expect(readFileSync(new URL(`../docs/${name}`, import.meta.url), 'utf8')).toBe(text);
  });
});

// Every request and response case of Smithy's protocol tests that applies to clients, against the tools that a gateway
// serves. Without the corpus (it is not part of the repository) the cases in test/fixtures/smithy stand in for it.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseLossless } from '../src/lib/lossless-json.ts';
import { PROTOCOL_EXCEPTIONS } from './fixtures/smithy/protocol-exceptions.ts';
import { acceptsMalformed, runProtocolCase, type ProtocolCase } from './support/smithy-protocol.ts';
import type { Ast } from './support/smithy-values.ts';

const root = join(import.meta.dirname, '..');
const corpus = join(root, '../shared/corpus/smithy-protocol-tests');
const directory = existsSync(corpus) ? corpus : join(root, 'test/fixtures/smithy/protocol-tests');

const read = (file: string): unknown => parseLossless(readFileSync(join(directory, file), 'utf8'));
const models = new Map<string, Ast>();

function modelOf(file: string): Ast {
  const model = models.get(file) ?? (read(file) as Ast);
  models.set(file, model);
  return model;
}

const files = readdirSync(directory).filter((file) => file.endsWith('.json') && file !== 'index.json');
let total = 0;

describe.each(files)('%s', (file) => {
  const { cases = [] } = read(file) as { readonly cases?: readonly ProtocolCase[] };
  const applicable = cases.filter(
    ({ kind, appliesTo }) => kind !== 'malformedRequest' && appliesTo !== 'server',
  );
  total += applicable.length;

  test.each(['request', 'response'] as const)('every %s', async (kind) => {
    const missed: string[] = [];
    const unexpected: string[] = [];
    for (const each of applicable.filter((candidate) => candidate.kind === kind)) {
      const faults = await runProtocolCase(each, modelOf(each.model));
      const isListed = PROTOCOL_EXCEPTIONS.has(each.id);
      if (faults.length > 0 && !isListed) missed.push(`${each.id}: ${faults.join('; ')}`);
      if (faults.length === 0 && isListed) unexpected.push(each.id);
    }
    expect(missed).toEqual([]);
    // What passes has no place in the list of what does not.
    expect(unexpected).toEqual([]);
  });
});

// Written for servers; what a server has to refuse by the model's constraints, a tool refuses before it is sent.
test('arguments that servers must refuse are refused', async () => {
  const accepted: string[] = [];
  let refused = 0;
  for (const file of files) {
    const { cases = [] } = read(file) as { readonly cases?: readonly ProtocolCase[] };
    for (const each of cases.filter(
      ({ kind, model }) => kind === 'malformedRequest' && /validation/i.test(model),
    )) {
      const isAccepted = await acceptsMalformed(each, modelOf(each.model));
      if (isAccepted === true) accepted.push(each.id);
      if (isAccepted === false) refused += 1;
    }
  }
  // Not held: the length of bytes, since an argument may be base64 or text. What else is not is for the service to say.
  const others = accepted.filter((id) => !/LengthBlob/.test(id));
  expect(others.length, others.join(', ')).toBeLessThanOrEqual(refused / 20);
});

test('the list of misses is short', () => {
  expect(PROTOCOL_EXCEPTIONS.size).toBeLessThanOrEqual(total / 100);
});

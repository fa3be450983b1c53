// Who is asked for a resource, and in which order.

import { expect, test } from 'vitest';
import type { GatewaySnapshot, SnapshotServer } from '../snapshot/snapshot.ts';
import { candidatesFor, ownersOf, templateOwner } from './resource-owners.ts';

function snapshotOf(
  servers: readonly {
    readonly name: string;
    readonly priority?: number;
    readonly uris?: readonly string[];
    readonly templates?: readonly string[];
    readonly hasNone?: boolean;
  }[],
): GatewaySnapshot {
  return {
    servers: servers.map(({ name, priority = 1_000, uris = [], templates = [], hasNone = false }) => ({
      targetName: name,
      resourcePriority: priority,
      capabilities: hasNone ? {} : { resources: {} },
      resources: uris.map((uri) => ({ uri })),
      resourceTemplates: templates.map((uriTemplate) => ({ uriTemplate })),
    })),
  } as unknown as GatewaySnapshot;
}

const names = (servers: readonly SnapshotServer[]): string[] => servers.map(({ targetName }) => targetName);

test('the owner alone where somebody lists it: the lowest number, then the older target', () => {
  const snapshot = snapshotOf([
    { name: 'old', uris: ['a:1', 'a:2'] },
    { name: 'young', uris: ['a:1', 'a:3'] },
    { name: 'first', priority: 1, uris: ['a:2'] },
  ]);
  expect(['a:1', 'a:2', 'a:3'].map((uri) => names(candidatesFor(snapshot, uri)))).toEqual([
    ['old'],
    ['first'],
    ['young'],
  ]);
  expect(ownersOf(snapshot)).toBe(ownersOf(snapshot));
});

test('where nobody does, those with a fitting template first, and never one without resources', () => {
  const snapshot = snapshotOf([
    { name: 'plain' },
    { name: 'none', hasNone: true },
    { name: 'fits', templates: ['file:///{path}.txt'] },
    { name: 'word', templates: ['file:///a.txt'] },
    { name: 'first', priority: 1 },
  ]);
  expect(names(candidatesFor(snapshot, 'file:///a.txt'))).toEqual(['fits', 'word', 'first', 'plain']);
  expect(names(candidatesFor(snapshot, 'other:'))).toEqual(['first', 'plain', 'fits', 'word']);
});

test.each([
  ['a{x}a', 'a', false],
  ['a{x}a', 'aa', true],
  ['{x}', '', true],
  ['}{', 'a', false],
  ['a}b{c', 'a}b{c', true],
  [`${'{a}'.repeat(10_000)}b`, 'b', true],
])('template %#', (template, uri, fits) => {
  const snapshot = snapshotOf([{ name: 'other' }, { name: 'own', templates: [template] }]);
  expect(names(candidatesFor(snapshot, uri))[0]).toBe(fits ? 'own' : 'other');
});

test('a template belongs to whoever has it word for word', () => {
  const snapshot = snapshotOf([
    { name: 'one', templates: ['a:{x}'] },
    { name: 'two', priority: 1, templates: ['a:{x}', 'a:{y}'] },
  ]);
  expect(['a:{x}', 'a:{y}', 'a:{z}'].map((text) => templateOwner(snapshot, text)?.targetName)).toEqual([
    'two',
    'two',
    undefined,
  ]);
});

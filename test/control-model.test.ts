// The model against the schemas that the installed AWS SDK carries: every operation's route and status, and
// every member of every shape with its type, whether it is required, and where it travels.

import * as dataSdk from '@aws-sdk/client-bedrock-agentcore';
import * as controlSdk from '@aws-sdk/client-bedrock-agentcore-control';
import { expect, it } from 'vitest';
import { OPERATIONS, shapeOf } from '../src/control/model/model.ts';
import type { ShapeRef } from '../src/control/model/shape.ts';

type Schema = number | readonly unknown[];
const SIMPLE: Readonly<Record<number, readonly string[]>> = {
  0: ['string'],
  1: ['integer', 'double'],
  2: ['boolean'],
  4: ['timestamp'],
  5: ['timestamp'],
  7: ['timestamp'],
  15: ['document'],
};
const KINDS = ['string', 'list', 'map', 'structure', 'union'];

const findings: string[] = [];
const seen = new Set<string>();

/** A schema and the HTTP traits beside it. */
function unwrap(schema: unknown): {
  readonly core: Schema;
  readonly traits: Readonly<Record<string, unknown>>;
} {
  const value: unknown = typeof schema === 'function' ? (schema as () => unknown)() : schema;
  if (typeof value === 'number') return { core: value, traits: {} };
  const parts = value as readonly unknown[];
  if (typeof parts[0] === 'number' && parts[0] <= 4 && parts.length > 2) return { core: parts, traits: {} };
  return {
    core: unwrap(parts[0]).core,
    traits: typeof parts[1] === 'object' ? (parts[1] as object as never) : {},
  };
}

function compare(path: string, ref: ShapeRef, schema: unknown): void {
  const mine = shapeOf(ref);
  const { core } = unwrap(schema);
  if (typeof core === 'number') {
    const types = core >= 128 ? ['map'] : core >= 64 ? ['list'] : SIMPLE[core];
    if (!types?.includes(mine.type)) findings.push(`${path} is ${mine.type}, not ${types?.join(' or ')}`);
    return;
  }
  const [kind, , name] = core as [number, unknown, string];
  if (mine.type !== KINDS[kind]) return void findings.push(`${path} is ${mine.type}, not ${KINDS[kind]}`);
  if (mine.type === 'string' && !mine.sensitive) findings.push(`${path} is not sensitive`);
  if (mine.type === 'list') compare(`${path}[]`, mine.member, core[4]);
  if (mine.type === 'map') compare(`${path}{}`, mine.value, core[5]);
  if (mine.type !== 'structure' && mine.type !== 'union') return;
  const key = `${name} ${typeof ref === 'string' ? ref : path}`;
  if (seen.has(key)) return;
  seen.add(key);
  const [names, types, required] = [
    core[4] as readonly string[],
    core[5] as readonly unknown[],
    Number(core[6] ?? 0),
  ];
  for (const extra of Object.keys(mine.members).filter((member) => !names.includes(member)))
    findings.push(`${path}.${extra} is ours only`);
  for (const [index, member] of names.entries()) {
    const own = mine.members[member];
    if (!own) {
      findings.push(`${path}.${member} is missing`);
      continue;
    }
    if ((own.required === true) !== index < required)
      findings.push(`${path}.${member} differs in being required`);
    const { traits } = unwrap(types[index]);
    const http = 'httpQuery' in traits ? 'query' : undefined;
    if (http !== undefined && own.in !== http) findings.push(`${path}.${member} travels in the ${http}`);
    // What the traits of labels and query strings wrap is a plain string or number.
    if (own.in === undefined && member !== 'clientToken')
      compare(`${path}.${member}`, own.shape, types[index]);
  }
}

it('has the wire of the AWS service', () => {
  const schemas = { ...dataSdk, ...controlSdk } as unknown as Record<string, readonly unknown[] | undefined>;
  for (const operation of OPERATIONS) {
    if (operation.extension) continue;
    const schema = schemas[`${operation.name}$`];
    expect([operation.name, schema?.[3]]).toEqual([
      operation.name,
      { http: [operation.method, operation.uri, operation.status] },
    ]);
    compare(`${operation.name}>`, operation.input, schema?.[4]);
    compare(`${operation.name}<`, operation.output, schema?.[5]);
  }
  expect(findings).toEqual([]);
  expect(seen.size).toBeGreaterThan(50);
});

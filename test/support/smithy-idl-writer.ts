// Writes a Smithy JSON AST as IDL text, one file a namespace: the other direction of what the parser does, so that every
// model there is becomes a test of it.

import type { JsonObject, JsonValue } from '../../src/core/json.ts';

const DOCUMENTATION = 'smithy.api#documentation';
const DEFAULT = 'smithy.api#default';
const ENUM_VALUE = 'smithy.api#enumValue';

type Shape = JsonObject & { readonly type: string; readonly traits?: JsonObject };
type Traits = JsonObject | undefined;

/** IDL files of a model; `apply` entries come last. */
export function writeIdl(ast: JsonObject): { name: string; text: string }[] {
  const byNamespace = new Map<string, string[]>();
  for (const [id, shape] of Object.entries(ast['shapes'] as Record<string, Shape>)) {
    const [namespace = '', name = ''] = id.split('#');
    const statements = byNamespace.get(namespace) ?? [];
    statements.push(shape.type === 'apply' ? applyOf(id, shape) : shapeOf(name, shape));
    byNamespace.set(namespace, statements);
  }
  const version = String(ast['smithy']).startsWith('1') ? '1.0' : '2.0';
  const metadata = Object.entries((ast['metadata'] ?? {}) as JsonObject).map(
    ([key, value]) => `metadata ${JSON.stringify(key)} = ${JSON.stringify(value)}\n`,
  );
  return [...byNamespace].map(([namespace, statements], index) => ({
    name: `${namespace}.smithy`,
    text: [
      `$version: "${version}"\n`,
      ...(index === 0 ? metadata : []),
      `namespace ${namespace}\n`,
      ...statements,
    ].join('\n'),
  }));
}

function applyOf(id: string, { traits }: Shape): string {
  return `apply ${id} {\n${traitsOf(traits, '    ')}}\n`;
}

function shapeOf(name: string, shape: Shape): string {
  const {
    type,
    traits,
    mixins,
    members,
    member,
    key,
    value,
    traits: _traits,
    ...rest
  } = shape as Shape & Record<string, JsonObject>;
  const head = `${traitsOf(traits)}${type} ${name}${withMixins(mixins)}`;
  if (type === 'service' || type === 'resource') return `${head} {\n${entity(without(rest, 'type'))}}\n`;
  if (type === 'operation') return `${head} {\n${operation(rest)}}\n`;
  if (type === 'enum' || type === 'intEnum') return `${head} {\n${enumMembers(members ?? {})}}\n`;
  if (type === 'list' || type === 'set') return `${head} {\n${membersOf(member ? { member } : {})}}\n`;
  if (type === 'map')
    return `${head} {\n${membersOf({ ...(key ? { key } : {}), ...(value ? { value } : {}) })}}\n`;
  if (type === 'structure' || type === 'union') return `${head} {\n${membersOf(members ?? {})}}\n`;
  return `${head}\n`;
}

function without(object: JsonObject, member: string): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== member));
}

function withMixins(mixins: unknown): string {
  if (!Array.isArray(mixins)) return '';
  return ` with [${(mixins as { target: string }[]).map(({ target }) => target).join(', ')}]`;
}

function membersOf(members: JsonObject): string {
  return Object.entries(members)
    .map(([name, member]) => {
      const { target, traits } = member as unknown as { target: string; traits?: JsonObject };
      const { [DEFAULT]: standard, ...others } = traits ?? {};
      const assigned = standard === undefined ? '' : ` = ${JSON.stringify(standard)}`;
      return `${traitsOf(others, '    ')}    ${name}: ${target}${assigned}\n`;
    })
    .join('\n');
}

function enumMembers(members: JsonObject): string {
  return Object.entries(members)
    .map(([name, member]) => {
      const { [ENUM_VALUE]: value, ...others } = (member as { traits?: JsonObject }).traits ?? {};
      const assigned = value === undefined || value === name ? '' : ` = ${JSON.stringify(value)}`;
      return `${traitsOf(others, '    ')}    ${name}${assigned}\n`;
    })
    .join('\n');
}

function operation({ input, output, errors }: Record<string, JsonValue>): string {
  const id = (reference: JsonValue | undefined): string => (reference as { target: string }).target;
  return [
    ...(input ? [`    input: ${id(input)}\n`] : []),
    ...(output ? [`    output: ${id(output)}\n`] : []),
    ...(errors ? [`    errors: [${(errors as readonly JsonValue[]).map(id).join('\n')}]\n`] : []),
  ].join('');
}

/** Properties of services and resources: references as bare ids, everything else as JSON. */
function entity(properties: JsonObject): string {
  const text = (value: JsonValue | undefined): string => {
    if (Array.isArray(value)) return `[${value.map((item) => text(item as JsonValue)).join(', ')}]`;
    if (typeof value !== 'object' || value === null) return JSON.stringify(value);
    const object = value as JsonObject;
    if (typeof object['target'] === 'string' && Object.keys(object).length === 1) return object['target'];
    return `{ ${Object.entries(object)
      .map(([key, item]) => `${JSON.stringify(key)}: ${text(item)}`)
      .join(', ')} }`;
  };
  return Object.entries(properties)
    .map(([key, value]) => `    ${key}: ${text(value)}\n`)
    .join('');
}

function traitsOf(traits: Traits, indent = ''): string {
  return (
    Object.entries(traits ?? {})
      .map(([id, value]) => {
        if (id === DOCUMENTATION && typeof value === 'string' && isPlain(value))
          return value
            .split('\n')
            .map((line) => `${indent}/// ${line}\n`)
            .join('');
        const isEmpty =
          typeof value === 'object' && !Array.isArray(value) && Object.keys(value ?? {}).length === 0;
        return `${indent}@${id}${isEmpty ? '' : `(${JSON.stringify(value)})`}\n`;
      })
      // A documentation comment comes before the traits.
      .sort(
        (one, other) =>
          Number(other.trimStart().startsWith('///')) - Number(one.trimStart().startsWith('///')),
      )
      .join('')
  );
}

/** Texts that a comment can hold word for word. */
function isPlain(text: string): boolean {
  return !/[\r\u2028\u2029]/.test(text);
}

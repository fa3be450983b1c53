// Finds what `$ref`, `$anchor`, `$id` and `$dynamicRef` of one document mean (JSON Schema Core §8.2). Only the
// document itself is searched: nothing is ever fetched. A reference that leads nowhere is undefined.

import type { Resource } from './check.ts';

/** What one walk over the document found. */
export interface DocumentIndex {
  readonly main: Resource;
  /** The resource a subschema belongs to. */
  ownerOf(schema: unknown, otherwise: Resource): Resource;
  /** The schema a reference leads to, and the resource it is in. */
  resolve(
    reference: string,
    from: Resource,
  ): { readonly schema: unknown; readonly resource: Resource } | undefined;
  readonly usesUnevaluated: boolean;
  readonly usesDynamicReferences: boolean;
}

const ROOT_URI = 'schema://document/';
const VALUES = new Set([
  'enum',
  'const',
  'default',
  'example',
  'examples',
  'required',
  'dependentRequired',
  'type',
]);
const MAPS = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas']);
const SCHEMAS = new Set([
  'additionalProperties', 'allOf', 'anyOf', 'contains', 'contentSchema', 'else', 'if', 'items', 'not', 'oneOf',
  'prefixItems', 'propertyNames', 'then', 'unevaluatedItems', 'unevaluatedProperties',
]); // prettier-ignore

/** Walks the document once. */
export function indexDocument(document: unknown): DocumentIndex {
  const resources = new Map<string, Resource>();
  const owners = new Map<object, Resource>();
  let usesUnevaluated = false;
  let usesDynamicReferences = false;

  const open = (root: unknown, uri: string): Resource => {
    const resource: Resource = { root, uri, anchors: new Map(), dynamicAnchors: new Map() };
    if (!resources.has(uri)) resources.set(uri, resource);
    return resource;
  };
  const main = open(document, ROOT_URI);

  // An explicit stack: documents may be nested deeper than calls can be. `known` is false below unknown keywords,
  // where identifiers do not count but references may still lead.
  const stack: { node: unknown; resource: Resource; known: boolean }[] = [
    { node: document, resource: main, known: true },
  ];
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    const { node, known } = entry;
    if (typeof node !== 'object' || node === null) continue;
    if (Array.isArray(node)) {
      for (const item of node) stack.push({ ...entry, node: item });
      continue;
    }
    const schema = node as Readonly<Record<string, unknown>>;
    let { resource } = entry;
    if (known) {
      const id = schema['$id'];
      if (typeof id === 'string') {
        const uri = absolute(id, resource.uri);
        if (node === document) {
          main.uri = uri;
          resources.set(uri, main);
        } else resource = open(node, uri);
      }
      if (resource !== main) owners.set(node, resource);
      for (const [keyword, isDynamic] of [
        ['$anchor', false],
        ['$dynamicAnchor', true],
      ] as const) {
        const name = schema[keyword];
        if (typeof name !== 'string') continue;
        resource.anchors.set(name, node);
        if (isDynamic) resource.dynamicAnchors.set(name, node);
      }
    }
    for (const [keyword, value] of Object.entries(schema)) {
      if (keyword === 'unevaluatedProperties' || keyword === 'unevaluatedItems') usesUnevaluated = true;
      if (keyword === '$dynamicRef') usesDynamicReferences = true;
      if (typeof value !== 'object' || value === null || VALUES.has(keyword)) continue;
      if (MAPS.has(keyword))
        for (const member of Object.values(value)) stack.push({ node: member, resource, known });
      else stack.push({ node: value, resource, known: known && SCHEMAS.has(keyword) });
    }
  }

  const ownerOf: DocumentIndex['ownerOf'] = (schema, otherwise) =>
    (typeof schema === 'object' && schema !== null ? owners.get(schema) : undefined) ?? otherwise;
  const resolve: DocumentIndex['resolve'] = (reference, from) => {
    const [address, fragment] = splitFragment(reference);
    const resource = address === '' ? from : resources.get(absolute(address, from.uri));
    if (resource === undefined) return undefined;
    const schema =
      fragment === '' || fragment.startsWith('/')
        ? follow(resource.root, fragment)
        : resource.anchors.get(fragment);
    return schema === undefined ? undefined : { schema, resource: ownerOf(schema, resource) };
  };
  return {
    main,
    ownerOf,
    resolve,
    usesUnevaluated,
    usesDynamicReferences,
  };
}

function absolute(reference: string, base: string): string {
  const [address] = splitFragment(reference);
  return URL.canParse(address, base) ? new URL(address, base).href : address;
}

function splitFragment(reference: string): [string, string] {
  const at = reference.indexOf('#');
  if (at < 0) return [reference, ''];
  const fragment = reference.slice(at + 1);
  try {
    return [reference.slice(0, at), decodeURIComponent(fragment)];
  } catch {
    return [reference.slice(0, at), fragment];
  }
}

/** RFC 6901, own members only. */
function follow(root: unknown, path: string): unknown {
  let node = root;
  for (const token of path.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, key)) return undefined;
    node = (node as Readonly<Record<string, unknown>>)[key];
  }
  return node;
}

// What Prism is given of a document: the chosen operations with all that their requests refer to, word for word.
// Answers and extensions are cut out: they say nothing about requests, and resolving them costs Prism minutes with
// documents such as Stripe's, whose answers go round in circles. For tests only.

import { isJsonObject, type JsonObject, type JsonValue } from '../../src/core/json.ts';

/** One operation, its path without query and fragment. */
export interface ChosenOperation {
  readonly method: string;
  readonly path: string;
}

const METHODS = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch']);
const ANSWERS: JsonObject = { 200: { description: 'ok' } };

/** The part of a document that judges requests of these operations. */
export function cutForPrism(document: JsonObject, chosen: readonly ChosenOperation[]): JsonObject {
  const wanted = new Set(chosen.map(({ method, path }) => `${method.toLowerCase()} ${path}`));
  const paths: Record<string, JsonValue> = {};
  for (const [path, item] of Object.entries(objectOf(document['paths']))) {
    // Prism takes a fragment for a part of the path.
    const bare = path.split(/[?#]/, 1)[0] ?? '';
    const kept = Object.entries(objectOf(item)).filter(
      ([key]) => !METHODS.has(key) || wanted.has(`${key} ${bare}`),
    );
    if (!kept.some(([key]) => METHODS.has(key) || key === '$ref')) continue;
    const own = Object.fromEntries(
      kept.map(([key, value]) => [
        key,
        METHODS.has(key) && isJsonObject(value) ? { ...value, responses: ANSWERS } : value,
      ]),
    );
    paths[bare] = { ...objectOf(paths[bare]), ...own };
  }
  const { webhooks: _, ...rest } = document;
  const components = objectOf(document['components']);
  const held = {
    ...rest,
    paths,
    ...(document['components'] === undefined
      ? {}
      : { components: { ...components, responses: {}, callbacks: {} } }),
    ...(document['responses'] === undefined ? {} : { responses: {} }),
  } as JsonObject;
  return keepReferredTo(withoutExtensions(held) as JsonObject);
}

/** Members that begin with `x-` are for other readers, save where names are free. */
function withoutExtensions(node: JsonValue, isMap = false): JsonValue {
  if (Array.isArray(node)) return (node as JsonValue[]).map((item) => withoutExtensions(item));
  if (!isJsonObject(node)) return node;
  return Object.fromEntries(
    Object.entries(node)
      .filter(([key]) => isMap || !key.startsWith('x-'))
      .map(([key, value]) => [
        key,
        key === 'callbacks' && !isMap
          ? {}
          : withoutExtensions(
              value ?? null,
              !isMap && /^(properties|schemas|parameters|headers|definitions)$/.test(key),
            ),
      ]),
  );
}

/** Leaves out the shared parts that nothing refers to any more. */
function keepReferredTo(document: JsonObject): JsonObject {
  const { components, definitions, parameters, ...rest } = document;
  const places: readonly (readonly [string, JsonObject])[] = [
    ...Object.entries(objectOf(components)).map(
      ([kind, held]) => [`#/components/${kind}/`, objectOf(held)] as const,
    ),
    ['#/definitions/', objectOf(definitions)],
    ['#/parameters/', objectOf(parameters)],
  ];
  const referred = new Set<string>();
  const open: JsonValue[] = [rest];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (typeof node === 'string') {
      if (!node.startsWith('#/') || referred.has(node)) continue;
      referred.add(node);
      for (const [prefix, held] of places)
        if (node.startsWith(prefix)) {
          const name = decode(node.slice(prefix.length).split('/', 1)[0] ?? '');
          referred.add(prefix + name);
          if (held[name] !== undefined) open.push(held[name]);
        }
    } else if (Array.isArray(node)) open.push(...(node as JsonValue[]));
    else if (isJsonObject(node))
      for (const value of Object.values(node)) if (value !== undefined) open.push(value);
  }
  const kept = (prefix: string, held: JsonValue | undefined): JsonObject =>
    Object.fromEntries(
      Object.entries(objectOf(held)).filter(
        ([name]) => prefix === '#/components/securitySchemes/' || referred.has(prefix + name),
      ),
    );
  return {
    ...rest,
    ...(components === undefined
      ? {}
      : {
          components: Object.fromEntries(
            Object.entries(objectOf(components)).map(([kind, held]) => [
              kind,
              kept(`#/components/${kind}/`, held),
            ]),
          ),
        }),
    ...(definitions === undefined ? {} : { definitions: kept('#/definitions/', definitions) }),
    ...(parameters === undefined ? {} : { parameters: kept('#/parameters/', parameters) }),
  };
}

function decode(token: string): string {
  return decodeURIComponent(token).replaceAll('~1', '/').replaceAll('~0', '~');
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

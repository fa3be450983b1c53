// Endpoint rules in their newer notation, a binary decision diagram (smithy.rules#endpointBdd): read, held to be one that
// ends, and decided by the official package. The trait's own form is that of the specification; the package wants
// tuples, as generated clients have them.

import { BinaryDecisionDiagram, decideEndpoint } from '@smithy/core/endpoints';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../core/json.ts';

/** References from here on are results. */
const RESULT = 100_000_000;
const NODE_BYTES = 12;
const MAX_NODES = 200_000;

type Diagram = ReturnType<typeof BinaryDecisionDiagram.from>;

/**
 * Reads the trait's value.
 * @throws Error that says what is wrong with it
 */
export function readDecisions(trait: JsonObject): Diagram {
  const { root, nodes: packed } = trait;
  const conditions = listOf(trait['conditions']).map(readCondition);
  // The first result, of which nothing is written, is that there is none.
  const results: JsonValue[][] = [[-1], ...listOf(trait['results']).map(readResult)];
  if (typeof root !== 'number' || typeof packed !== 'string') throw new Error('it has no root or no nodes');
  const nodes = unpack(packed);
  const count = nodes.length / 3;
  const check = (reference: number): void => {
    const isResult = reference >= RESULT;
    const isThere = isResult
      ? reference - RESULT < results.length
      : reference === 1 || reference === -1 || (Math.abs(reference) >= 2 && Math.abs(reference) <= count);
    if (!Number.isInteger(reference) || !isThere) throw new Error(`its reference ${reference} leads nowhere`);
  };
  check(root);
  for (let index = 1; index < count; index += 1) {
    const condition = nodes[index * 3] ?? -1;
    if (condition < 0 || condition >= conditions.length)
      throw new Error(`its node ${index} has no condition`);
    check(nodes[index * 3 + 1] ?? 0);
    check(nodes[index * 3 + 2] ?? 0);
  }
  requireEnd(nodes, root);
  return BinaryDecisionDiagram.from(nodes, root, conditions, results);
}

/**
 * The endpoint for some parameters, defaults filled in.
 * @throws Error with the rules' own words
 */
export function decide(
  diagram: Diagram,
  trait: JsonObject,
  given: Readonly<Record<string, JsonValue | undefined>>,
): unknown {
  const endpointParams: Record<string, JsonValue | undefined> = { ...given };
  const declared = trait['parameters'];
  for (const [name, parameter] of Object.entries(isJsonObject(declared) ? declared : {})) {
    if (!isJsonObject(parameter) || (endpointParams[name] ?? undefined) !== undefined) continue;
    if (parameter['default'] !== undefined) endpointParams[name] = parameter['default'];
    else if (parameter['required'] === true) throw new Error(`Missing required parameter: '${name}'`);
  }
  return decideEndpoint(diagram, {
    endpointParams: endpointParams as Parameters<typeof decideEndpoint>[1]['endpointParams'],
  });
}

function unpack(packed: string): Int32Array {
  const bytes = Buffer.from(packed, 'base64');
  if (bytes.length === 0 || bytes.length % NODE_BYTES !== 0 || bytes.length / NODE_BYTES > MAX_NODES)
    throw new Error('its nodes are not three numbers each');
  const nodes = new Int32Array(bytes.length / 4);
  for (let index = 0; index < nodes.length; index += 1) nodes[index] = bytes.readInt32BE(index * 4);
  return nodes;
}

/** No way through the diagram comes back to where it was. */
function requireEnd(nodes: Int32Array, root: number): void {
  // 1: on the way; 2: known to end.
  const state = new Uint8Array(nodes.length / 3 + 1);
  const open: number[] = [Math.abs(root)];
  while (open.length > 0) {
    const node = open.at(-1) ?? 0;
    if (node < 2 || node >= RESULT || state[node] === 2) {
      open.pop();
      continue;
    }
    if (state[node] === 1) {
      state[node] = 2;
      open.pop();
      continue;
    }
    state[node] = 1;
    for (const next of [nodes[(node - 1) * 3 + 1] ?? 1, nodes[(node - 1) * 3 + 2] ?? 1].map(Math.abs)) {
      if (next < 2 || next >= RESULT) continue;
      if (state[next] === 1) throw new Error('its nodes go round in a circle');
      open.push(next);
    }
  }
}

function readCondition(value: JsonValue): JsonValue[] {
  if (!isJsonObject(value) || typeof value['fn'] !== 'string' || !Array.isArray(value['argv']))
    throw new Error('one of its conditions is none');
  const { fn, argv, assign } = value;
  return typeof assign === 'string' ? [fn, argv, assign] : [fn, argv];
}

function readResult(value: JsonValue): JsonValue[] {
  if (isJsonObject(value) && isJsonObject(value['endpoint'])) {
    const { url, properties = {}, headers = {} } = value['endpoint'];
    if (url !== undefined) return [url, properties, headers];
  }
  if (isJsonObject(value) && value['error'] !== undefined) return [-1, value['error']];
  throw new Error('one of its results is neither an endpoint nor an error');
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : [];
}

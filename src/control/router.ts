// Method and raw request path → operation and its labels. One decoding, of labels only; no normalisation:
// what was signed is what is routed. Knows the table of operations and nothing of what they do.

import type { OperationModel } from './model/shape.ts';

/** What of an operation says where it is. */
type Routed = Pick<OperationModel, 'method' | 'uri'>;

export interface Route<O extends Routed = OperationModel> {
  readonly operation: O;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Router<O extends Routed = OperationModel> {
  /** True when the path is the control plane's, whether or not an operation answers there. */
  owns(path: string): boolean;
  find(method: string, path: string): Route<O> | undefined;
}

interface Template<O> {
  readonly operation: O;
  readonly segments: readonly string[];
}

const ROOTS: ReadonlySet<string> = new Set([
  'gateways',
  'identities',
  'policy-engines',
  'tags',
  'resourcepolicy',
]);
const isLabel = (segment: string): boolean => segment.startsWith('{');

/** A router for these operations. `roots`: the first segments of paths that are theirs. */
export function createRouter<O extends Routed>(
  operations: readonly O[],
  roots: ReadonlySet<string> = ROOTS,
): Router<O> {
  const templates: readonly Template<O>[] = operations.map((operation) => ({
    operation,
    segments: segmentsOf(operation.uri),
  }));
  return Object.freeze({
    owns(path: string): boolean {
      const [root = '', , third, ...more] = segmentsOf(path);
      // `/gateways/{gatewayId}/mcp` is the data plane's.
      return roots.has(root) && !(root === 'gateways' && third === 'mcp' && more.length === 0);
    },
    find(method: string, path: string): Route<O> | undefined {
      const segments = segmentsOf(path);
      for (const { operation, segments: template } of templates) {
        if (operation.method !== method) continue;
        const labels = match(template, segments);
        if (labels) return { operation, labels };
      }
      return undefined;
    },
  });
}

/** Segments without the leading slash and at most one trailing one. */
function segmentsOf(path: string): string[] {
  return path.replace(/^\//, '').replace(/\/$/, '').split('/');
}

function match(template: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  // An ARN has slashes: as the last label of /tags/ it may come with them encoded or not.
  const isGreedy = template[0] === 'tags';
  if (isGreedy ? segments.length < template.length : segments.length !== template.length) return undefined;
  const labels: Record<string, string> = {};
  for (const [index, part] of template.entries()) {
    const isRest = isGreedy && index === template.length - 1;
    const segment = isRest ? segments.slice(index).join('/') : (segments[index] ?? '');
    if (!isLabel(part)) {
      if (part !== segment) return undefined;
      continue;
    }
    if (segment === '') return undefined;
    const decoded = decode(segment);
    if (decoded === undefined) return undefined;
    labels[part.slice(1, -1)] = decoded;
  }
  return labels;
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

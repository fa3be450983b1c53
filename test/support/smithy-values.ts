// Values of Smithy's protocol tests and examples → the JSON that tools take and give: times as ISO 8601, bytes as base64.
// Walks the model as it is written, and uses nothing of the product.

import type { JsonObject, JsonValue } from '../../src/core/json.ts';

interface AstMember {
  readonly target: string;
  readonly traits?: JsonObject;
}
interface AstShape {
  readonly type: string;
  readonly members?: Readonly<Record<string, AstMember>>;
  readonly member?: AstMember;
  readonly value?: AstMember;
}
export interface Ast {
  readonly smithy: string;
  readonly shapes: Readonly<Record<string, AstShape>>;
}

const SIMPLE: Readonly<Record<string, string>> = {
  'smithy.api#Blob': 'blob',
  'smithy.api#Timestamp': 'timestamp',
  'smithy.api#Document': 'document',
  'smithy.api#Float': 'double',
  'smithy.api#Double': 'double',
  'smithy.api#BigDecimal': 'bigDecimal',
};

/** The tool's JSON for a value that a test writes for a shape. */
export function toToolJson(ast: Ast, id: string, value: JsonValue): JsonValue {
  if (value === null) return null;
  const shape = ast.shapes[id];
  switch (shape?.type ?? SIMPLE[id]) {
    case 'timestamp':
      return typeof value === 'number'
        ? new Date(Math.round(value * 1000)).toISOString().replace('.000Z', 'Z')
        : value;
    case 'blob':
      return typeof value === 'string' ? Buffer.from(value, 'utf8').toString('base64') : value;
    case 'list':
    case 'set':
      return (value as JsonValue[]).map((item) => toToolJson(ast, shape?.member?.target ?? '', item));
    case 'map':
      return mapValues(value as JsonObject, (item) => toToolJson(ast, shape?.value?.target ?? '', item));
    case 'structure':
    case 'union': {
      const out: Record<string, JsonValue> = {};
      for (const [name, item] of Object.entries(value as JsonObject))
        // Without a value is not there.
        if (item !== null && item !== undefined)
          out[name] = toToolJson(ast, shape?.members?.[name]?.target ?? '', item);
      return out;
    }
    default:
      return value;
  }
}

function mapValues(value: JsonObject, change: (item: JsonValue) => JsonValue): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, change(item ?? null)]));
}

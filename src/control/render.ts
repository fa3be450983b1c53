// Gives an answer the form of its output shape: members the shape does not have are dropped, so nothing that
// is only stored can slip out, and timestamps (milliseconds inside the house) get their wire format.

import { isJsonObject } from '../core/json.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { shapeOf } from './model/model.ts';
import type { ShapeRef } from './model/shape.ts';

/** The wire form of an operation's answer. */
export function renderOutput(shape: ShapeRef, value: JsonObject): JsonObject {
  return render(shape, value) as JsonObject;
}

function render(ref: ShapeRef, value: JsonValue): JsonValue {
  const shape = shapeOf(ref);
  switch (shape.type) {
    case 'timestamp':
      if (typeof value !== 'number') return value;
      return shape.format === 'iso8601' ? new Date(value).toISOString() : value / 1000;
    case 'list':
      return Array.isArray(value)
        ? (value as readonly JsonValue[]).map((item) => render(shape.member, item))
        : value;
    case 'map':
      if (!isJsonObject(value)) return value;
      return Object.fromEntries(
        Object.entries(value).flatMap(([key, item]) =>
          item === undefined ? [] : [[key, render(shape.value, item)]],
        ),
      );
    case 'structure':
    case 'union':
      if (!isJsonObject(value) || shape.widened !== undefined) return value;
      return Object.fromEntries(
        Object.entries(shape.members).flatMap(([name, member]) => {
          const item = Object.hasOwn(value, name) ? value[name] : undefined;
          return item === undefined ? [] : [[name, render(member.shape, item)]];
        }),
      );
    default:
      return value;
  }
}

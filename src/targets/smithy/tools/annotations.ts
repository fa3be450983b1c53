// Traits → the hints of MCP tools: what only reads, what may be repeated, what destroys.

import { isJsonObject } from '../../../core/json.ts';
import type { ToolAnnotations } from '../../../core/tool.ts';
import type { Operation } from '../load/service.ts';
import { trait } from '../model.ts';

const SAFE_METHODS: ReadonlySet<unknown> = new Set(['GET', 'HEAD']);
const IDEMPOTENT_METHODS: ReadonlySet<unknown> = new Set(['PUT', 'DELETE']);

/** Hints, as far as the model knows. */
export function annotationsOf({ shape, lifecycle }: Operation): ToolAnnotations {
  const http = trait(shape.traits, 'http');
  const method = isJsonObject(http) ? http['method'] : undefined;
  const isReadOnly =
    trait(shape.traits, 'readonly') !== undefined ||
    SAFE_METHODS.has(method) ||
    lifecycle === 'read' ||
    lifecycle === 'list';
  if (isReadOnly) return { readOnlyHint: true, openWorldHint: true };
  const isIdempotent = trait(shape.traits, 'idempotent') !== undefined || IDEMPOTENT_METHODS.has(method);
  const deletes = lifecycle === 'delete' || method === 'DELETE';
  return {
    readOnlyHint: false,
    ...(isIdempotent ? { idempotentHint: true } : {}),
    ...(deletes ? { destructiveHint: true } : lifecycle === 'create' ? { destructiveHint: false } : {}),
    openWorldHint: true,
  };
}

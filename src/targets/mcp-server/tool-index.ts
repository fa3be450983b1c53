// What is known of a modern server's tools: which arguments are repeated in headers. Learned from every list that comes
// by; asked for where nothing is known. Tools whose annotations are invalid are taken out of lists, as the
// specification has it (MCP 2026-07-28, tools). Knows no wire.

import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import { readToolHeaders } from './tool-headers.ts';
import type { ToolHeader } from './tool-headers.ts';

const MAX_KNOWN = 20_000;

export interface ToolIndex {
  /** Undefined while nothing is known of the tool. */
  find(name: string): readonly ToolHeader[] | undefined;
  /** Learns from a page of `tools/list`. */
  learn(page: JsonObject): void;
  /** True once a whole list has been read: tools that are not known then have no headers. */
  isComplete: boolean;
}

/** An index that knows nothing yet. */
export function createToolIndex(): ToolIndex {
  const known = new Map<string, readonly ToolHeader[]>();
  return {
    find: (name) => known.get(name),
    learn({ tools }) {
      if (!Array.isArray(tools)) return;
      for (const tool of tools as readonly unknown[]) {
        if (known.size >= MAX_KNOWN || !isJsonObject(tool) || typeof tool['name'] !== 'string') continue;
        const read = readToolHeaders(tool['inputSchema']);
        if (read.fault === undefined) known.set(tool['name'], read.headers);
      }
    },
    isComplete: false,
  };
}

/** A page of `tools/list` without the tools whose annotations are invalid. */
export function withoutInvalidTools(page: JsonObject): JsonObject {
  const { tools } = page;
  if (!Array.isArray(tools)) return page;
  const valid = tools.filter(
    (tool: unknown) => !isJsonObject(tool) || readToolHeaders(tool['inputSchema']).fault === undefined,
  );
  return valid.length === tools.length ? page : { ...page, tools: valid };
}

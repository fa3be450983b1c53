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
  /** Learns from a page of `tools/list`. @returns the page without invalid tools */
  learn(page: JsonObject): JsonObject;
  /** True once a whole list has been read: tools that are not known then have no headers. */
  isComplete: boolean;
}

/** An index that knows nothing yet. */
export function createToolIndex(): ToolIndex {
  const known = new Map<string, readonly ToolHeader[]>();
  return {
    find: (name) => known.get(name),
    learn(page) {
      const { tools } = page;
      if (!Array.isArray(tools)) return page;
      const valid = tools.filter((tool: unknown) => {
        if (!isJsonObject(tool) || typeof tool['name'] !== 'string') return true;
        const { headers } = { headers: undefined, ...readToolHeaders(tool['inputSchema']) };
        if (!headers) return false;
        if (known.size < MAX_KNOWN) known.set(tool['name'], headers);
        return true;
      });
      return valid.length === tools.length ? page : { ...page, tools: valid };
    },
    isComplete: false,
  };
}

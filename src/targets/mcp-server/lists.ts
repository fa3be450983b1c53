// All pages of a list of a server, within bounds: hostile servers page for ever. Knows no tool and no prompt.

import type { CallContext } from '../../core/call.ts';
import { GatewayError } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import { stringifyLossless } from '../../lib/lossless-json.ts';
import type { McpServer } from './server.ts';

const MAX_PAGES = 1_000;
const MAX_ITEMS = 20_000;
const MAX_CHARACTERS = 64 * 1024 * 1024;

/** The items of `method`, which stand in `member` of its results. @throws GatewayError UpstreamInvalid */
export async function listAll(
  server: Pick<McpServer, 'ask'>,
  method: string,
  member: string,
  call: CallContext,
): Promise<readonly JsonObject[]> {
  const items: JsonObject[] = [];
  const seen = new Set<string>();
  let characters = 0;
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const result = await server.ask(method, cursor === undefined ? {} : { cursor }, call);
    const part = result[member];
    if (!Array.isArray(part)) throw invalid(`${method} gave no list of ${member}.`);
    for (const item of part as readonly unknown[]) {
      if (!isJsonObject(item)) throw invalid(`${method} gave something in ${member} that is no object.`);
      items.push(item);
      characters += stringifyLossless(item).length;
    }
    if (items.length > MAX_ITEMS || characters > MAX_CHARACTERS)
      throw invalid(`${method} gave more than can be held: ${MAX_ITEMS} ${member} at most.`);
    const { nextCursor } = result;
    // An empty text is a cursor like any other.
    if (typeof nextCursor !== 'string') return items;
    if (seen.has(nextCursor))
      throw invalid(`${method} gave the same cursor twice, so that it would never end.`);
    seen.add(nextCursor);
    cursor = nextCursor;
  }
  throw invalid(`${method} has more than ${MAX_PAGES} pages.`);
}

function invalid(message: string): GatewayError {
  return new GatewayError('UpstreamInvalid', message);
}

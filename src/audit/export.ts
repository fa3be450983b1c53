// Records of a folder, in order of time, for whoever wants to look at them elsewhere. Reads only, and checks nothing:
// that is verify.ts.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import { linesOf, listSegments } from './segment-file.ts';
import { isFooterLine, segmentFile } from './segment.ts';

export interface RecordFilter {
  /** Milliseconds since the epoch; `from` belongs to it, `to` does not. */
  readonly from?: number;
  readonly to?: number;
  readonly gatewayId?: string;
  readonly eventName?: string;
}

/** One record: its line, and when it was written. */
export interface ExportedRecord {
  readonly line: string;
  readonly at: number;
}

/** The records that pass the filter: chain after chain merged by time. @throws Error of the file system */
export function* exportRecords(folder: string, filter: RecordFilter): Generator<ExportedRecord> {
  const nodes = [...new Set(listSegments(folder).map(({ node }) => node))];
  const chains = nodes.map((node) => recordsOf(folder, node, filter));
  const next = chains.map((chain) => chain.next());
  for (;;) {
    let earliest = -1;
    for (const [index, { done, value }] of next.entries()) {
      const best = next[earliest];
      if (done !== true && (best === undefined || best.done === true || value.at < best.value.at))
        earliest = index;
    }
    const chosen = next[earliest];
    const chain = chains[earliest];
    if (!chain || !chosen || chosen.done === true) return;
    yield chosen.value;
    next[earliest] = chain.next();
  }
}

function* recordsOf(folder: string, node: string, filter: RecordFilter): Generator<ExportedRecord> {
  for (const name of listSegments(folder).filter((segment) => segment.node === node))
    for (const { text, isWhole } of linesOf(readFileSync(join(folder, segmentFile(name))))) {
      if (!isWhole || isFooterLine(text)) continue;
      const members = parse(text);
      const at = Date.parse(String(members?.['eventTime']));
      if (members && passes(members, at, filter)) yield { line: text, at };
    }
}

function passes(members: JsonObject, at: number, { from, to, gatewayId, eventName }: RecordFilter): boolean {
  if (from !== undefined && !(at >= from)) return false;
  if (to !== undefined && !(at < to)) return false;
  if (eventName !== undefined && members['eventName'] !== eventName) return false;
  const more = members['additionalEventData'];
  return gatewayId === undefined || (isJsonObject(more) && more['gateway'] === gatewayId);
}

function parse(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

// What a name of the gateway's stands for: a tool of the snapshot, or something of a target with dynamic listing, whose
// names are known only from what it last listed.

import type { GatewaySnapshot, SnapshotServer, SnapshotTool } from '../snapshot/snapshot.ts';
import { unprefixed } from '../core/tool-names.ts';
import { shownAs } from './live-list.ts';

export interface Found {
  readonly target: SnapshotServer;
  readonly ownName: string;
  /** JSON text of its definition, where a list has shown it. */
  readonly text?: string;
}

/** A tool or prompt of a target with dynamic listing. */
export function findDynamic(snapshot: GatewaySnapshot, name: string): Found | undefined {
  const dynamic = snapshot.servers.filter(({ isDynamic }) => isDynamic);
  for (const target of dynamic) {
    const listed = shownAs(target.server, name);
    if (listed) return { target, ...listed };
    const ownName = unprefixed(target.targetName, name);
    if (ownName !== undefined) return { target, ownName };
  }
  const [only] = dynamic;
  return only && dynamic.length === 1 && snapshot.naming.style === 'bare'
    ? { target: only, ownName: name }
    : undefined;
}

/** A prompt under the gateway's name. */
export function findPrompt(snapshot: GatewaySnapshot, name: string): Found | undefined {
  for (const target of snapshot.servers) {
    const prompt = target.prompts.find((candidate) => candidate.name === name);
    if (prompt) return { target, ownName: prompt.ownName };
  }
  return findDynamic(snapshot, name);
}

const byOwnName = new WeakMap<GatewaySnapshot, ReadonlyMap<string, SnapshotTool | undefined>>();

/**
 * A tool of a target with MCP Apps under its own name, if that can only be one: its views call their server's tools by
 * the names that the server gave them (SEP-1865).
 */
export function findForApp(snapshot: GatewaySnapshot, name: string): SnapshotTool | undefined {
  let names = byOwnName.get(snapshot);
  if (!names) {
    const made = new Map<string, SnapshotTool | undefined>();
    const withApps = new Set(
      [...snapshot.tools.values()]
        .filter(({ server, text }) => server && text.includes('"ui://'))
        .map(({ targetId }) => targetId),
    );
    for (const tool of snapshot.tools.values())
      if (withApps.has(tool.targetId)) made.set(tool.ownName, made.has(tool.ownName) ? undefined : tool);
    byOwnName.set(snapshot, (names = made));
  }
  return names.get(name);
}

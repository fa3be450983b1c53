// Which target a resource belongs to. Resources keep their URIs; where several targets have the same one, the lowest
// `resourcePriority` wins, and the older target where that is equal (AgentCore, MCP server targets).

import type { GatewaySnapshot, SnapshotServer } from '../snapshot/snapshot.ts';

const owners = new WeakMap<GatewaySnapshot, ReadonlyMap<string, SnapshotServer>>();

/** Known resources by URI. Made once per snapshot. */
export function ownersOf(snapshot: GatewaySnapshot): ReadonlyMap<string, SnapshotServer> {
  let known = owners.get(snapshot);
  if (!known) {
    const made = new Map<string, SnapshotServer>();
    for (const server of byPriority(snapshot))
      for (const { uri } of server.resources) if (!made.has(uri)) made.set(uri, server);
    owners.set(snapshot, (known = made));
  }
  return known;
}

/** Targets that may have a resource, likeliest first: its owner, those with a fitting template, all others. */
export function candidatesFor(snapshot: GatewaySnapshot, uri: string): readonly SnapshotServer[] {
  const owner = ownersOf(snapshot).get(uri);
  if (owner) return [owner];
  const servers = byPriority(snapshot).filter(({ capabilities }) => capabilities['resources'] !== undefined);
  const fitting = servers.filter(({ resourceTemplates }) =>
    resourceTemplates.some(({ uriTemplate }) => mayExpandTo(uriTemplate, uri)),
  );
  return [...fitting, ...servers.filter((server) => !fitting.includes(server))];
}

/** The target whose template this is, word for word. */
export function templateOwner(snapshot: GatewaySnapshot, uriTemplate: string): SnapshotServer | undefined {
  return byPriority(snapshot).find(({ resourceTemplates }) =>
    resourceTemplates.some((template) => template.uriTemplate === uriTemplate),
  );
}

function byPriority({ servers }: GatewaySnapshot): readonly SnapshotServer[] {
  return servers.toSorted((one, other) => one.resourcePriority - other.resourcePriority);
}

/**
 * Whether a template (RFC 6570) could give the URI, by what stands before its first expression and after its last one:
 * enough to choose whom to ask first, and no work that a hostile template could make long.
 */
function mayExpandTo(template: string, uri: string): boolean {
  const first = template.indexOf('{');
  const last = template.lastIndexOf('}');
  if (first < 0 || last < first) return template === uri;
  const [before, after] = [template.slice(0, first), template.slice(last + 1)];
  return uri.length >= before.length + after.length && uri.startsWith(before) && uri.endsWith(after);
}

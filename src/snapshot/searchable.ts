// What the search is told of a gateway: its tools, with what is known of their targets.

import type { SearchableGateway } from '../search/tool-search.ts';
import type { GatewaySnapshot } from './snapshot.ts';

/** The searchable state of a gateway; undefined when it is gone, or offers no search. */
export function searchableOf(snapshot: GatewaySnapshot | undefined): SearchableGateway | undefined {
  if (!snapshot?.hasSearch) return undefined;
  return {
    gatewayId: snapshot.gatewayId,
    settings: Object.fromEntries(
      Object.entries(snapshot.settings).filter(([name]) => name.startsWith('search-')),
    ),
    tools: snapshot.pages.flatMap(({ tools, description }) =>
      tools.map(({ name, ownName, targetId, targetName, text }) => ({
        name,
        ownName,
        targetId,
        targetName,
        text,
        targetDescription: description,
      })),
    ),
  };
}

// Part of the composition root: what the rooms that calls go through keep of themselves, as figures to be read.

import { getHeapStatistics } from 'node:v8';
import type { AuditLog } from './audit/audit-log.ts';
import type { Figures } from './core/figures.ts';
import type { Overload } from './edge/overload.ts';
import type { Health } from './health.ts';
import type { Identity } from './identity/identity.ts';
import type { ToolSearch } from './search/tool-search.ts';
import type { Snapshots } from './snapshot/snapshots.ts';
import type { Store } from './stores/store.ts';
import type { Gauged } from './telemetry/metrics.ts';
import type { EgressClient } from './upstream/client.ts';
import type { TargetGuards } from './upstream/target-guard.ts';

/** Whatever keeps figures of its own. */
export interface WatchedRooms {
  readonly guards: Pick<TargetGuards, 'figures'>;
  readonly overload: Pick<Overload, 'inFlight' | 'shed'>;
  readonly snapshots: Pick<Snapshots, 'figures'>;
  readonly identity: Pick<Identity, 'figures'>;
  readonly search: Pick<ToolSearch, 'figures'>;
  readonly client: Pick<EgressClient, 'connections'>;
  readonly store: Pick<Store, 'connections'>;
  readonly audit: Pick<AuditLog, 'figures'>;
  readonly health: Pick<Health, 'degraded'>;
  /** What all of them count. */
  readonly figures: Figures;
}

/** What they keep, under the names that it is read by. */
export function figuresOf(rooms: WatchedRooms): readonly Gauged[] {
  return [
    ...callFigures(rooms),
    ...servedFigures(rooms),
    ...connectionFigures(rooms),
    ...auditFigures(rooms.audit),
  ];
}

function callFigures({ guards, overload }: WatchedRooms): readonly Gauged[] {
  const label = 'target_id';
  return [
    {
      name: 'gatewright_requests_in_flight',
      help: 'Requests to gateways under way',
      read: () => overload.inFlight,
    },
    {
      name: 'gatewright_requests_shed_total',
      isCounter: true,
      help: 'Requests turned away because of overload',
      read: () => overload.shed,
    },
    {
      name: 'gatewright_target_calls_in_flight',
      help: 'Calls of a target under way',
      label,
      read: () => guards.figures().running,
    },
    {
      name: 'gatewright_target_calls_waiting',
      help: 'Calls of a target in line',
      label,
      read: () => guards.figures().waiting,
    },
    {
      name: 'gatewright_target_circuit_open',
      help: '1 while a target rests after failures in a row',
      together: 'max',
      label,
      read: () => guards.figures().resting,
    },
  ];
}

function servedFigures({ snapshots, identity, search }: WatchedRooms): readonly Gauged[] {
  return [
    {
      name: 'gatewright_gateways',
      help: 'Gateways that are served',
      together: 'max',
      read: () => snapshots.figures().gateways,
    },
    {
      name: 'gatewright_tools',
      help: 'Tools that are served',
      together: 'max',
      read: () => snapshots.figures().tools,
    },
    {
      name: 'gatewright_snapshot_age_seconds',
      help: 'Since the store was last seen to have nothing newer',
      together: 'max',
      read: () => snapshots.figures().ageSeconds,
    },
    {
      name: 'gatewright_token_cache_entries',
      help: 'Access tokens for targets in memory',
      read: () => identity.figures().tokens,
    },
    {
      name: 'gatewright_jwks_age_seconds',
      help: 'Since the signing keys of a gateway’s identity provider were fetched',
      together: 'max',
      label: 'gateway_id',
      read: () => snapshots.figures().keysAgeSeconds,
    },
    {
      name: 'gatewright_search_tools',
      help: 'Tools in the search indexes of gateways',
      together: 'max',
      read: () => search.figures().tools,
    },
    {
      name: 'gatewright_search_embedded_tools',
      help: 'Tools in them that have a vector of the present model',
      together: 'max',
      read: () => search.figures().embedded,
    },
    {
      name: 'gatewright_search_index_bytes',
      help: 'Memory that the search indexes take',
      read: () => search.figures().indexBytes,
    },
  ];
}

function connectionFigures({ client, store, health }: WatchedRooms): readonly Gauged[] {
  return [
    {
      name: 'gatewright_upstream_connections',
      help: 'Open connections to targets and others outside',
      label: 'state',
      read: () => client.connections().open,
    },
    {
      name: 'gatewright_upstream_waiting',
      help: 'Requests that wait for a connection, and large answers that wait for room in memory',
      label: 'for',
      read: () => client.connections().waiting,
    },
    {
      name: 'gatewright_database_connections',
      help: 'Connections to PostgreSQL, and work that waits for one',
      label: 'state',
      read: () => store.connections(),
    },
    {
      name: 'gatewright_degraded',
      help: '1 while something is wrong although requests are served; /readyz says what',
      together: 'max',
      read: async () => Number((await health.degraded()).length > 0),
    },
    {
      name: 'gatewright_heap_limit_bytes',
      help: 'Heap that a process may take',
      together: 'max',
      read: () => getHeapStatistics().heap_size_limit,
    },
  ];
}

function auditFigures({ figures }: WatchedRooms['audit']): readonly Gauged[] {
  return [
    {
      name: 'gatewright_audit_records_total',
      isCounter: true,
      help: 'Records of the audit log that this process has made durable',
      read: () => figures().records,
    },
    {
      name: 'gatewright_audit_dropped_total',
      isCounter: true,
      help: 'Records that found no room while the audit log could not be written',
      read: () => figures().dropped,
    },
    {
      name: 'gatewright_audit_failed_writes_total',
      isCounter: true,
      help: 'Writes of the audit log that failed',
      read: () => figures().failedWrites,
    },
    {
      name: 'gatewright_audit_queue',
      help: 'Records that wait to be written to the audit log',
      read: () => figures().queue,
    },
  ];
}

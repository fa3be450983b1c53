// The one list of methods of each era. A method that is not here is not found, and neither is one whose capability
// the gateway does not declare to this client.

import type { JsonObject } from '../../core/json.ts';
import { audited } from '../call-audit.ts';
import { discover } from './discover.ts';
import { initialize } from './initialize.ts';
import { promptsList, resourceTemplatesList, resourcesList, toolsList } from './lists.ts';
import type { Method } from './method.ts';
import { complete, promptsGet } from './prompts.ts';
import { resourcesRead, resourcesSubscribe, resourcesUnsubscribe } from './resources.ts';
import { setLevel } from './set-level.ts';
import { tasksCancel, tasksGet, tasksUpdate } from './tasks.ts';
import { toolsCall } from './tools-call.ts';

export interface MethodEntry {
  readonly handle: Method;
  /** Capability of the server without which there is no such method. */
  readonly capability?: string;
  /** Goes through to a target's server, which may send messages before the result. */
  readonly isRelayed?: boolean;
}

type MethodTable = Readonly<Record<string, MethodEntry | undefined>>;

const table = (entries: Record<string, MethodEntry>): MethodTable =>
  Object.freeze(Object.assign(Object.create(null) as Record<string, MethodEntry>, entries));

const BOTH: Record<string, MethodEntry> = {
  'tools/list': { handle: toolsList },
  'tools/call': { handle: audited(toolsCall), isRelayed: true },
  'prompts/list': { handle: promptsList, capability: 'prompts' },
  'prompts/get': { handle: audited(promptsGet), capability: 'prompts', isRelayed: true },
  'resources/list': { handle: resourcesList, capability: 'resources' },
  'resources/templates/list': { handle: resourceTemplatesList, capability: 'resources' },
  'resources/read': { handle: audited(resourcesRead), capability: 'resources', isRelayed: true },
  'completion/complete': { handle: audited(complete), capability: 'completions' },
};

/** Revisions up to 2025-11-25. */
export const LEGACY_METHODS: MethodTable = table({
  ...BOTH,
  initialize: { handle: initialize },
  ping: { handle: () => '{}' },
  'logging/setLevel': { handle: setLevel, capability: 'logging' },
  'resources/subscribe': { handle: resourcesSubscribe, capability: 'resources' },
  'resources/unsubscribe': { handle: resourcesUnsubscribe, capability: 'resources' },
});

/** 2026-07-28: no handshake, no ping. `subscriptions/listen` is a stream, and stands in listen.ts. */
export const MODERN_METHODS: MethodTable = table({
  ...BOTH,
  'server/discover': { handle: discover },
  'tasks/get': { handle: audited(tasksGet), capability: 'extensions' },
  'tasks/update': { handle: audited(tasksUpdate), capability: 'extensions' },
  'tasks/cancel': { handle: audited(tasksCancel), capability: 'extensions' },
});

/** The entry of a method that this connection can have. Capabilities are asked for only where the method needs one. */
export function methodNamed(
  methods: MethodTable,
  name: string,
  capabilities: () => JsonObject,
): MethodEntry | undefined {
  const entry = methods[name];
  if (entry?.capability !== undefined && capabilities()[entry.capability] === undefined) return undefined;
  return entry;
}

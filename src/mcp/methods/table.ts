// The one list of methods of each era. A method that is not here is not found.

import { discover } from './discover.ts';
import { initialize } from './initialize.ts';
import type { Method } from './method.ts';
import { toolsCall } from './tools-call.ts';
import { toolsList } from './tools-list.ts';

type MethodTable = Readonly<Record<string, Method | undefined>>;

const table = (methods: Record<string, Method>): MethodTable =>
  Object.freeze(Object.assign(Object.create(null) as Record<string, Method>, methods));

/** Revisions up to 2025-11-25. */
export const LEGACY_METHODS: MethodTable = table({
  initialize,
  ping: () => '{}',
  'tools/list': toolsList,
  'tools/call': toolsCall,
});

/** 2026-07-28: no handshake, no ping. */
export const MODERN_METHODS: MethodTable = table({
  'server/discover': discover,
  'tools/list': toolsList,
  'tools/call': toolsCall,
});

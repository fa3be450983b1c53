// `server/discover` (MCP 2026-07-28): versions, capabilities, identity, without a handshake.

import { serverCapabilities } from '../capabilities.ts';
import { finishResult } from '../render.ts';
import type { Method } from './method.ts';

const TTL_MS = 60_000;

export const discover: Method = ({ snapshot, isModern }) =>
  finishResult(
    {
      supportedVersions: snapshot.modernVersions,
      capabilities: serverCapabilities(snapshot, { isModern, hasSession: false }),
      ...(snapshot.instructions === undefined ? {} : { instructions: snapshot.instructions }),
      ttlMs: TTL_MS,
      cacheScope: 'private',
    },
    isModern,
  );

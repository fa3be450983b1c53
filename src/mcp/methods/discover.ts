// `server/discover` (MCP 2026-07-28): versions, capabilities, identity, without a handshake.

import type { Method } from './method.ts';
import { finishResult } from '../render.ts';

const TTL_MS = 60_000;

export const discover: Method = (ctx) =>
  finishResult(
    {
      supportedVersions: ctx.snapshot.modernVersions,
      capabilities: { tools: { listChanged: false } },
      ...(ctx.snapshot.instructions === undefined ? {} : { instructions: ctx.snapshot.instructions }),
      ttlMs: TTL_MS,
      cacheScope: 'private',
    },
    ctx.isModern,
  );

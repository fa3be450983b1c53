// Requests of 2026-07-28: each stands alone, and closing the connection cancels it.

import { META_CAPABILITIES, META_LOG_LEVEL } from '../core/relay.ts';
import type { McpAnswer } from './answer.ts';
import { clientCapabilities, serverCapabilities } from './capabilities.ts';
import { checkModern, single } from './era.ts';
import { METHOD_NOT_FOUND, ProtocolError } from './error-response.ts';
import { answerListen } from './listen.ts';
import { metaOf } from './message.ts';
import type { RpcRequest } from './message.ts';
import { MODERN_METHODS, methodNamed } from './methods/table.ts';
import { createContext, runMethod } from './run.ts';
import type { Step } from './step.ts';

/** @throws ProtocolError for an envelope, headers or a method that are not right */
export function answerModern(request: RpcRequest, step: Step): McpAnswer | Promise<McpAnswer> {
  const { snapshot, exchange, plane } = step;
  checkModern(request, exchange.head.headers, snapshot.modernVersions);
  const version = single(exchange.head.headers, 'mcp-protocol-version') ?? '';
  const meta = metaOf(request.params);
  const logLevel = meta?.[META_LOG_LEVEL];
  const client = {
    version,
    isModern: true,
    capabilities: () => clientCapabilities(meta?.[META_CAPABILITIES]),
    logLevel: () => (typeof logLevel === 'string' ? logLevel : undefined),
  };
  if (request.method === 'subscriptions/listen') {
    step.record.version = version;
    return answerListen(createContext(request, client, step, exchange.signal), plane);
  }
  const entry = methodNamed(MODERN_METHODS, request.method, () =>
    serverCapabilities(snapshot, { isModern: true, hasSession: false }),
  );
  if (!entry)
    throw new ProtocolError(404, METHOD_NOT_FOUND, `Method not found: ${request.method.slice(0, 100)}`);
  return runMethod(request, client, entry, step);
}

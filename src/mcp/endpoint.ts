// One request to a gateway's MCP endpoint, as a flat list of named steps. The order is security, so it is written out:
// gateway → who is calling → body → message → era and version → method → answer. Knows no sockets and no store.

import { GatewayError } from '../core/errors.ts';
import type { JsonValue } from '../core/json.ts';
import { emptyAnswer, jsonAnswer } from './answer.ts';
import type { McpAnswer } from './answer.ts';
import { recordRefusal } from './call-audit.ts';
import { createCallStreams } from './call-streams.ts';
import { challengeHeader } from './challenge.ts';
import { createChanges } from './changes.ts';
import { isModernVersion } from '../core/protocol-versions.ts';
import { checkContentType, checkModern, claimsModern, single } from './era.ts';
import { HEADER_MISMATCH, INVALID_REQUEST, ProtocolError, renderError } from './error-response.ts';
import { answerBatch, answerInSession, answerLegacy, answerSessionRequest } from './legacy.ts';
import { formatError, parseBody, readableId, toMessage } from './message.ts';
import type { MessageId } from './message.ts';
import { answerModern } from './modern.ts';
import { createParkedCalls } from './parked.ts';
import type { AccessRecord, McpExchange, McpServices, Plane, Step } from './step.ts';

export type { McpAnswer } from './answer.ts';
export type { EventSink, EventSource } from './event-stream.ts';
export type { AccessRecord, McpExchange, McpServices } from './step.ts';

/** What a caller may write into the access log. */
const MAX_LOGGED = 100;
const NO_BODY = new Uint8Array();

export interface McpEndpoint {
  /** It never throws: every fault is an answer. */
  answer(exchange: McpExchange, record: AccessRecord): Promise<McpAnswer>;
  /** Ends the streams that only listen; calls go on. For a process that is about to stop. */
  stop(): void;
  /** Lets go of what still waits. */
  close(): void;
}

/** The endpoint of all gateways of this process. */
export function createMcpEndpoint(services: McpServices): McpEndpoint {
  const stopping = new AbortController();
  const changes = createChanges(services);
  const plane: Plane = {
    services,
    changes,
    stopping: stopping.signal,
    now: () => services.clock.now(),
    parked: createParkedCalls(services.mailbox),
    streams: createCallStreams(services.mailbox),
    listening: new Map(),
  };
  return Object.freeze({
    answer: (exchange: McpExchange, record: AccessRecord) => answer(exchange, record, plane),
    stop: () => stopping.abort(),
    close(): void {
      stopping.abort();
      changes.close();
      plane.parked.close();
      plane.streams.close();
    },
  });
}

async function answer(exchange: McpExchange, record: AccessRecord, plane: Plane): Promise<McpAnswer> {
  const { services } = plane;
  let id: MessageId | null = 0;
  let isLetIn = false;
  try {
    const known = services.snapshotOf(exchange.gatewayId);
    const snapshot = known ?? (await services.seekSnapshot(exchange.gatewayId));
    if (!snapshot) throw new GatewayError('NotFound', `There is no gateway ${exchange.gatewayId}.`);
    const principal = await snapshot.authorizer.authorize(exchange.head);
    record.principal = principal.id;
    const step: Step = { plane, exchange, snapshot, principal, record };
    const { verifyBody } = snapshot.authorizer;
    if (exchange.head.method !== 'POST') {
      if (verifyBody) await verifyBody(exchange.head, NO_BODY);
      isLetIn = true;
      return await answerSessionRequest(step);
    }
    checkContentType(exchange.head.headers);
    const bytes = await exchange.readBody();
    if (verifyBody) await verifyBody(exchange.head, bytes);
    isLetIn = true;
    id = null;
    const body = parseBody(bytes);
    id = readableId(body) ?? null;
    return await (Array.isArray(body) ? answerBatch(body, step) : answerOne(body, step));
  } catch (thrown) {
    const { status, error, fault } = renderError(thrown, exchange.requestId, services.log);
    record.code = error.code;
    if (!isLetIn) recordRefusal(exchange, fault, services);
    // Which check failed is for the operator; the caller is told the same of all of them.
    if (fault?.details.internal !== undefined && status < 500) record.reason = fault.details.internal;
    const challenge = challengeHeader(fault, () => metadataUrl(exchange.gatewayId, services));
    const waitMs = fault?.details.retryAfterMs;
    return jsonAnswer(status, formatError(id, error), {
      ...(challenge === undefined ? {} : { 'www-authenticate': challenge }),
      ...(waitMs === undefined ? {} : { 'retry-after': String(Math.ceil(waitMs / 1000)) }),
    });
  }
}

/** Where a client finds out who gives tokens for a gateway; undefined for one that takes none. */
function metadataUrl(gatewayId: string, services: McpServices): string | undefined {
  const snapshot = services.snapshotOf(gatewayId);
  return snapshot?.authorizer.protectedResource && services.metadataUrlOf(gatewayId);
}

function answerOne(body: JsonValue, step: Step): McpAnswer | Promise<McpAnswer> {
  const message = toMessage(body);
  if (!message)
    throw new ProtocolError(
      400,
      INVALID_REQUEST,
      'The body is not a JSON-RPC 2.0 request or notification (id: string or integer; params: object)',
    );
  const { headers } = step.exchange.head;
  const versionHeader = single(headers, 'mcp-protocol-version');
  const isModernHeader = versionHeader !== undefined && isModernVersion(versionHeader);
  if (message.kind !== 'request') {
    // 2026-07-28 has no notifications of clients over HTTP: dropped, whichever way it says that it is one.
    const isModern = isModernHeader || (message.kind === 'notification' && claimsModern(message.params));
    if (!isModern) return answerInSession(message, step);
    if (message.kind === 'notification') return emptyAnswer(202);
    throw new ProtocolError(400, INVALID_REQUEST, 'No request of this server waits for a response');
  }
  step.record.method = message.method.slice(0, MAX_LOGGED);
  if (claimsModern(message.params)) return answerModern(message, step);
  if (isModernHeader) {
    // A modern header over a body without the envelope: `initialize` is the one message that names another era.
    if (message.method === 'initialize')
      throw new ProtocolError(
        400,
        HEADER_MISMATCH,
        'Header mismatch: initialize belongs to earlier protocol versions than the header names',
      );
    checkModern(message, headers, []);
  }
  return answerLegacy(message, versionHeader, step);
}

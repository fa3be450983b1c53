// One POST to a gateway's MCP endpoint, as a flat list of named steps. The order is security, so it is written out:
// gateway → who is calling → body → message → era and version → method → answer. Knows no sockets and no store.

import type { CallContext, Log } from '../core/call.ts';
import { GatewayError } from '../core/errors.ts';
import type { JsonValue } from '../core/json.ts';
import type { Principal } from '../core/principal.ts';
import type { RequestHead } from '../authorizers/authorizer.ts';
import type { Clock } from '../lib/clock.ts';
import type { GatewaySnapshot } from '../snapshot/snapshot.ts';
import { challengeHeader } from './challenge.ts';
import { isModernVersion } from '../core/protocol-versions.ts';
import { checkModern, claimsModern, single } from './era.ts';
import {
  HEADER_MISMATCH,
  INVALID_REQUEST,
  METHOD_NOT_FOUND,
  ProtocolError,
  UNSUPPORTED_VERSION,
  renderError,
} from './error-response.ts';
import { formatError, formatResult, parseBody, readableId, toMessage } from './message.ts';
import type { MessageId, RpcRequest } from './message.ts';
import { LEGACY_METHODS, MODERN_METHODS } from './methods/table.ts';

/** A call is given up after this long (milliseconds), whatever the upstream does. */
const CALL_TIMEOUT_MS = 5 * 60_000;
const BATCH_LIMIT = 20;
/** What a caller may write into the access log. */
const MAX_LOGGED = 100;
/** What a request without MCP-Protocol-Version speaks (MCP 2025-06-18, protocol version header). */
const UNSTATED_VERSION = '2025-03-26';

export interface McpExchange {
  readonly requestId: string;
  readonly gatewayId: string;
  readonly head: RequestHead;
  readonly query: URLSearchParams;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  /** @throws GatewayError TooLarge */
  readBody(): Promise<Buffer>;
}

export interface McpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One wide line for the access log. */
export interface AccessRecord {
  method?: string;
  version?: string;
  tool?: string;
  targetId?: string;
  isError?: boolean;
  code?: number;
  reason?: string;
  principal?: string;
}

export interface McpServices {
  readonly snapshotOf: (gatewayId: string) => GatewaySnapshot | undefined;
  /** URL of the RFC 9728 document of a gateway. */
  readonly metadataUrlOf: (gatewayId: string) => string;
  readonly clock: Clock;
  readonly log: Log;
}

export type McpEndpoint = (exchange: McpExchange, record: AccessRecord) => Promise<McpAnswer>;

/** The endpoint of all gateways of this process. It never throws: every fault is an answer. */
export function createMcpEndpoint(services: McpServices): McpEndpoint {
  return async (exchange, record) => {
    let id: MessageId | null = 0;
    try {
      const snapshot = services.snapshotOf(exchange.gatewayId);
      if (!snapshot) throw new GatewayError('NotFound', `There is no gateway ${exchange.gatewayId}.`);
      const principal = await snapshot.authorizer.authorize(exchange.head);
      record.principal = principal.id;
      checkContentType(exchange.head);
      const bytes = await exchange.readBody();
      id = null;
      const body = parseBody(bytes);
      id = readableId(body) ?? null;
      if (Array.isArray(body))
        return await answerBatch(body, { services, exchange, snapshot, principal, record });
      return await answerOne(body, { services, exchange, snapshot, principal, record });
    } catch (thrown) {
      const { status, error, fault } = renderError(thrown, exchange.requestId, services.log);
      record.code = error.code;
      // Which check failed is for the operator; the caller is told the same of all of them.
      if (fault?.details.internal !== undefined && status < 500) record.reason = fault.details.internal;
      const challenge = challengeHeader(fault, () => services.metadataUrlOf(exchange.gatewayId));
      return json(
        status,
        formatError(id, error),
        challenge === undefined ? {} : { 'www-authenticate': challenge },
      );
    }
  };
}

interface Step {
  readonly services: McpServices;
  readonly exchange: McpExchange;
  readonly snapshot: GatewaySnapshot;
  readonly principal: Principal;
  readonly record: AccessRecord;
}

function answerOne(body: JsonValue, step: Step): McpAnswer | Promise<McpAnswer> {
  const message = toMessage(body);
  if (!message)
    throw new ProtocolError(
      400,
      INVALID_REQUEST,
      'The body is not a JSON-RPC 2.0 request or notification (id: string or integer; params: object)',
    );
  const versionHeader = single(step.exchange.head.headers, 'mcp-protocol-version');
  const isModernHeader = versionHeader !== undefined && isModernVersion(versionHeader);
  if (message.kind === 'response')
    throw new ProtocolError(400, INVALID_REQUEST, 'No request of this server waits for a response');
  if (message.kind === 'notification') return { status: 202, headers: {} };
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
    checkModern(message, step.exchange.head.headers, []);
  }
  return answerLegacy(message, versionHeader, step);
}

function answerModern(request: RpcRequest, step: Step): Promise<McpAnswer> {
  checkModern(request, step.exchange.head.headers, step.snapshot.modernVersions);
  const method = MODERN_METHODS[request.method];
  if (!method)
    throw new ProtocolError(404, METHOD_NOT_FOUND, `Method not found: ${request.method.slice(0, 100)}`);
  const version = single(step.exchange.head.headers, 'mcp-protocol-version') ?? '';
  return run(request, version, true, method, step);
}

function answerLegacy(
  request: RpcRequest,
  versionHeader: string | undefined,
  step: Step,
): Promise<McpAnswer> {
  const version = legacyVersion(request, versionHeader, step.snapshot);
  const method = LEGACY_METHODS[request.method];
  if (!method)
    throw new ProtocolError(200, METHOD_NOT_FOUND, `Method not found: ${request.method.slice(0, 100)}`);
  return run(request, version, false, method, step);
}

function legacyVersion(request: RpcRequest, header: string | undefined, snapshot: GatewaySnapshot): string {
  const offered = snapshot.legacyVersions;
  const oldest = offered.at(-1);
  if (oldest === undefined)
    throw new ProtocolError(
      400,
      UNSUPPORTED_VERSION,
      'This gateway does not speak protocol versions with a handshake',
      {
        supported: [...snapshot.protocolVersions],
        requested: header ?? statedVersion(request) ?? UNSTATED_VERSION,
      },
    );
  if (header === undefined || request.method === 'initialize')
    return offered.includes(UNSTATED_VERSION) ? UNSTATED_VERSION : oldest;
  if (!snapshot.protocolVersions.includes(header))
    throw new ProtocolError(
      400,
      INVALID_REQUEST,
      `Bad Request: Unsupported protocol version (supported versions: ${snapshot.protocolVersions.join(', ')})`,
    );
  return header;
}

function statedVersion({ params }: RpcRequest): string | undefined {
  const version = params['protocolVersion'];
  return typeof version === 'string' ? version.slice(0, 64) : undefined;
}

async function run(
  request: RpcRequest,
  version: string,
  isModern: boolean,
  method: (typeof LEGACY_METHODS)[string] & {},
  step: Step,
): Promise<McpAnswer> {
  const { exchange, snapshot, record, services } = step;
  record.version = version;
  const call: CallContext = {
    requestId: exchange.requestId,
    gatewayId: snapshot.gatewayId,
    principal: step.principal,
    signal: exchange.signal,
    deadline: services.clock.monotonic() + CALL_TIMEOUT_MS,
    log: services.log,
    inboundHeaders: exchange.head.headers,
    inboundQuery: exchange.query,
  };
  const note = (fields: object): void => void Object.assign(record, fields);
  const text = await method({ snapshot, request, version, isModern, call, note });
  return json(200, formatResult(request.id, text));
}

/** Batches exist in 2025-03-26 only; a client of a later version says so in its header. */
async function answerBatch(bodies: readonly JsonValue[], step: Step): Promise<McpAnswer> {
  const version = single(step.exchange.head.headers, 'mcp-protocol-version') ?? UNSTATED_VERSION;
  if (version !== UNSTATED_VERSION || !step.snapshot.protocolVersions.includes(UNSTATED_VERSION))
    throw new ProtocolError(
      400,
      INVALID_REQUEST,
      'Batches are not part of this protocol version; send one message a request',
    );
  if (bodies.length === 0 || bodies.length > BATCH_LIMIT)
    throw new ProtocolError(400, INVALID_REQUEST, `A batch holds 1 to ${BATCH_LIMIT} messages`);
  const answers: string[] = [];
  for (const body of bodies) {
    const message = toMessage(body);
    if (message && message.kind !== 'request') continue;
    answers.push(await answerInBatch(body, message, step));
  }
  return answers.length === 0 ? { status: 202, headers: {} } : json(200, `[${answers.join(',')}]`);
}

async function answerInBatch(body: JsonValue, message: RpcRequest | undefined, step: Step): Promise<string> {
  try {
    if (!message || message.method === 'initialize' || claimsModern(message.params))
      throw new ProtocolError(400, INVALID_REQUEST, 'This message cannot stand in a batch');
    const answer = await answerLegacy(message, UNSTATED_VERSION, step);
    return answer.body ?? '';
  } catch (thrown) {
    const { error } = renderError(thrown, step.exchange.requestId, step.services.log);
    return formatError(readableId(body) ?? null, error);
  }
}

function checkContentType(head: RequestHead): void {
  if (head.headers['content-encoding'] !== undefined)
    throw new ProtocolError(415, INVALID_REQUEST, 'Compressed request bodies are not accepted');
  const value = single(head.headers, 'content-type');
  if (value === 'application/json') return;
  const [type = '', ...parameters] = (value ?? '').split(';').map((part) => part.trim().toLowerCase());
  const charset = parameters.find((parameter) => parameter.startsWith('charset='));
  if (type !== 'application/json' || (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)))
    throw new ProtocolError(415, INVALID_REQUEST, 'The Content-Type must be application/json (UTF-8)');
}

function json(status: number, body: string, headers: Readonly<Record<string, string>> = {}): McpAnswer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body };
}

// Requests of revisions up to 2025-11-25: the handshake, sessions where the gateway has them (AgentCore,
// `sessionConfiguration`), batches of 2025-03-26, the GET stream, and messages that are no requests.

import { randomBytes } from 'node:crypto';
import { GatewayError } from '../core/errors.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import type { McpSession } from '../sessions/session.ts';
import type { GatewaySnapshot } from '../snapshot/snapshot.ts';
import { emptyAnswer, jsonAnswer } from './answer.ts';
import type { McpAnswer } from './answer.ts';
import { clientCapabilities, serverCapabilities, withoutQuestions } from './capabilities.ts';
import { replyAddress } from './client-link.ts';
import { claimsModern, single } from './era.ts';
import {
  INVALID_REQUEST,
  METHOD_NOT_FOUND,
  ProtocolError,
  UNSUPPORTED_VERSION,
  renderError,
} from './error-response.ts';
import { openSessionStream } from './listen.ts';
import { DEFAULT_LOG_LEVEL } from '../core/log-levels.ts';
import { formatError, readableId, toMessage } from './message.ts';
import type { RpcNotification, RpcRequest, RpcResponse } from './message.ts';
import { negotiatedVersion } from './methods/initialize.ts';
import { LEGACY_METHODS, methodNamed } from './methods/table.ts';
import { streamAnswer } from './reply.ts';
import { cancelAddress, runMethod, takesEvents } from './run.ts';
import type { ClientFacts } from './run.ts';
import type { AccessRecord, Step } from './step.ts';

const BATCH_LIMIT = 20;
/** What a request without MCP-Protocol-Version speaks (MCP 2025-06-18, protocol version header). */
const UNSTATED_VERSION = '2025-03-26';
const SESSION_HEADER = 'mcp-session-id';
/** Ids of GET streams begin with this letter, those of calls' streams with another one. */
const GET_STREAM = 'g';

/** A request with a handshake before it, or the handshake itself. */
export function answerLegacy(
  request: RpcRequest,
  versionHeader: string | undefined,
  step: Step,
): Promise<McpAnswer> {
  const stated = legacyVersion(request, versionHeader, step.snapshot);
  if (request.method === 'initialize') return answerHandshake(request, step);
  // Nothing is waited for where gateways keep no sessions.
  return step.snapshot.sessionTimeoutMs === undefined
    ? answerAs(undefined, request, stated, step)
    : openSession(step).then((session) => answerAs(session, request, stated, step));
}

function answerAs(
  session: McpSession | undefined,
  request: RpcRequest,
  stated: string,
  step: Step,
): Promise<McpAnswer> {
  const client = clientOf(session, stated);
  const entry = methodNamed(LEGACY_METHODS, request.method, () =>
    serverCapabilities(step.snapshot, { isModern: false, hasSession: session !== undefined }),
  );
  if (!entry)
    throw new ProtocolError(200, METHOD_NOT_FOUND, `Method not found: ${request.method.slice(0, 100)}`);
  return runMethod(request, client, entry, step);
}

/** What is known of a client: all that it said at its handshake, or nothing. */
function clientOf(session: McpSession | undefined, version: string): ClientFacts {
  if (!session)
    return {
      version,
      isModern: false,
      capabilities: () => withoutQuestions({}),
      logLevel: () => DEFAULT_LOG_LEVEL,
    };
  return {
    version: session.version,
    isModern: false,
    capabilities: () => session.capabilities,
    logLevel: () => session.logLevel() ?? DEFAULT_LOG_LEVEL,
    session,
  };
}

async function answerHandshake(request: RpcRequest, step: Step): Promise<McpAnswer> {
  const { snapshot, principal, plane } = step;
  const version = negotiatedVersion(snapshot, request.params);
  const entry = LEGACY_METHODS['initialize'];
  if (!entry) throw new GatewayError('Internal', 'There is no handshake.');
  const answer = await runMethod(request, clientOf(undefined, version), entry, step);
  if (snapshot.sessionTimeoutMs === undefined) return answer;
  const id = plane.services.sessions.begin(snapshot.gatewayId, principal, {
    version,
    capabilities: clientCapabilities(request.params['capabilities']),
    expiresAt: plane.now() + snapshot.sessionTimeoutMs,
  });
  return { ...answer, headers: { ...answer.headers, [SESSION_HEADER]: id } };
}

/**
 * The session of a request; undefined where the gateway keeps none, whatever the client sends.
 * @throws ProtocolError 400 without an id; GatewayError NotFound for one that is not this caller's, or over
 */
async function openSession({ snapshot, exchange, principal, plane }: Step): Promise<McpSession | undefined> {
  if (snapshot.sessionTimeoutMs === undefined) return undefined;
  const id = single(exchange.head.headers, SESSION_HEADER);
  if (id === undefined)
    throw new ProtocolError(400, INVALID_REQUEST, 'Missing required Mcp-Session-Id header');
  try {
    return await plane.services.sessions.open(id, snapshot.gatewayId, principal);
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === 'NotFound')
      throw new ProtocolError(404, SESSION_NOT_FOUND, thrown.message);
    throw thrown;
  }
}

/** What servers of these revisions use for it; clients go by the status. */
const SESSION_NOT_FOUND = -32001;

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
  checkVersionHeader(header, snapshot);
  return header;
}

function checkVersionHeader(header: string | undefined, snapshot: GatewaySnapshot): void {
  if (header !== undefined && !snapshot.protocolVersions.includes(header))
    throw new ProtocolError(
      400,
      INVALID_REQUEST,
      `Bad Request: Unsupported protocol version (supported versions: ${snapshot.protocolVersions.join(', ')})`,
    );
}

function statedVersion({ params }: RpcRequest): string | undefined {
  const version = params['protocolVersion'];
  return typeof version === 'string' ? version.slice(0, 64) : undefined;
}

/** A notification, or the client's answer to a question of a target's server. */
export async function answerInSession(
  message: RpcNotification | RpcResponse,
  step: Step,
): Promise<McpAnswer> {
  if (message.kind === 'notification') {
    if (message.method === 'notifications/cancelled') await cancelRequest(message.params, step);
    else if (step.snapshot.sessionTimeoutMs !== undefined) await openSession(step);
    return emptyAnswer(202);
  }
  const session = await openSession(step);
  const { mailbox } = step.plane.services;
  if (session && (await mailbox.post(replyAddress(session, message.id), message.outcome, session.key)))
    return emptyAnswer(202);
  throw new ProtocolError(
    400,
    INVALID_REQUEST,
    'No request of this server waits for a response with this id',
  );
}

async function cancelRequest(params: JsonObject, step: Step): Promise<void> {
  const session = await openSession(step);
  const id = params['requestId'];
  if (!session || (typeof id !== 'string' && typeof id !== 'number')) return;
  // Whether it still runs, and where, is nothing the client waits for.
  step.plane.services.mailbox.post(cancelAddress(session, id), '{}', session.key).catch((thrown: unknown) => {
    renderError(thrown, step.exchange.requestId, step.plane.services.log);
  });
}

/** GET: the stream on which the session's client hears of changes, or the rest of one that broke off. DELETE: its end. */
export async function answerSessionRequest(step: Step): Promise<McpAnswer> {
  const { exchange, snapshot, plane } = step;
  const { headers, method } = exchange.head;
  step.record.method = method;
  if (snapshot.sessionTimeoutMs === undefined)
    return { ...emptyAnswer(405, { allow: 'POST, OPTIONS' }), body: '' };
  const session = await openSession(step);
  checkVersionHeader(single(headers, 'mcp-protocol-version'), snapshot);
  if (!session) throw new GatewayError('Internal', 'There is no session.');
  if (method === 'DELETE') {
    await plane.services.sessions.end(session);
    return emptyAnswer(204);
  }
  if (!takesEvents(step))
    throw new ProtocolError(406, INVALID_REQUEST, 'The Accept header must include text/event-stream');
  const lastEventId = single(headers, 'last-event-id');
  if (lastEventId === undefined || lastEventId.startsWith(GET_STREAM))
    return streamAnswer(openStream(session, lastEventId !== undefined, step));
  const events = await plane.streams.resume(session, lastEventId);
  if (!events)
    throw new ProtocolError(404, INVALID_REQUEST, 'The stream of this event cannot be resumed any more');
  return streamAnswer(events);
}

/** A session has one such stream; the newest counts. */
function openStream(session: McpSession, isResumed: boolean, { plane, principal }: Step) {
  plane.listening.get(session.key)?.end();
  const stream = openSessionStream(session, principal, plane, {
    id: `${GET_STREAM}${randomBytes(12).toString('base64url')}`,
    isPrimed: session.version >= '2025-11-25',
    isResumed,
    onEnd() {
      if (plane.listening.get(session.key) === stream) plane.listening.delete(session.key);
    },
  });
  plane.listening.set(session.key, stream);
  return stream;
}

/** Batches exist in 2025-03-26 only; a client of a later version says so in its header or its handshake. */
export async function answerBatch(bodies: readonly JsonValue[], step: Step): Promise<McpAnswer> {
  const header = single(step.exchange.head.headers, 'mcp-protocol-version') ?? UNSTATED_VERSION;
  const session = header === UNSTATED_VERSION ? await openSession(step) : undefined;
  const version = session?.version ?? header;
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
    if (message?.kind === 'notification' || message?.kind === 'response')
      await answerInSession(message, step).catch(() => undefined);
    else answers.push(await answerInBatch(body, message, step));
  }
  return answers.length === 0 ? emptyAnswer(202) : jsonAnswer(200, `[${answers.join(',')}]`);
}

async function answerInBatch(body: JsonValue, message: RpcRequest | undefined, step: Step): Promise<string> {
  // Each has a record of its own; the line of the batch shows the last of each thing.
  const record: AccessRecord = {};
  try {
    if (!message || message.method === 'initialize' || claimsModern(message.params))
      throw new ProtocolError(400, INVALID_REQUEST, 'This message cannot stand in a batch');
    // One document for the whole batch: nothing in it is streamed.
    const { accept: _accept, ...headers } = step.exchange.head.headers;
    const exchange = { ...step.exchange, head: { ...step.exchange.head, headers } };
    const answer = await answerLegacy(message, UNSTATED_VERSION, { ...step, exchange, record });
    return answer.body ?? '';
  } catch (thrown) {
    const { error } = renderError(thrown, step.exchange.requestId, step.plane.services.log);
    return formatError(readableId(body) ?? null, error);
  } finally {
    Object.assign(step.record, record);
  }
}

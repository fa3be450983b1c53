// HTTP around the MCP endpoint and its metadata document: checks that need no gateway (Host, Origin, method), CORS,
// cancellation when the client goes away, one access line per request. Knows no tool and no JSON-RPC.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Audit } from '../core/audit.ts';
import type { Log } from '../core/call.ts';
import { reasonOf, toGatewayError } from '../core/errors.ts';
import { newId } from '../core/ids.ts';
import type { Observation, RequestObserver } from '../core/observation.ts';
import type { AccessRecord, McpAnswer, McpEndpoint } from '../mcp/endpoint.ts';
import { readBody } from './body.ts';
import type { BodyBudget } from './body.ts';
import type { ClientAddress } from './client-address.ts';
import { writeEvents } from './events.ts';
import { endOverUnreadBody } from './linger.ts';
import type { OriginRules } from './origins.ts';
import { preflightHeaders } from './origins.ts';
import type { Overload } from './overload.ts';
import type { Route } from './routes.ts';
import { recordTurnedAway } from './turned-away.ts';
import type { Door } from './turned-away.ts';

/** AgentCore's payload limit. */
const MAX_BODY_BYTES = 6 * 1024 * 1024;
/** What may be in memory of bodies that are still coming in, all gateways of the process together. */
const BODIES: BodyBudget = { free: 256 * 1024 * 1024 };
/** An answer that a socket may not take at once is given up when the client takes nothing for this long. */
const LARGE_ANSWER_BYTES = 64 * 1024;
const STALLED_MS = 60_000;
const METHODS: ReadonlySet<string> = new Set(['POST', 'GET', 'DELETE']);
const NO_QUERY = new URLSearchParams();
const ANY_ORIGIN: Readonly<Record<string, string>> = { 'access-control-allow-origin': '*' };
/** What a second one would mean is anybody's guess: refused (RFC 9112 §3.2). */
const SINGLETONS = ['host', 'content-type', 'content-length'] as const;

export interface DataPlaneServices {
  readonly endpoint: Pick<McpEndpoint, 'answer'>;
  /** JSON of the RFC 9728 document, or undefined where there is none. */
  readonly metadataOf: (gatewayId: string) => string | undefined;
  readonly origins: OriginRules;
  readonly addressOf: ClientAddress;
  readonly log: Log;
  readonly observer: RequestObserver;
  readonly overload: Pick<Overload, 'enter' | 'leave' | 'inFlight'>;
  /** Is told of everybody who is turned away here. */
  readonly audit?: Audit;
}

/** Answers one request to a data-plane route. Never rejects. */
export async function handleDataPlane(
  route: Route,
  request: IncomingMessage,
  response: ServerResponse,
  services: DataPlaneServices,
): Promise<void> {
  const started = performance.now();
  const requestId = newId();
  // Before the answer: a connection that is gone has none.
  const remoteAddress = services.addressOf(request);
  // The one line of this request: what is known of it from the start, what its method notes, what came of it.
  const line: AccessLine = { requestId, gatewayId: route.gatewayId, remoteAddress };
  const observation = route.kind === 'mcp' ? observe(route, request, requestId, services) : undefined;
  if (observation?.traceId !== undefined) line.traceId = observation.traceId;
  if (observation?.spanId !== undefined) line.spanId = observation.spanId;
  let answer: McpAnswer;
  const isIn = services.overload.enter();
  try {
    answer = isIn
      ? await answerTo(
          route,
          request,
          response,
          { requestId, remoteAddress, record: line, observation },
          services,
        )
      : busy();
  } catch (thrown) {
    const fault = toGatewayError(thrown);
    services.log.error({ requestId, reason: reasonOf(fault), stack: fault.stack }, 'a request failed');
    answer = plain(500, `An internal error occurred. (request id ${requestId})`);
  } finally {
    if (isIn) services.overload.leave();
  }
  const cors = route.kind === 'mcp' ? services.origins.corsHeaders(request.headers.origin) : ANY_ORIGIN;
  const sent = send(request, response, answer, { ...answer.headers, ...cors, 'x-amzn-requestid': requestId });
  // Only a stream is waited for.
  const bytesOut = typeof sent === 'number' ? sent : await sent;
  const outcome = Object.assign(line, {
    status: answer.status,
    bytesOut,
    ms: hundredths(performance.now() - started),
  });
  if (line.targetMs !== undefined) line.targetMs = hundredths(line.targetMs);
  observation?.end(outcome);
  services.log.info(outcome, route.kind === 'mcp' ? 'mcp' : 'metadata');
}

/** What is logged of a request. */
type AccessLine = { [Member in keyof AccessRecord]: AccessRecord[Member] } & {
  readonly requestId: string;
  readonly gatewayId: string;
  readonly remoteAddress: string | undefined;
  traceId?: string;
  spanId?: string;
};

const hundredths = (ms: number): number => Math.round(ms * 100) / 100;

function observe(
  { gatewayId }: Route,
  { method = '', url = '/', headers }: IncomingMessage,
  requestId: string,
  { observer }: DataPlaneServices,
): Observation {
  const { traceparent, tracestate } = headers;
  return observer.begin({
    requestId,
    gatewayId,
    httpMethod: method,
    path: url.split('?', 1)[0] ?? '/',
    ...(typeof traceparent === 'string' ? { traceparent } : {}),
    ...(typeof tracestate === 'string' ? { tracestate } : {}),
  });
}

/** 403, told of. */
function turnedAway(
  door: Door,
  message: string,
  { gatewayId }: Route,
  request: IncomingMessage,
  requestId: string,
  { audit, addressOf }: DataPlaneServices,
): McpAnswer {
  recordTurnedAway(audit, door, 'Forbidden', request, addressOf, { gatewayId, requestId });
  return plain(403, message);
}

/** What is known of a request before it is answered. */
interface Facts {
  readonly requestId: string;
  readonly remoteAddress: string | undefined;
  readonly record: AccessRecord;
  readonly observation: Observation | undefined;
}

function answerTo(
  route: Route,
  request: IncomingMessage,
  response: ServerResponse,
  { requestId, remoteAddress, record, observation }: Facts,
  services: DataPlaneServices,
): McpAnswer | Promise<McpAnswer> {
  const { origins } = services;
  const headers = request.headersDistinct;
  for (const name of SINGLETONS)
    if ((headers[name]?.length ?? 0) > 1) return plain(400, `The ${name} header is repeated.`);
  if (!origins.isOwnHost(request.headers.host))
    return turnedAway(
      'gateway',
      'This host name is not one of this server.',
      route,
      request,
      requestId,
      services,
    );
  if (route.kind === 'metadata') return metadata(route, request, services);
  if (!origins.mayCall(request.headers.origin))
    return turnedAway(
      'origin',
      'Pages of this origin may not call this server. The operator can allow it with GATEWRIGHT_ALLOWED_ORIGINS.',
      route,
      request,
      requestId,
      services,
    );
  if (request.method === 'OPTIONS') return { status: 204, headers: preflightHeaders(request.headers) };
  if (request.method === undefined || !METHODS.has(request.method))
    return {
      ...plain(405, 'Send JSON-RPC messages with POST.'),
      headers: { allow: 'POST, GET, DELETE, OPTIONS', 'content-type': 'text/plain; charset=utf-8' },
    };
  const abort = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) abort.abort();
  });
  const target = request.url ?? '/';
  const question = target.indexOf('?');
  return services.endpoint.answer(
    {
      requestId,
      gatewayId: route.gatewayId,
      head: {
        method: request.method,
        target,
        headers,
        ...(remoteAddress === undefined ? {} : { remoteAddress }),
      },
      query: question < 0 ? NO_QUERY : new URLSearchParams(target.slice(question + 1)),
      signal: abort.signal,
      ...(observation?.trace ? { trace: observation.trace } : {}),
      readBody: () => readBody(request, MAX_BODY_BYTES, BODIES),
    },
    record,
  );
}

function metadata(route: Route, request: IncomingMessage, services: DataPlaneServices): McpAnswer {
  if (request.method === 'OPTIONS') return { status: 204, headers: preflightHeaders(request.headers) };
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return plain(405, 'Read this document with GET.');
  const body = services.metadataOf(route.gatewayId);
  return body === undefined
    ? plain(404, 'There is no such gateway, or it asks for no token.')
    : { status: 200, headers: { 'content-type': 'application/json', 'cache-control': 'max-age=300' }, body };
}

/** Nothing was looked at: whoever is told so may send the same again. */
function busy(): McpAnswer {
  const error = {
    code: -32603,
    message: 'This server has more requests than it can take. Try again in a moment.',
  };
  return {
    status: 503,
    headers: { 'content-type': 'application/json', 'retry-after': '1' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 0, error }),
  };
}

/** Writes the answer; gives the bytes of its body. */
function send(
  request: IncomingMessage,
  response: ServerResponse,
  answer: McpAnswer,
  headers: Record<string, string | number>,
): number | Promise<number> {
  if (answer.events) return writeEvents(request, response, headers, answer.events);
  if (response.destroyed) return 0;
  const body = answer.body ?? '';
  const asEvents = answer.status === 200 && body !== '' && wantsEventsOnly(request.headers.accept);
  const payload = asEvents ? `event: message\ndata: ${body}\n\n` : body;
  if (asEvents) {
    headers['content-type'] = 'text/event-stream';
    headers['x-accel-buffering'] = 'no';
  }
  const bytes = Buffer.byteLength(payload);
  if (answer.status !== 204) headers['content-length'] = bytes;
  if (bytes > LARGE_ANSWER_BYTES) response.setTimeout(STALLED_MS);
  if (answer.status === 413 || answer.status === 429) headers['connection'] = 'close';
  response.writeHead(answer.status, headers);
  const sent = request.method === 'HEAD' ? '' : payload;
  if (!request.complete) endOverUnreadBody(request, response, sent);
  // Plain ASCII is the same bytes in both encodings, and this one is copied instead of converted.
  else response.end(sent, bytes === payload.length ? 'latin1' : 'utf8');
  return bytes;
}

/** A client that takes events but no JSON gets its one answer as an event. Without Accept, JSON (AgentCore). */
function wantsEventsOnly(accept: string | undefined): boolean {
  return (
    accept !== undefined &&
    accept.includes('text/event-stream') &&
    !accept.includes('application/json') &&
    !accept.includes('*/*')
  );
}

function plain(status: number, body: string): McpAnswer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: `${body}\n` };
}

// Runs one method for one client, of whichever era, and turns its end into the answer: at once one document, or, where
// a target's server may send messages first and the client takes them, perhaps a stream.

import { NO_AUDIT } from '../core/audit.ts';
import type { CallContext } from '../core/call.ts';
import type { ClientLink } from '../core/client-link.ts';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import type { McpSession } from '../sessions/session.ts';
import { jsonAnswer } from './answer.ts';
import type { McpAnswer } from './answer.ts';
import { createClientLink } from './client-link.ts';
import { INTERNAL_ERROR, renderError } from './error-response.ts';
import type { EventStreamOptions } from './event-stream.ts';
import { formatError, formatResult, metaOf } from './message.ts';
import type { MessageId, RpcRequest } from './message.ts';
import type { MethodContext } from './methods/method.ts';
import type { MethodEntry } from './methods/table.ts';
import { createPlainReply, createReply } from './reply.ts';
import type { Reply } from './reply.ts';
import type { Step } from './step.ts';
import { createTokens } from './tokens.ts';
import type { Tokens } from './tokens.ts';

/** A call is given up after this long (milliseconds), whatever the upstream does. */
const CALL_TIMEOUT_MS = 5 * 60_000;
/** AgentCore's request time-out of streamed calls; progress does not extend it. */
const RELAY_TIMEOUT_MS = 15 * 60_000;
/** How long a call in a session goes on for a client that was still waiting for a document when it left. */
const ABANDON_MS = 4_000;
const CONSENT_META = 'aws.bedrock-agentcore.gateway/credentialProviderConfiguration';

/** What is known of the client of one request. */
export interface ClientFacts {
  readonly version: string;
  readonly isModern: boolean;
  readonly capabilities: () => JsonObject;
  readonly logLevel: () => string | undefined;
  readonly session?: McpSession;
}

/** Runs a method to its answer. Faults of methods that may stream are answers; others are thrown. */
export async function runMethod(
  request: RpcRequest,
  client: ClientFacts,
  entry: MethodEntry,
  step: Step,
): Promise<McpAnswer> {
  step.record.version = client.version;
  if (entry.isRelayed !== true || step.snapshot.servers.length === 0) {
    const ctx = createContext(request, client, step, step.exchange.signal);
    const text = await entry.handle(ctx);
    return jsonAnswer(200, formatResult(request.id, text), step.responseHeaders);
  }
  return runRelayed(request, client, entry, step);
}

function runRelayed(
  request: RpcRequest,
  client: ClientFacts,
  entry: MethodEntry,
  step: Step,
): Promise<McpAnswer> {
  const { plane, exchange, snapshot } = step;
  const { session } = client;
  const abort = new AbortController();
  const cancel = (): void => abort.abort();
  const mayStream = snapshot.isStreaming && takesEvents(step);
  const hold = session
    ? holdInSession(request.id, session, step, cancel)
    : { release: holdToConnection(exchange.signal, cancel) };
  const reply = mayStream
    ? createReply(streamOptions(session, hold, step, cancel), () => step.responseHeaders ?? {})
    : createPlainReply();
  const ctx = createContext(request, client, step, abort.signal, reply, mayStream);
  Promise.resolve()
    .then(() => entry.handle(ctx))
    .then(
      (text) => jsonAnswer(200, formatResult(request.id, text), step.responseHeaders),
      (thrown: unknown) => {
        if (abort.signal.aborted)
          return jsonAnswer(
            200,
            formatError(request.id, { code: INTERNAL_ERROR, message: 'Request cancelled' }),
          );
        const { status, error } = renderError(thrown, exchange.requestId, plane.services.log);
        step.record.code = error.code;
        return jsonAnswer(status, formatError(request.id, error));
      },
    )
    .then((answer) => {
      hold.release();
      reply.finish(answer);
    })
    .catch((thrown: unknown) => {
      renderError(thrown, exchange.requestId, plane.services.log);
    });
  return reply.answer;
}

interface Hold {
  readonly release: () => void;
  /** The answer is a stream now, which knows by itself when its client is gone and when it is back. */
  readonly leaveToStream?: () => void;
}

function streamOptions(
  session: McpSession | undefined,
  hold: Hold,
  { plane }: Step,
  cancel: () => void,
): EventStreamOptions {
  if (!session) return { onGone: cancel };
  const options = plane.streams.optionsFor(session, cancel);
  return {
    ...options,
    onOpen(stream) {
      hold.leaveToStream?.();
      options.onOpen(stream);
    },
  };
}

/** Without a session the connection is the request: when it goes, nobody could ever have the answer. */
function holdToConnection(signal: AbortSignal, cancel: () => void): () => void {
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  return () => signal.removeEventListener('abort', cancel);
}

/** In a session a lost connection is no cancellation; a message is, and so is the end of the session. */
function holdInSession(
  id: MessageId,
  session: McpSession,
  { plane, exchange }: Step,
  cancel: () => void,
): Hold {
  let timer: NodeJS.Timeout | undefined;
  const onGone = (): void => {
    timer = setTimeout(cancel, ABANDON_MS);
    timer.unref();
  };
  const stopWaiting = plane.services.mailbox.wait(cancelAddress(session, id), cancel);
  session.ended.addEventListener('abort', cancel, { once: true });
  if (session.ended.aborted) cancel();
  exchange.signal.addEventListener('abort', onGone, { once: true });
  if (exchange.signal.aborted) onGone();
  const leaveToStream = (): void => {
    clearTimeout(timer);
    exchange.signal.removeEventListener('abort', onGone);
  };
  return {
    leaveToStream,
    release() {
      leaveToStream();
      stopWaiting();
      session.ended.removeEventListener('abort', cancel);
    },
  };
}

/** Where `notifications/cancelled` for a request of a session is delivered. */
export function cancelAddress(session: McpSession, id: MessageId): string {
  return `cancel/${session.key}/${typeof id} ${id}`;
}

/** The context of one request. Nothing in it is made before it is asked for. */
export function createContext(
  request: RpcRequest,
  client: ClientFacts,
  step: Step,
  signal: AbortSignal,
  reply?: Reply,
  mayStream = false,
): MethodContext {
  const { plane, exchange, snapshot, principal, record } = step;
  const { services } = plane;
  const timeout = reply ? RELAY_TIMEOUT_MS : CALL_TIMEOUT_MS;
  const audit = services.audit ?? NO_AUDIT;
  const call: Writable<CallContext> = {
    requestId: exchange.requestId,
    messageId: request.id,
    gatewayId: snapshot.gatewayId,
    principal,
    signal,
    deadline: services.clock.monotonic() + timeout,
    log: services.log,
    inboundHeaders: exchange.head.headers,
    inboundQuery: exchange.query,
    setResponseHeader(name, value) {
      (step.responseHeaders ??= {})[name] = value;
    },
  };
  if (exchange.trace) call.trace = exchange.trace;
  if (audit.mode !== 'off') call.credential = { isTold: false };
  const consent = consentWishOf(request);
  if (consent) call.consent = consent;
  const mayList = services.mayListOf?.(snapshot, principal);
  let link: ClientLink | undefined;
  let tokens: Tokens | undefined;
  const context: Writable<MethodContext> = {
    snapshot,
    request,
    version: client.version,
    isModern: client.isModern,
    headers: exchange.head.headers,
    call,
    clock: services.clock,
    capabilities: client.capabilities,
    link: () =>
      (link ??= createClientLink({
        reply: reply ?? createPlainReply(),
        capabilities: client.capabilities(),
        logLevel: mayStream ? client.logLevel() : undefined,
        progressToken: mayStream ? metaOf(request.params)?.['progressToken'] : undefined,
        ...(client.session ? { session: client.session } : {}),
        ...(mayStream ? { mailbox: services.mailbox } : {}),
      })),
    tokens: () => (tokens ??= createTokens(services.sealer, services.clock, snapshot.gatewayId, principal)),
    parked: plane.parked,
    mailbox: services.mailbox,
    search: services.search,
    audit,
    noted: record,
    note: (fields) => void Object.assign(record, fields),
  };
  if (client.session) context.session = client.session;
  if (exchange.head.remoteAddress !== undefined) context.remoteAddress = exchange.head.remoteAddress;
  if (mayList) context.mayList = mayList;
  return context;
}

/** While it is being made: members that may be missing are set one by one, which costs less than to spread them. */
type Writable<T> = { -readonly [Member in keyof T]: T[Member] };

/** `_meta` of a call that may need the user's consent (AgentCore, authorization code grant). */
function consentWishOf(request: RpcRequest): CallContext['consent'] {
  const configured = metaOf(request.params)?.[CONSENT_META];
  const provider = isJsonObject(configured) ? configured['oauthCredentialProvider'] : undefined;
  if (!isJsonObject(provider)) return undefined;
  const { returnUrl, forceAuthentication } = provider;
  return {
    ...(typeof returnUrl === 'string' ? { returnUrl } : {}),
    ...(forceAuthentication === true ? { forceAuthentication } : {}),
  };
}

/** True when the client takes a stream for an answer. */
export function takesEvents({ exchange }: Pick<Step, 'exchange'>): boolean {
  return (exchange.head.headers['accept'] ?? []).some((value) =>
    value.toLowerCase().includes('text/event-stream'),
  );
}

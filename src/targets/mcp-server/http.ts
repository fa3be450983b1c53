// Streamable HTTP (MCP transports): one POST a message, answered with JSON or an event stream; GET for the server's own
// stream or the rest of a broken one; DELETE for the end of a session. Every request gets the target's credential, and
// nothing leaves here that has not passed through `conceal`. Knows no session and no era.

import { passHeaders } from '../../core/response-headers.ts';
import { randomBytes } from 'node:crypto';
import type { CallContext } from '../../core/call.ts';
import { GatewayError } from '../../core/errors.ts';
import type { OutboundRequest, UpstreamStream } from '../../core/outbound.ts';
import { createSseParser } from '../../lib/sse.ts';
import { propagate } from '../propagation.ts';
import type { TargetServices } from '../target-type.ts';
import { readAlive } from './alive.ts';
import { discard } from './answer.ts';
import { MAX_MESSAGE_BYTES, formatMessage, parseMessages } from './message.ts';
import type { Message } from './message.ts';
import type { Limits, Reply, ResumePoint, SendOptions, Transport } from './transport.ts';

/** The protocol's own: no client's header stands in for them. */
const PROTOCOL_FIELDS: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'content-encoding',
  'content-type',
  'last-event-id',
]);
const isProtocolField = (name: string): boolean => PROTOCOL_FIELDS.has(name) || name.startsWith('mcp-');
const EVENT_STREAM = 'text/event-stream';

/** An answer that has begun, and what it answers. */
interface Opened {
  readonly answer: UpstreamStream;
  readonly request: OutboundRequest;
}

/** The transport to one endpoint. */
export function createHttpTransport(endpoint: URL, services: TargetServices, limits: Limits): Transport {
  const label = endpoint.host;
  // Other processes may use the same session: ids must not meet theirs.
  const own = randomBytes(6).toString('base64url');
  let ids = 0;

  async function open(method: string, options: SendOptions, accept: string, body?: string): Promise<Opened> {
    const { ctx, headers = {} } = options;
    const bare: OutboundRequest = {
      method,
      url: endpoint,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        accept,
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    };
    let request = await services.applyCredential(
      propagate(bare, ctx, services.propagation, isProtocolField),
      ctx,
      undefined,
    );
    let answer = await stream(request, ctx);
    // Refused before anything was done, so that it may be sent once more.
    const isRefused = answer.status === 401 || answer.status === 403;
    const renewed = isRefused ? await renew(request, answer, ctx) : undefined;
    if (renewed) {
      request = renewed;
      answer = await stream(request, ctx);
    }
    passHeaders(answer.headers, services.propagation.responseHeaders, ctx);
    if (answer.status < 300 || answer.status >= 400) return { answer, request };
    answer.cancel();
    throw new GatewayError(
      'UpstreamInvalid',
      `${label} answered with a redirect (${answer.status}), and redirects are not followed: give the final address.`,
    );
  }

  function stream(request: OutboundRequest, ctx: CallContext): Promise<UpstreamStream> {
    const remaining = ctx.deadline - services.clock.monotonic();
    return services.egress.stream(request, {
      signal: ctx.signal,
      ...(ctx.trace ? { trace: ctx.trace } : {}),
      headersTimeoutMs: Math.min(limits.idleMs, remaining),
    });
  }

  async function renew(
    request: OutboundRequest,
    answer: UpstreamStream,
    ctx: CallContext,
  ): Promise<OutboundRequest | undefined> {
    try {
      const renewed = await services.renewCredential(request, ctx, answer);
      if (renewed) answer.cancel();
      return renewed;
    } catch (thrown) {
      answer.cancel();
      throw thrown;
    }
  }

  function toReply({ answer, request }: Opened, options: SendOptions): Reply {
    const { headers } = services.conceal(
      { status: answer.status, headers: answer.headers, body: Buffer.alloc(0) },
      request,
    );
    const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
    let point: ResumePoint | undefined;
    const conceal = (body: Buffer): Buffer =>
      services.conceal({ status: answer.status, headers: {}, body }, request).body;
    const bytes = readAlive(answer, options, { label, idleMs: limits.idleMs, clock: services.clock });

    async function* readEvents(): AsyncGenerator<Message, void, undefined> {
      const parser = createSseParser(MAX_MESSAGE_BYTES);
      const keep = (): void => {
        point =
          parser.lastEventId === ''
            ? undefined
            : { lastEventId: parser.lastEventId, retryMs: parser.retryMs };
      };
      for await (const chunk of bytes) {
        let events;
        try {
          events = parser.push(chunk);
        } catch (cause) {
          throw tooLarge(cause);
        }
        keep();
        for (const { data, type: name } of events)
          if (data !== '' && name === 'message') yield* parseMessages(conceal(Buffer.from(data)), label);
      }
    }
    async function* readWhole(): AsyncGenerator<Message, void, undefined> {
      const chunks: Buffer[] = [];
      let length = 0;
      for await (const chunk of bytes) {
        length += chunk.length;
        if (length > MAX_MESSAGE_BYTES) throw tooLarge();
        chunks.push(chunk);
      }
      if (length === 0 || answer.status === 202) return;
      if (type !== 'application/json' && answer.status < 300) throw notMcp();
      yield* parseMessages(conceal(Buffer.concat(chunks)), label);
    }
    const notMcp = (): GatewayError =>
      new GatewayError(
        'UpstreamInvalid',
        `${label} answered with ${type === '' ? 'no media type' : type}, not with JSON or an event stream: is it an MCP endpoint?`,
      );
    const tooLarge = (cause?: unknown): GatewayError =>
      new GatewayError(
        'UpstreamInvalid',
        `${label} sent a message of more than ${MAX_MESSAGE_BYTES} bytes.`,
        {
          cause,
        },
      );
    const messages = type === EVENT_STREAM ? readEvents() : readWhole();
    return {
      status: answer.status,
      headers,
      messages,
      resumePoint: () => point,
      cancel: () => answer.cancel(),
    };
  }

  return {
    kind: 'http',
    label,
    nextId: () => `${own}.${(ids += 1).toString(36)}`,
    async send(message, options) {
      const body = formatMessage(message);
      return toReply(await open('POST', options, `application/json, ${EVENT_STREAM}`, body), options);
    },
    async receive(options, from) {
      const headers = {
        ...options.headers,
        ...(from === undefined ? {} : { 'last-event-id': from }),
      };
      return toReply(await open('GET', { ...options, headers }, EVENT_STREAM), options);
    },
    async endSession(options) {
      await discard(toReply(await open('DELETE', options, 'application/json'), options));
    },
  };
}

// One running program as a transport: all messages share two pipes, so what comes back is told apart by ids, by
// progress tokens (which are ids) and by subscription ids; what has none of these belongs to the newest call, or to the
// server as a whole. Cancellation is a message here in both eras (MCP transports, stdio).

import { randomBytes } from 'node:crypto';
import { GatewayError } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import type { StdioChannel } from '../../core/outbound.ts';
import { META_SUBSCRIPTION_ID } from '../../core/relay.ts';
import type { TargetServices } from '../target-type.ts';
import { createInbox } from './inbox.ts';
import type { Inbox } from './inbox.ts';
import { formatMessage, parseMessages } from './message.ts';
import type { Message } from './message.ts';
import type { Limits, Reply, SendOptions, Transport } from './transport.ts';

const METHOD_NOT_FOUND = -32_601;
/** Must not be cancelled, by the specification or because nobody would understand. */
const NEVER_CANCELLED: ReadonlySet<string | undefined> = new Set(['initialize', 'server/discover']);

export interface StdioTransportOptions {
  readonly channel: StdioChannel;
  readonly label: string;
  readonly services: Pick<TargetServices, 'clock' | 'log' | 'conceal'>;
  readonly limits: Limits;
  /** Whether calls of several clients run in it: then nothing that names no call may reach any of them. */
  readonly isShared: boolean;
  readonly onChange: (method: string, params: JsonObject) => void;
  /** Called once when the program is gone. */
  readonly onGone: () => void;
}

interface Running {
  readonly inbox: Inbox;
  readonly isListening: boolean;
}

/** The transport over a program's pipes. */
export function createStdioTransport(options: StdioTransportOptions): Transport {
  const { channel, label, services, limits, isShared, onChange, onGone } = options;
  const own = randomBytes(6).toString('base64url');
  const running = new Map<string, Running>();
  let ids = 0;
  let gone: GatewayError | undefined;

  channel.onLine((line) => {
    if (line.trim() === '') return;
    try {
      const { body } = services.conceal({ status: 200, headers: {}, body: Buffer.from(line) }, undefined);
      for (const message of parseMessages(body, label)) take(message);
    } catch {
      // Programs that print to stdout what belongs on stderr are common; nobody's answer is lost with it.
      services.log.debug({ program: label }, 'a program wrote a line that is no message');
    }
  });
  channel.onExit((reason) => {
    gone = new GatewayError('UpstreamRefused', `The program behind ${label} has ended: ${reason}`);
    for (const { inbox } of running.values()) inbox.fail(gone);
    running.clear();
    onGone();
  });

  function take(message: Message): void {
    switch (message.kind) {
      case 'result':
      case 'error': {
        const id = String(message.id);
        const found = running.get(id);
        running.delete(id);
        found?.inbox.push(message);
        found?.inbox.end();
        return;
      }
      case 'notification':
        takeNotification(message);
        return;
      case 'request': {
        const newest = newestCall();
        if (newest) newest.inbox.push(message);
        else refuse(message);
      }
    }
  }

  function takeNotification(message: Message & { readonly kind: 'notification' }): void {
    const { method, params } = message;
    const meta = params['_meta'];
    const { progressToken, requestId } = params;
    const subscription = isJsonObject(meta) ? meta[META_SUBSCRIPTION_ID] : undefined;
    const left = typeof requestId === 'string' && running.has(requestId) ? requestId : undefined;
    const key = subscription ?? progressToken ?? (method === 'notifications/cancelled' ? left : undefined);
    if (key !== undefined) {
      if (typeof key === 'string') running.get(key)?.inbox.push(message);
      return;
    }
    const newest = newestCall();
    if (newest) newest.inbox.push(message);
    else onChange(method, params);
  }

  function newestCall(): Running | undefined {
    return isShared ? undefined : [...running.values()].findLast(({ isListening }) => !isListening);
  }

  function refuse({ id, method }: Message & { readonly kind: 'request' }): void {
    const answer =
      method === 'ping'
        ? { id, result: {} }
        : { id, error: { code: METHOD_NOT_FOUND, message: 'no request is running that could ask for this' } };
    write(formatMessage(answer)).catch(() => undefined);
  }

  async function write(line: string): Promise<void> {
    if (gone) throw gone;
    await channel.send(line);
  }

  function cancel(id: string, method: string | undefined): void {
    if (!running.delete(id) || NEVER_CANCELLED.has(method)) return;
    const params = { requestId: id, reason: 'the client gave up' };
    write(formatMessage({ method: 'notifications/cancelled', params })).catch(() => undefined);
  }

  function toReply(inbox: Inbox | undefined, stop: () => void): Reply {
    return {
      status: 200,
      headers: {},
      messages: inbox?.messages() ?? NOTHING,
      resumePoint: () => undefined,
      cancel: stop,
    };
  }

  return {
    kind: 'stdio',
    label,
    nextId: () => `${own}.${(ids += 1).toString(36)}`,
    async send(message, sending: SendOptions) {
      const { id, method } = message;
      if (method === undefined || typeof id !== 'string') {
        await write(formatMessage(message));
        return toReply(undefined, () => undefined);
      }
      const stop = (): void => cancel(id, method);
      const inbox = createInbox({
        ...sending,
        label,
        idleMs: limits.idleMs,
        clock: services.clock,
        onLeft: stop,
      });
      running.set(id, { inbox, isListening: sending.isListening === true });
      try {
        await write(formatMessage(message));
      } catch (thrown) {
        running.delete(id);
        inbox.fail(thrown as Error);
      }
      return toReply(inbox, () => {
        stop();
        inbox.end();
      });
    },
    receive: () => Promise.reject(new GatewayError('UpstreamInvalid', `${label} has no stream of its own.`)),
    endSession: () => Promise.resolve(),
  };
}

const NOTHING: AsyncIterable<Message> = {
  [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true, value: undefined }) }),
};

// What carries messages to a server and back, whichever revision they are of: HTTP (http.ts) or one process
// (stdio-transport.ts). Knows no session and no era.

import type { CallContext } from '../../core/call.ts';
import type { Message, MessageId, Outgoing } from './message.ts';

/** Bounds of one target's client; tests make them small. */
export interface Limits {
  /** Longest silence of a server that owes an answer, and how long it may take to begin one. */
  readonly idleMs: number;
  /** Whole answer to a probe, a handshake or a page of a list. */
  readonly handshakeMs: number;
  /** For what is sent on leaving: `notifications/cancelled`, DELETE. */
  readonly farewellMs: number;
  /** How long a program may take to say which era it is of. */
  readonly stdioProbeMs: number;
  /** Age from which a verdict “legacy” is looked at again. */
  readonly legacyVerdictMs: number;
  /** Longest wait before a stream is resumed, whatever the server asks for. */
  readonly maxRetryMs: number;
  readonly defaultRetryMs: number;
  /** First and longest pause before a lost listening stream is opened again. */
  readonly listenBackoffMs: readonly [number, number];
  /** How long a listening stream outlives its last listener. */
  readonly listenLingerMs: number;
  /** A program that nobody uses is stopped after this, and any program after its longest life. */
  readonly stdioIdleMs: number;
  readonly stdioLifeMs: number;
}

export const DEFAULT_LIMITS: Limits = Object.freeze({
  idleMs: 120_000,
  handshakeMs: 30_000,
  farewellMs: 5_000,
  stdioProbeMs: 3_000,
  legacyVerdictMs: 10 * 60_000,
  maxRetryMs: 30_000,
  defaultRetryMs: 1_000,
  listenBackoffMs: [1_000, 60_000] as const,
  listenLingerMs: 5_000,
  stdioIdleMs: 5 * 60_000,
  stdioLifeMs: 24 * 60 * 60_000,
});

export interface SendOptions {
  readonly ctx: CallContext;
  /** Protocol headers in lower case; of no use to transports that have none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** True while the silence of the server is not its fault: it waits for an answer of the client. */
  readonly isWaitedFor?: () => boolean;
  /** A stream on which nothing may come for hours. */
  readonly isListening?: boolean;
}

/** Where a broken stream goes on. */
export interface ResumePoint {
  readonly lastEventId: string;
  readonly retryMs: number | undefined;
}

/** What a message brought back. */
export interface Reply {
  /** Of HTTP; 200 where there is none. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Messages as they come, to be read once. Ends with the stream. @throws GatewayError Upstream… */
  readonly messages: AsyncIterable<Message>;
  /** After the stream has ended: where it can be resumed. */
  resumePoint(): ResumePoint | undefined;
  cancel(): void;
}

export interface Transport {
  readonly kind: 'http' | 'stdio';
  /** Names the server in messages for people. */
  readonly label: string;
  /** Ids that no other request to this server has, and that fit for progress tokens too. */
  nextId(): string;
  send(message: Outgoing & { readonly id?: MessageId }, options: SendOptions): Promise<Reply>;
  /** The stream that a server of the legacy era sends by itself, or the rest of a broken one. */
  receive(options: SendOptions, from?: string): Promise<Reply>;
  /** Ends a session (DELETE); nothing for transports whose session is the connection. */
  endSession(options: SendOptions): Promise<void>;
}

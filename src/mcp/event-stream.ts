// One stream of server-sent events to one client (WHATWG HTML, "Server-sent events"; MCP Streamable HTTP). Whoever
// pushes is told when the client is slow. A resumable stream keeps what it has sent, so that a client that lost its
// connection can have the rest over another one (MCP 2025-03-26 to 2025-11-25). Knows no sockets: the edge attaches one.

/** Where frames go; the edge's end of a stream. */
export interface EventSink {
  /** False when the client does not take more for now; `drained` says when it does again. */
  write(text: string): boolean;
  end(): void;
}

/** A stream as the edge sees it. */
export interface EventSource {
  attach(sink: EventSink): void;
  drained(sink: EventSink): void;
  /** The connection is gone, before or after the end. */
  gone(sink: EventSink): void;
}

/** Kept of a stream for resumption (characters); beyond it the oldest messages are forgotten. */
export const MAX_KEPT = 4 * 1024 * 1024;
/** Waiting for a client that takes nothing (characters), where nobody can be made to wait: then messages are dropped. */
export const MAX_WAITING = 1024 * 1024;
/** How soon a client should come back (milliseconds). */
const RETRY_MS = 500;

export interface EventStreamOptions {
  /** Gives the events ids that begin with it. */
  readonly id?: string;
  /** Makes the stream resumable: what was sent is kept. */
  readonly isKept?: boolean;
  /** Sends an empty first event with an id, so that the client can resume from the very beginning (2025-11-25). */
  readonly isPrimed?: boolean;
  /** The client went away before the end. */
  readonly onGone?: () => void;
  /** The answer has become a stream. */
  readonly onOpen?: (stream: EventStream) => void;
  /** A client came back. */
  readonly onBack?: () => void;
}

export class EventStream implements EventSource {
  readonly #options: EventStreamOptions;
  #frames: string[] = [];
  /** Number of the first frame that is still there, and of the next to be written. */
  #first = 1;
  #next = 1;
  /** Characters held, and those among them that are not written yet. */
  #size = 0;
  #unsent = 0;
  #sink: EventSink | undefined;
  #isFull = false;
  #isEnded = false;
  /** The only client there could be has gone. */
  #isLost = false;
  #room: PromiseWithResolvers<void> | undefined;
  readonly #ended = Promise.withResolvers<void>();

  constructor(options: EventStreamOptions = {}) {
    this.#options = options;
  }

  /** Characters held. */
  get size(): number {
    return this.#size;
  }

  /** True when more waits for the client than should. */
  get isBehind(): boolean {
    return this.#unsent >= MAX_WAITING;
  }

  /** Resolves when nothing more will be pushed. */
  get whenEnded(): Promise<void> {
    return this.#ended.promise;
  }

  /** True when everything after the event with this number is still there. */
  holds(after: number): boolean {
    return after + 1 >= this.#first && after < this.#first + this.#frames.length;
  }

  /** The rest of this stream as one that can be attached to another connection. */
  from(after: number): EventSource {
    return {
      attach: (sink) => {
        // Forgotten in the meantime: the client may ask again, and is told so.
        if (!this.resume(sink, after)) sink.end();
      },
      drained: (sink) => this.drained(sink),
      gone: (sink) => this.gone(sink),
    };
  }

  /** Sends one JSON-RPC message. A promise means: the client is slow, wait for it before sending more. */
  push(message: string): Promise<void> | undefined {
    if (this.#isEnded) return undefined;
    const number = this.#first + this.#frames.length;
    const id = this.#options.id === undefined ? '' : `id: ${this.#options.id}.${number}\n`;
    return this.pushFrame(`event: message\n${id}data: ${message}\n\n`);
  }

  /** Sends an event as it stands. */
  pushFrame(frame: string): Promise<void> | undefined {
    if (this.#isEnded || this.#isLost) return undefined;
    this.#frames.push(frame);
    this.#size += frame.length;
    this.#unsent += frame.length;
    this.#flush();
    this.#forget();
    if (this.#options.isKept === true && !this.#sink) return undefined;
    if (!this.#isFull && (this.#sink || !this.isBehind)) return undefined;
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  /** Sends a message that may be lost on a client that takes nothing: for senders that cannot wait. */
  offer(message: string): void {
    if (!this.isBehind) void this.push(message);
  }

  /** Nothing more comes. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#flush();
    this.#ended.resolve();
  }

  attach(sink: EventSink): void {
    const { id, isPrimed } = this.#options;
    if (id !== undefined && isPrimed === true) sink.write(`id: ${id}.0\nretry: ${RETRY_MS}\ndata: \n\n`);
    this.#take(sink);
  }

  /** Goes on over another connection after the event with this number. False when that much is no longer there. */
  resume(sink: EventSink, after: number): boolean {
    if (!this.holds(after)) return false;
    this.#sink?.end();
    this.#next = after + 1;
    this.#unsent = this.#frames
      .slice(this.#next - this.#first)
      .reduce((characters, frame) => characters + frame.length, 0);
    this.#options.onBack?.();
    this.#take(sink);
    return true;
  }

  drained(sink: EventSink): void {
    if (this.#sink !== sink) return;
    this.#isFull = false;
    this.#flush();
  }

  gone(sink: EventSink): void {
    // A client that came back has another connection by now.
    if (this.#sink !== sink) return;
    this.#sink = undefined;
    this.#isFull = false;
    this.#isLost = this.#options.isKept !== true;
    this.#release();
    if (!this.#isEnded) this.#options.onGone?.();
  }

  #take(sink: EventSink): void {
    this.#sink = sink;
    this.#isFull = false;
    this.#flush();
  }

  #flush(): void {
    const sink = this.#sink;
    if (!sink) return;
    while (!this.#isFull) {
      const frame = this.#frames[this.#next - this.#first];
      if (frame === undefined) break;
      this.#next += 1;
      this.#unsent -= frame.length;
      this.#isFull = !sink.write(frame);
    }
    if (this.#isFull) return;
    this.#release();
    if (!this.#isEnded) return;
    this.#sink = undefined;
    sink.end();
  }

  /** Drops what nobody can ask for any more. */
  #forget(): void {
    while (this.#isForgettable()) {
      const characters = this.#frames.shift()?.length ?? 0;
      this.#size -= characters;
      if (this.#next === this.#first) {
        this.#next += 1;
        this.#unsent -= characters;
      }
      this.#first += 1;
    }
  }

  /** Whether the oldest frame can go: written, or, of a resumable stream, too much. */
  #isForgettable(): boolean {
    if (this.#frames.length === 0) return false;
    const isWritten = this.#first < this.#next;
    if (this.#options.isKept !== true) return isWritten || this.#isLost;
    // A slow client is waited for; one that is away loses the oldest. The newest stays: it may be the answer.
    return this.#size > MAX_KEPT && this.#frames.length > 1 && (isWritten || !this.#sink);
  }

  #release(): void {
    this.#forget();
    this.#room?.resolve();
    this.#room = undefined;
  }
}

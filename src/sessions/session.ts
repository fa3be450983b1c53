// What the data plane sees of sessions and of the messages between processes. Types only.

import type { ClientSession } from '../core/client-link.ts';
import type { JsonObject } from '../core/json.ts';
import type { Principal } from '../core/principal.ts';

/** What a session is from its first moment on; all of it is in the sealed id. */
export interface SessionFacts {
  readonly version: string;
  /** What the client declared, in the form of 2026-07-28. */
  readonly capabilities: JsonObject;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface McpSession extends ClientSession, SessionFacts {
  readonly gatewayId: string;
  /** What the client asked for with `logging/setLevel`. */
  readonly logLevel: () => string | undefined;
  setLogLevel(level: string): Promise<void>;
  /** URIs of `resources/subscribe`. */
  readonly subscriptions: () => readonly string[];
  setSubscription(uri: string, isWanted: boolean): Promise<void>;
  /** Called when something above changed, also in another process. */
  onChange(listener: () => void): () => void;
}

export interface Sessions {
  /** The id for a client that has just shaken hands. */
  begin(gatewayId: string, principal: Principal, facts: SessionFacts): string;
  /** @throws GatewayError NotFound: not ours, another caller's, over or ended (all the same to the caller) */
  open(id: string, gatewayId: string, principal: Principal): Promise<McpSession>;
  /** Ends it, in all processes. */
  end(session: McpSession): Promise<void>;
  start(): void;
  close(): void;
}

export interface Mailbox {
  /** Waits for messages to an address until the returned function is called. */
  wait(address: string, listener: (text: string) => void): () => void;
  /**
   * True when somebody took the message, in this process or another.
   * @param sender on whose behalf: each has only so many messages on the way to other processes at a time
   * @throws GatewayError Throttled when it has more
   */
  post(address: string, text: string, sender?: string): Promise<boolean>;
  close(): void;
}

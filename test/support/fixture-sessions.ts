// The sessions of the fixture MCP server: one server object a session, streams that can be resumed, and what each
// session has subscribed to.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node';
import type { EventStore, JSONRPCMessage, Server } from '@modelcontextprotocol/server';
import type { JsonObject } from '../../src/core/json.ts';
import type { FixtureState } from './fixture-state.ts';

interface Session {
  readonly transport: NodeStreamableHTTPServerTransport;
  readonly server: Server;
  readonly subscriptions: Set<string>;
}

/** Keeps what went over each stream, in order; an event's id tells its stream and its place. */
class Events implements EventStore {
  readonly #all: { readonly id: string; readonly stream: string; readonly message: JSONRPCMessage }[] = [];

  storeEvent(stream: string, message: JSONRPCMessage): Promise<string> {
    const id = `${this.#all.length}.${stream}`;
    this.#all.push({ id, stream, message });
    return Promise.resolve(id);
  }

  getStreamIdForEventId(id: string): Promise<string | undefined> {
    return Promise.resolve(this.#all.find((event) => event.id === id)?.stream);
  }

  async replayEventsAfter(
    last: string,
    { send }: { send: (id: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const place = this.#all.findIndex(({ id }) => id === last);
    const stream = this.#all[place]?.stream;
    if (stream === undefined) throw new Error('no such event');
    for (const event of this.#all.slice(place + 1))
      // The first event of a stream has no message: it is there for its id.
      if (event.stream === stream && 'jsonrpc' in event.message) await send(event.id, event.message);
    return stream;
  }
}

export class FixtureSessions {
  readonly #state: FixtureState;
  readonly #createServer: (subscriptions: Set<string>) => Server;
  readonly #sessions = new Map<string, Session>();

  constructor(state: FixtureState, createServer: (subscriptions: Set<string>) => Server) {
    this.#state = state;
    this.#createServer = createServer;
  }

  get ids(): readonly string[] {
    return [...this.#sessions.keys()];
  }

  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    body: JsonObject | undefined,
  ): Promise<void> {
    const id = request.headers['mcp-session-id'];
    const refuse = (status: number, message: string): void =>
      void response
        .writeHead(status, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32001, message } }));
    if (typeof id === 'string') {
      const session = this.#sessions.get(id);
      if (!session) return refuse(404, 'Session not found');
      return session.transport.handleRequest(request, response, body);
    }
    if (body?.['method'] !== 'initialize') return refuse(400, 'Mcp-Session-Id is missing');
    const subscriptions = new Set<string>();
    const server = this.#createServer(subscriptions);
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: new Events(),
      retryInterval: 50,
      onsessioninitialized: (started) => {
        this.#sessions.set(started, { transport, server, subscriptions });
        this.#state.tell('session started', started);
      },
      onsessionclosed: (ended) => {
        this.#sessions.delete(ended);
        this.#state.tell('session ended', ended);
      },
    });
    await server.connect(transport);
    await transport.handleRequest(request, response, body);
  }

  /** Says something to every session; a session that cannot be reached any more is no fault. */
  tell(say: (server: Server, subscriptions: ReadonlySet<string>) => Promise<void> | undefined): void {
    for (const { server, subscriptions } of this.#sessions.values())
      say(server, subscriptions)?.catch(() => undefined);
  }

  /** Forgets all sessions, as a restart would. */
  async lose(): Promise<void> {
    const lost = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const { transport } of lost) await transport.close();
  }
}

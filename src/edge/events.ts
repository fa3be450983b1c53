// Writes a stream of events to a client: at the client's pace, with comments while nothing happens, so that no proxy on
// the way takes the silence for an end (WHATWG HTML, server-sent events). Knows nothing of what the events say.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EventSource } from '../mcp/endpoint.ts';

const HEARTBEAT_MS = 15_000;
/** A client that takes nothing for this long is gone. */
const STALLED_MS = 60_000;
/** After the end what is still on its way may take this long. */
const ENDED_MS = 5 * 60_000;
/** Probes of the system for clients that vanished without a word. */
const KEEP_ALIVE_MS = 10_000;

/** Sends the events until their end; resolves, with the bytes sent, when the connection has nothing more to do with them. */
export function writeEvents(
  request: IncomingMessage,
  response: ServerResponse,
  headers: Readonly<Record<string, string | number>>,
  events: EventSource,
): Promise<number> {
  if (response.destroyed) return Promise.resolve(turnAway(events));
  return new Promise((resolve) => {
    let bytes = 0;
    let stalled: NodeJS.Timeout | undefined;
    const watch = (ms: number): void => {
      clearTimeout(stalled);
      stalled = setTimeout(() => response.destroy(), ms).unref();
    };
    const write = (text: string): boolean => {
      heartbeat.refresh();
      bytes += Buffer.byteLength(text);
      const hasRoom = response.write(text);
      if (!hasRoom && !stalled) watch(STALLED_MS);
      return hasRoom;
    };
    const end = (): void => {
      // What is still on its way may be so for long, and nothing may be written after it.
      clearInterval(heartbeat);
      watch(ENDED_MS);
      response.end();
    };
    const sink = { write, end };
    const heartbeat = setInterval(() => {
      if (!response.writableNeedDrain) response.write(': keep-alive\n\n');
    }, HEARTBEAT_MS);
    heartbeat.unref();
    response.on('drain', () => {
      if (response.writableEnded) return;
      clearTimeout(stalled);
      stalled = undefined;
      events.drained(sink);
    });
    response.once('close', () => {
      clearInterval(heartbeat);
      clearTimeout(stalled);
      events.gone(sink);
      resolve(bytes);
    });
    request.socket.setKeepAlive(true, KEEP_ALIVE_MS);
    response.writeHead(200, headers);
    response.flushHeaders();
    events.attach(sink);
  });
}

/** The client left before its stream began: whoever feeds the stream has to hear of it all the same. */
function turnAway(events: EventSource): number {
  const sink = { write: () => true, end: () => undefined };
  events.attach(sink);
  events.gone(sink);
  return 0;
}

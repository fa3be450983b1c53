// A balancer without stickiness in front of several servers: each request goes to the next one in turn, whatever the
// client sent before.

import { createServer, request as sendRequest } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Balancer {
  readonly url: string;
  /** How many requests each server got, in order. */
  readonly counts: readonly number[];
  close(): Promise<void>;
}

/** Opens the balancer on a free port. */
export async function openBalancer(urls: readonly string[]): Promise<Balancer> {
  const counts = urls.map(() => 0);
  let next = 0;
  const server = createServer((incoming, outgoing) => {
    const turn = (next += 1) % urls.length;
    counts[turn] = (counts[turn] ?? 0) + 1;
    const { hostname, port } = new URL(urls[turn] ?? '');
    const onward = sendRequest(
      { hostname, port, method: incoming.method, path: incoming.url, headers: incoming.headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        outgoing.flushHeaders();
        answer.pipe(outgoing);
        answer.on('error', () => outgoing.destroy());
      },
    );
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

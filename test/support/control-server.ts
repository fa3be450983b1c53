// A control plane behind a real node:http server, and the AWS SDK's client pointed at it.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BedrockAgentCoreControlClient } from '@aws-sdk/client-bedrock-agentcore-control';
import type { ControlPlane } from '../../src/control/pipeline.ts';

export interface ControlServer {
  readonly url: string;
  client(
    change?: Partial<{ secretAccessKey: string; accessKeyId: string; region: string }>,
  ): BedrockAgentCoreControlClient;
  close(): Promise<void>;
}

/** Serves a control plane on a free loopback port. */
export async function serveControl(plane: ControlPlane): Promise<ControlServer> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      void plane
        .handle({
          method: request.method ?? '',
          target: request.url ?? '',
          headers: request.headersDistinct,
          body: Buffer.concat(chunks),
        })
        .then(({ status, headers, body }) => response.writeHead(status, headers).end(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clients: BedrockAgentCoreControlClient[] = [];
  return {
    url,
    client({ region = 'us-east-1', ...credentials } = {}) {
      const client = new BedrockAgentCoreControlClient({
        endpoint: url,
        region,
        maxAttempts: 1,
        credentials: { accessKeyId: 'AKIDTEST', secretAccessKey: 'test-secret', ...credentials },
      });
      clients.push(client);
      return client;
    },
    async close() {
      for (const client of clients) client.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

// Those who talk to a started server: the AWS SDK with only its endpoint changed, the official MCP client, and the
// upstream API behind the gateway, which notes exactly what it was sent.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { BedrockAgentCoreControlClient } from '@aws-sdk/client-bedrock-agentcore-control';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { closing } from './process.ts';
import type { RunningServer } from './process.ts';

/** The SDK's client with the operator credentials that the server wrote. */
export function sdkFor(
  server: Pick<RunningServer, 'controlEndpoint' | 'dataDir'>,
): BedrockAgentCoreControlClient {
  const client = new BedrockAgentCoreControlClient({
    endpoint: server.controlEndpoint,
    region: 'us-east-1',
    maxAttempts: 1,
    credentials: operatorCredentials(server.dataDir),
  });
  closing.push(() => client.destroy());
  return client;
}

/** What stands in `<data dir>/credentials`. */
export function operatorCredentials(dataDir: string): { accessKeyId: string; secretAccessKey: string } {
  const text = readFileSync(join(dataDir, 'credentials'), 'utf8');
  const valueOf = (name: string): string => new RegExp(`^${name} = (\\S+)$`, 'm').exec(text)?.[1] ?? '';
  return { accessKeyId: valueOf('aws_access_key_id'), secretAccessKey: valueOf('aws_secret_access_key') };
}

/** The official MCP client, connected. */
export async function mcpClient(url: string, token?: string): Promise<Client> {
  const client = new Client({ name: 'e2e', version: '1' });
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  closing.push(() => client.close());
  return client;
}

/** All pages of a gateway's tools. */
export async function allTools(client: Client): Promise<Awaited<ReturnType<Client['listTools']>>['tools']> {
  const tools = [];
  let cursor: string | undefined;
  do {
    const page = await client.listTools(cursor === undefined ? {} : { cursor });
    tools.push(...page.tools);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return tools;
}

/** The text of a tool's first content block. */
export function textOf(result: unknown): string {
  const { content } = result as { content: readonly { readonly text?: string }[] };
  return content[0]?.text ?? '';
}

export interface Received {
  readonly method: string;
  /** As on the wire: path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Upstream {
  readonly url: string;
  readonly received: Received[];
}

export type Answer = (request: Received, response: ServerResponse) => void;

/** An API on a free loopback port. */
export async function startUpstream(answer: Answer = answerOk): Promise<Upstream> {
  const received: Received[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const noted = {
        method: request.method ?? '',
        target: request.url ?? '',
        headers: Object.fromEntries(
          Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
        ),
        body: Buffer.concat(chunks).toString('utf8'),
      };
      received.push(noted);
      answer(noted, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

function answerOk(_request: Received, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');
}

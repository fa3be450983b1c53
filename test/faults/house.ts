// A real server with gateways and targets as users make them, and clients that call its tools and say what came back.
// Rows are written in these words.

import { Agent, request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import {
  BedrockAgentCoreControlClient,
  CreateApiKeyCredentialProviderCommand,
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  GetGatewayTargetCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import type { TargetConfiguration } from '@aws-sdk/client-bedrock-agentcore-control';
import { closing } from '../support/process.ts';
import type { RunningServer } from '../support/process.ts';
import { operatorCredentials } from '../support/process-clients.ts';
import { describeApi } from '../support/upstream.ts';
import { median, pause, quantile, until } from './row.ts';

/** What every server of these rows may reach. */
export const EGRESS = { GATEWRIGHT_EGRESS_ALLOW: '127.0.0.1' } as const;

const ROLE = 'arn:aws:iam::000000000000:role/gateway';

/** The AWS SDK's client. @param credentials the operator's, from the server's folder, unless others are given */
export function controlOf(
  server: Pick<RunningServer, 'controlEndpoint' | 'dataDir'>,
  credentials = operatorCredentials(server.dataDir),
): BedrockAgentCoreControlClient {
  const client = new BedrockAgentCoreControlClient({
    endpoint: server.controlEndpoint,
    region: 'us-east-1',
    maxAttempts: 1,
    credentials,
  });
  closing.push(() => client.destroy());
  return client;
}

/** An API of one operation at each path, which is also its name: a GET, or a POST where the name begins so. */
export const apiOf = (url: string, ...operations: readonly string[]): TargetConfiguration => ({
  mcp: {
    openApiSchema: {
      inlinePayload: JSON.stringify(
        describeApi(
          url,
          Object.fromEntries(
            operations.map((name) => [
              name,
              { method: name.startsWith('post') ? 'post' : 'get', query: { q: { type: 'string' } } },
            ]),
          ),
        ),
      ),
    },
  },
});

export interface Made {
  readonly gatewayId: string;
  /** Path of its MCP endpoint, on any node. */
  readonly path: string;
  readonly targetIds: Readonly<Record<string, string>>;
}

/** A gateway that everybody may call, without targets. */
export async function makeGateway(
  control: BedrockAgentCoreControlClient,
  name: string,
): Promise<{ readonly gatewayId: string; readonly path: string }> {
  const { gatewayId = '', gatewayUrl = '' } = await control.send(
    new CreateGatewayCommand({ name, roleArn: ROLE, protocolType: 'MCP', authorizerType: 'NONE' }),
  );
  return { gatewayId, path: new URL(gatewayUrl).pathname };
}

/** A gateway that asks for tokens of an issuer, for the audience `gateway`; the path of its endpoint. */
export async function makeTokenGateway(
  control: BedrockAgentCoreControlClient,
  name: string,
  discoveryUrl: string,
): Promise<{ readonly gatewayId: string; readonly path: string }> {
  const { gatewayId = '', gatewayUrl = '' } = await control.send(
    new CreateGatewayCommand({
      name,
      roleArn: ROLE,
      protocolType: 'MCP',
      authorizerType: 'CUSTOM_JWT',
      authorizerConfiguration: { customJWTAuthorizer: { discoveryUrl, allowedAudience: ['gateway'] } },
    }),
  );
  return { gatewayId, path: new URL(gatewayUrl).pathname };
}

/** A gateway with one target `api` that sends a secret as the query parameter `key`; the path of its endpoint. */
export async function makeSecretTarget(
  control: BedrockAgentCoreControlClient,
  name: string,
  targetConfiguration: TargetConfiguration,
  apiKey: string,
): Promise<string> {
  const provider = await control.send(new CreateApiKeyCredentialProviderCommand({ name, apiKey }));
  const { gatewayId, path } = await makeGateway(control, name);
  const { targetId } = await control.send(
    new CreateGatewayTargetCommand({
      gatewayIdentifier: gatewayId,
      name: 'api',
      targetConfiguration,
      credentialProviderConfigurations: [
        {
          credentialProviderType: 'API_KEY',
          credentialProvider: {
            apiKeyCredentialProvider: {
              providerArn: provider.credentialProviderArn,
              credentialLocation: 'QUERY_PARAMETER',
              credentialParameterName: 'key',
            },
          },
        },
      ],
    }),
  );
  const get = new GetGatewayTargetCommand({ gatewayIdentifier: gatewayId, targetId });
  await until(`target of ${name} READY`, async () => (await control.send(get)).status === 'READY');
  return path;
}

/** A gateway with its targets, all READY. */
export async function make(
  control: BedrockAgentCoreControlClient,
  name: string,
  targets: Readonly<Record<string, TargetConfiguration>>,
): Promise<Made> {
  const { gatewayId, path } = await makeGateway(control, name);
  return { gatewayId, path, targetIds: await addTargets(control, gatewayId, targets) };
}

/** More targets of a gateway, all READY; their ids by name. */
export async function addTargets(
  control: BedrockAgentCoreControlClient,
  gatewayId: string,
  targets: Readonly<Record<string, TargetConfiguration>>,
): Promise<Readonly<Record<string, string>>> {
  const targetIds: Record<string, string> = {};
  for (const [target, targetConfiguration] of Object.entries(targets)) {
    const made = await control.send(
      new CreateGatewayTargetCommand({ gatewayIdentifier: gatewayId, name: target, targetConfiguration }),
    );
    targetIds[target] = made.targetId ?? '';
  }
  for (const targetId of Object.values(targetIds)) {
    const get = new GetGatewayTargetCommand({ gatewayIdentifier: gatewayId, targetId });
    await until(`target ${targetId} READY`, async () => (await control.send(get)).status === 'READY');
  }
  return targetIds;
}

export interface Answer {
  /** 0 when the connection failed before there was one. */
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | undefined;
  readonly requestId: string;
  readonly ms: number;
  /** 200 with a result that is no error. */
  readonly isGood: boolean;
  /** 200 with a result that is an error. */
  readonly isToolError: boolean;
}

/** Connections that are kept between calls. */
export function keptConnections(): Agent {
  const agent = new Agent({ keepAlive: true });
  closing.push(() => agent.destroy());
  return agent;
}

/** One `tools/call`. @param agent connections to use; without one the call has a connection of its own */
export function call(url: string, tool: string, q = 'x', agent: Agent | false = false): Promise<Answer> {
  return callWith(url, tool, JSON.stringify({ q }), agent);
}

/** One `tools/call` whose arguments are some text, of which nobody knows whether it is JSON. */
export const callWith = (
  url: string,
  tool: string,
  args: string,
  agent: Agent | false = false,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> =>
  post(url, 'tools/call', `{"name":${JSON.stringify(tool)},"arguments":${args}}`, agent, headers);

/** One `tools/list`: its first page. */
export const listTools = (url: string, agent: Agent | false = false): Promise<Answer> =>
  post(url, 'tools/list', '{}', agent, {});

function post(
  url: string,
  method: string,
  params: string,
  agent: Agent | false,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const body = `{"jsonrpc":"2.0","id":1,"method":"${method}","params":${params}}`;
  const from = performance.now();
  return new Promise((resolve) => {
    const end = (status: number, text: string, headers: IncomingHttpHeaders = {}): void =>
      resolve({
        status,
        text,
        retryAfter: headers['retry-after'],
        requestId: String(headers['x-amzn-requestid'] ?? ''),
        ms: performance.now() - from,
        isGood: status === 200 && text.includes('"isError":false'),
        isToolError: status === 200 && text.includes('"isError":true'),
      });
    const lost = (thrown: Error): void => end(0, thrown.message);
    const sent = request(
      url,
      { method: 'POST', agent, headers: { 'content-type': 'application/json', ...headers } },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.on('end', () => end(answer.statusCode ?? 0, text, answer.headers));
        answer.on('error', lost);
      },
    );
    sent.on('error', lost);
    sent.end(body);
  });
}

/** So many clients that call without a pause until told to stop; what they were answered. */
export function underLoad(
  clients: number,
  one: (turn: number) => Promise<Answer>,
  pauseMs = 0,
): { readonly answers: Answer[]; stop(): Promise<readonly Answer[]> } {
  const answers: Answer[] = [];
  let isOver = false;
  let turn = 0;
  const running = Array.from({ length: clients }, async () => {
    while (!isOver) {
      answers.push(await one((turn += 1)));
      if (pauseMs > 0) await pause(pauseMs);
    }
  });
  return {
    answers,
    async stop() {
      isOver = true;
      await Promise.all(running);
      return answers;
    },
  };
}

/** A number of calls by a few clients at a time. */
export async function calls(
  count: number,
  clients: number,
  one: (turn: number) => Promise<Answer>,
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  let turn = 0;
  const client = async (): Promise<void> => {
    while (turn < count) answers.push(await one((turn += 1)));
  };
  await Promise.all(Array.from({ length: clients }, client));
  return answers;
}

/** Share of the calls that came to their result. */
export const goodShare = (answers: readonly Answer[]): number =>
  answers.length === 0 ? 0 : answers.filter(({ isGood }) => isGood).length / answers.length;

/** Time below which 99 of 100 calls are. */
export const p99 = (answers: readonly Answer[]): number =>
  quantile(
    answers.map(({ ms }) => ms),
    0.99,
  );

/** Median over rounds. */
export const medianOf = (
  rounds: readonly (readonly Answer[])[],
  figure: (answers: readonly Answer[]) => number,
): number => median(rounds.map(figure));

/** The sum of a metric over its labels. */
export async function metric(server: RunningServer, name: string): Promise<number> {
  const answer = await fetch(`${server.controlEndpoint}/metrics`);
  const lines = (await answer.text()).split('\n').filter((line) => new RegExp(`^${name}[{ ]`).test(line));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

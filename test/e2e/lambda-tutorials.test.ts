// AgentCore's tutorials about Lambda as their published call lists, with the official SDKs and only the endpoint changed:
// the functions are made from zip archives and run on this machine, a Python handler and a Node one.

import { createRequire } from 'node:module';
import {
  BedrockAgentCoreControlClient,
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  DeleteGatewayCommand,
  DeleteGatewayTargetCommand,
  GetGatewayCommand,
  GetGatewayTargetCommand,
  ListGatewayTargetsCommand,
  ListGatewaysCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import type { CreateGatewayCommandInput, ToolDefinition } from '@aws-sdk/client-bedrock-agentcore-control';
import {
  CreateFunctionCommand,
  DeleteFunctionCommand,
  LambdaClient,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import type { Runtime } from '@aws-sdk/client-lambda';
import { beforeAll, expect, it, vi } from 'vitest';
import { zipOf } from '../support/functions.ts';
import { allTools, mcpClient, operatorCredentials, textOf } from '../support/process-clients.ts';
import { startProvider } from '../support/process-provider.ts';
import type { Provider } from '../support/process-provider.ts';
import { closing, startServer } from '../support/process.ts';
import type { RunningServer } from '../support/process.ts';
import { CALCULATOR_TOOLS, RESTAURANT_TOOLS } from '../support/tutorial-tools.ts';

const aws4 = createRequire(import.meta.url)('aws4') as {
  sign(request: object, credentials: object): { headers: Record<string, string | number> };
};
const PATIENCE = { timeout: 20_000, interval: 50 };
const CLIENT_ID = '7rfbikfsm51j2fpaggacgng84g';
const ROLE = 'arn:aws:iam::123456789012:role/agentcore-gateway';
const GATEWAY_ROLE = [{ credentialProviderType: 'GATEWAY_IAM_ROLE' as const }];
const orderTool = (name: string): ToolDefinition => ({
  name,
  description: `${name} of the tutorial`,
  inputSchema: { type: 'object', properties: { orderId: { type: 'string' } }, required: ['orderId'] },
});
const ORDERS_IN_PYTHON = `
def lambda_handler(event, context):
    name = context.client_context.custom['bedrockAgentCoreToolName']
    if '___' in name:
        name = name[name.index('___') + 3:]
    if name == 'get_order_tool':
        return {'statusCode': 200, 'body': 'Order Id %s is in shipped status' % event['orderId']}
    return {'statusCode': 200, 'body': 'Updated the order details successfully'}
`;
const CALCULATOR_IN_PYTHON = `
import json

def handler(event, context):
    name = context.client_context.custom['bedrockAgentCoreToolName'].split('___')[-1]
    if name == 'add_numbers':
        return {'result': event['firstNumber'] + event['secondNumber']}
    return {'tool': name, 'arguments': event}
`;
const ECHO_IN_NODE = `
export const handler = async (event, context) => {
  const { custom } = context.clientContext;
  return {
    statusCode: 200,
    headers: { 'x-rate-limit-remaining': '41', 'x-internal': 'stays here' },
    body: JSON.stringify({
      message: event.message,
      headers: custom.bedrockAgentCorePropagatedHeaders,
      query: custom.bedrockAgentCorePropagatedQueryParameters,
      tool: custom.bedrockAgentCoreToolName,
    }),
  };
};
`;

let server: RunningServer;
let provider: Provider;
let control: BedrockAgentCoreControlClient;
let lambda: LambdaClient;

beforeAll(async () => {
  provider = await startProvider();
  server = await startServer({
    env: {
      GATEWRIGHT_EGRESS_ALLOW: new URL(provider.issuer).host,
      ...(process.env['HOME'] === undefined ? {} : { HOME: process.env['HOME'] }),
    },
  });
  const client = {
    endpoint: server.controlEndpoint,
    region: 'us-east-1',
    credentials: operatorCredentials(server.dataDir),
  };
  control = new BedrockAgentCoreControlClient(client);
  lambda = new LambdaClient(client);
  closing.push(() => {
    control.destroy();
    lambda.destroy();
  });
}, 60_000);

/** Step one of each tutorial: a function from a zip. Gives its ARN. */
async function createFunction(
  name: string,
  runtime: Runtime,
  handler: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const made = await lambda.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Role: 'arn:aws:iam::123456789012:role/lambda',
      Runtime: runtime,
      Handler: handler,
      Timeout: 30,
      Code: { ZipFile: await zipOf(files) },
    }),
  );
  await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 30 }, { FunctionName: name });
  return made.FunctionArn ?? '';
}

const inbound = (): Partial<CreateGatewayCommandInput> => ({
  authorizerType: 'CUSTOM_JWT',
  authorizerConfiguration: {
    customJWTAuthorizer: { allowedClients: [CLIENT_ID], discoveryUrl: provider.discoveryUrl },
  },
});
const token = (): Promise<string> => provider.token({ sub: 'x', token_use: 'access', client_id: CLIENT_ID });

async function createGateway(
  input: Pick<CreateGatewayCommandInput, 'name'> & Partial<CreateGatewayCommandInput>,
): Promise<{ gatewayIdentifier: string; url: string }> {
  const made = await control.send(
    new CreateGatewayCommand({ roleArn: ROLE, protocolType: 'MCP', authorizerType: 'AWS_IAM', ...input }),
  );
  const gatewayIdentifier = made.gatewayId ?? '';
  await vi.waitFor(
    async () =>
      expect((await control.send(new GetGatewayCommand({ gatewayIdentifier }))).status).toBe('READY'),
    PATIENCE,
  );
  return { gatewayIdentifier, url: made.gatewayUrl ?? '' };
}

async function createTarget(
  gatewayIdentifier: string,
  name: string,
  lambdaArn: string,
  tools: ToolDefinition[],
  more: object = {},
): Promise<void> {
  const { targetId } = await control.send(
    new CreateGatewayTargetCommand({
      gatewayIdentifier,
      name,
      targetConfiguration: { mcp: { lambda: { lambdaArn, toolSchema: { inlinePayload: tools } } } },
      credentialProviderConfigurations: GATEWAY_ROLE,
      ...more,
    }),
  );
  await vi.waitFor(async () => {
    const { status } = await control.send(new GetGatewayTargetCommand({ gatewayIdentifier, targetId }));
    expect(status).toBe('READY');
  }, PATIENCE);
}

/** The tutorials' clean-up. */
async function deleteGateway(gatewayIdentifier: string): Promise<void> {
  const { items = [] } = await control.send(
    new ListGatewayTargetsCommand({ gatewayIdentifier, maxResults: 100 }),
  );
  for (const { targetId } of items)
    await control.send(new DeleteGatewayTargetCommand({ gatewayIdentifier, targetId }));
  await vi.waitFor(() => control.send(new DeleteGatewayCommand({ gatewayIdentifier })), PATIENCE);
}

it('Lambda functions as MCP tools, OAuth inbound', async () => {
  const lambdaArn = await createFunction(
    'gateway_lambda',
    'python3.12',
    'lambda_function_code.lambda_handler',
    {
      'lambda_function_code.py': ORDERS_IN_PYTHON,
    },
  );
  const { gatewayIdentifier, url } = await createGateway({
    name: 'TestGWforLambda',
    description: 'AgentCore Gateway with AWS Lambda target type',
    ...inbound(),
  });
  await createTarget(
    gatewayIdentifier,
    'LambdaUsingSDK',
    lambdaArn,
    [orderTool('get_order_tool'), orderTool('update_order_tool')],
    { description: 'Lambda Target using SDK' },
  );
  const client = await mcpClient(url, await token());
  expect((await allTools(client)).map(({ name }) => name)).toEqual([
    'LambdaUsingSDK___get_order_tool',
    'LambdaUsingSDK___update_order_tool',
  ]);
  const result = await client.callTool({
    name: 'LambdaUsingSDK___get_order_tool',
    arguments: { orderId: '123' },
  });
  expect(textOf(result)).toBe('Order Id 123 is in shipped status');
  const updated = await client.callTool({
    name: 'LambdaUsingSDK___update_order_tool',
    arguments: { orderId: '123' },
  });
  expect(textOf(updated)).toBe('Updated the order details successfully');
  await expect(mcpClient(url, await provider.token({ sub: 'x', client_id: 'another' }))).rejects.toThrow();
  await deleteGateway(gatewayIdentifier);
  await lambda.send(new DeleteFunctionCommand({ FunctionName: 'gateway_lambda' }));
}, 60_000);

it('the same with IAM inbound: signed requests, all pages, the first tool called', async () => {
  const lambdaArn = await createFunction('gateway_lambda_iam', 'python3.12', 'code.lambda_handler', {
    'code.py': ORDERS_IN_PYTHON,
  });
  const { gatewayIdentifier, url } = await createGateway({
    name: 'TestGWforLambdaIAM',
    authorizerType: 'AWS_IAM',
  });
  await createTarget(gatewayIdentifier, 'LambdaUsingSDK', lambdaArn, [
    orderTool('get_order_tool'),
    orderTool('update_order_tool'),
  ]);
  const send = async (
    method: string,
    params: object,
  ): Promise<{ status: number; result: Record<string, unknown> }> => {
    const { host, pathname } = new URL(url);
    const request = {
      method: 'POST',
      host,
      path: pathname,
      service: 'bedrock-agentcore',
      region: 'us-east-1',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    };
    const { headers } = aws4.sign(request, operatorCredentials(server.dataDir));
    const sent = Object.entries(headers).filter(([name]) => !['Host', 'Content-Length'].includes(name));
    const response = await fetch(url, {
      method: 'POST',
      headers: Object.fromEntries(sent.map(([name, value]) => [name, String(value)])),
      body: request.body,
    });
    const { result } = (await response.json()) as { result: Record<string, unknown> };
    return { status: response.status, result };
  };
  expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(401);
  const tools: { name: string }[] = [];
  let cursor: unknown;
  do {
    const { result } = await send('tools/list', cursor === undefined ? {} : { cursor });
    tools.push(...(result['tools'] as { name: string }[]));
    cursor = result['nextCursor'];
  } while (cursor !== undefined);
  const { status, result } = await send('tools/call', {
    name: tools[0]?.name,
    arguments: { orderId: '123' },
  });
  expect([status, textOf(result)]).toEqual([200, 'Order Id 123 is in shipped status']);
  await deleteGateway(gatewayIdentifier);
}, 60_000);

it('propagation of headers and query parameters', async () => {
  const lambdaArn = await createFunction('header_echo', 'nodejs22.x', 'index.handler', {
    'index.mjs': ECHO_IN_NODE,
  });
  const { gatewayIdentifier, url } = await createGateway({
    name: 'header-propagation-gateway-1763000000',
    protocolConfiguration: { mcp: { supportedVersions: ['2025-03-26', '2025-06-18'] } },
    ...inbound(),
  });
  const metadataConfiguration = {
    allowedRequestHeaders: ['x-correlation-id', 'x-tenant-id'],
    allowedResponseHeaders: ['x-rate-limit-remaining'],
    allowedQueryParameters: ['version', 'environment'],
  };
  const name = 'header-propagation-target-1763000000';
  const created = await control.send(
    new CreateGatewayTargetCommand({
      gatewayIdentifier,
      name,
      targetConfiguration: {
        mcp: {
          lambda: {
            lambdaArn,
            toolSchema: {
              inlinePayload: [
                {
                  name: 'echo',
                  description: 'Says what it was given',
                  inputSchema: {
                    type: 'object',
                    properties: { message: { type: 'string' } },
                    required: ['message'],
                  },
                },
              ],
            },
          },
        },
      },
      credentialProviderConfigurations: GATEWAY_ROLE,
      metadataConfiguration,
    }),
  );
  expect(created.metadataConfiguration).toEqual(metadataConfiguration);
  const bearer = await token();
  const post = (method: string, params: object): Promise<Response> =>
    fetch(`${url}?version=v1&environment=prod&debug=1`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${bearer}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'x-correlation-id': 'corr-1',
        'x-tenant-id': 'tenant-1',
        'x-other': 'no',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 7, method, params }),
    });
  const tool = await vi.waitFor(async () => {
    const { result } = (await (await post('tools/list', {})).json()) as {
      result: { tools: { name: string }[] };
    };
    expect(result.tools).toHaveLength(1);
    return result.tools[0]?.name;
  }, PATIENCE);
  const response = await post('tools/call', { name: tool, arguments: { message: 'hello' } });
  expect([response.headers.get('x-rate-limit-remaining'), response.headers.get('x-internal')]).toEqual([
    '41',
    null,
  ]);
  const { result } = (await response.json()) as { result: unknown };
  expect(JSON.parse(textOf(result))).toEqual({
    message: 'hello',
    headers: { 'x-correlation-id': 'corr-1', 'x-tenant-id': 'tenant-1' },
    query: { version: 'v1', environment: 'prod' },
    tool: `${name}___echo`,
  });
  await deleteGateway(gatewayIdentifier);
}, 60_000);

it('317 tools of five targets in front of two functions, searched and called', async () => {
  const arnOf = (name: string): Promise<string> =>
    createFunction(name, 'python3.12', 'main.handler', { 'main.py': CALCULATOR_IN_PYTHON });
  const [calculator, restaurant] = [
    await arnOf('calc_lambda_gateway'),
    await arnOf('restaurant_lambda_gateway'),
  ];
  const { gatewayIdentifier, url } = await createGateway({
    name: 'gateway-search-tutorial',
    description: 'AgentCore Gateway Tutorial',
    protocolConfiguration: { mcp: { searchType: 'SEMANTIC', supportedVersions: ['2025-03-26'] } },
    ...inbound(),
  });
  const { items } = await control.send(new ListGatewaysCommand({}));
  expect(items?.map(({ gatewayId }) => gatewayId)).toContain(gatewayIdentifier);
  const schemaOf = ({
    name,
    description = '',
    parameters = {},
  }: (typeof CALCULATOR_TOOLS)[number]): ToolDefinition => ({
    name,
    description,
    inputSchema: {
      type: 'object',
      properties: Object.fromEntries(
        Object.entries(parameters).map(([key, about]) => [
          key,
          { type: key.endsWith('Number') ? 'number' : 'string', description: about },
        ]),
      ),
    },
  });
  await createTarget(gatewayIdentifier, 'FoodTools', restaurant, RESTAURANT_TOOLS.map(schemaOf));
  for (const name of ['CalcTools', 'Calc2', 'Calc3', 'Calc4'])
    await createTarget(gatewayIdentifier, name, calculator, CALCULATOR_TOOLS.map(schemaOf));
  const client = await mcpClient(url, await token());
  const tools = await allTools(client);
  expect(tools).toHaveLength(318);
  const search = async (query: string): Promise<string[]> => {
    const result = await client.callTool({ name: 'x_amz_bedrock_agentcore_search', arguments: { query } });
    return (JSON.parse(textOf(result)) as { tools: { name: string }[] }).tools.map(({ name }) => name);
  };
  expect((await search('tools for simply adding two numbers'))[0]).toMatch(/___add_numbers$/);
  expect((await search('tools for booking a restaurant reservation'))[0]).toBe('FoodTools___create_booking');
  const sum = await client.callTool({
    name: 'Calc2___add_numbers',
    arguments: { firstNumber: 10, secondNumber: 20 },
  });
  expect(JSON.parse(textOf(sum))).toEqual({ result: 30 });
  const booking = {
    date: '2026-12-01',
    hour: '19:00',
    restaurant_name: 'Boca',
    guest_name: 'Ada',
    num_guests: '2',
  };
  const booked = await client.callTool({ name: 'FoodTools___create_booking', arguments: booking });
  expect(JSON.parse(textOf(booked))).toEqual({ tool: 'create_booking', arguments: booking });
  await deleteGateway(gatewayIdentifier);
}, 90_000);

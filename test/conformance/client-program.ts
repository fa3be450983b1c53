// The program that the conformance suite runs as “the client”: the gateway's own client of MCP servers, driven against
// the address in the last argument. The suite says in the environment which scenario it plays.

import { isJsonObject } from '../../src/core/json.ts';
import type { JsonObject, JsonValue } from '../../src/core/json.ts';
import { mcpServerTargetType } from '../../src/targets/mcp-server/index.ts';
import { createEgressClient } from '../../src/upstream/client.ts';
import { createEgressGuard, parseAllowRule } from '../../src/upstream/guard.ts';
import { callProtected } from './client-authorization.ts';
import type { Setup, SuiteContext } from './client-authorization.ts';
import { callForEnterprise } from './client-exchange.ts';
import type { EnterpriseContext } from './client-exchange.ts';
import { callOf, clientOf, createSession } from '../support/mcp-target.ts';
import { targetServices } from '../support/target-services.ts';

const url = process.argv.at(-1) ?? '';
const scenario = process.env['MCP_CONFORMANCE_SCENARIO'] ?? '';
const context = JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}') as SuiteContext &
  EnterpriseContext & {
    readonly toolCalls?: readonly { readonly name: string; readonly arguments: JsonObject }[];
  };

/** Scenarios whose server is protected, where they want more than the consent of a user. */
const BY_CONSENT: Setup = { grantType: 'AUTHORIZATION_CODE' };
const SETUPS: Readonly<Record<string, Setup>> = {
  // The suite expects this one address of everybody.
  'auth/basic-cimd': {
    ...BY_CONSENT,
    tags: {
      'gatewright:client-metadata-document': 'https://conformance-test.local/client-metadata.json',
    },
  },
  'auth/wif-jwt-bearer': {
    grantType: 'CLIENT_CREDENTIALS',
    tags: { 'gatewright:workload-token': 'true' },
  },
  'auth/client-credentials-basic': { grantType: 'CLIENT_CREDENTIALS' },
  'auth/client-credentials-jwt': { grantType: 'CLIENT_CREDENTIALS' },
};

const egress = createEgressClient({
  guard: createEgressGuard(['localhost', '127.0.0.1', '::1'].map(parseAllowRule)),
});
const { server } = mcpServerTargetType.prepare({ endpoint: url }, targetServices({ egress }));
if (!server) throw new Error('this kind of target is no server');

/** One client, one session, as far as the revision has them. */
const { session, end } = createSession('conformance');
const objects = (value: JsonValue | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter((item) => isJsonObject(item)) : [];
const person = clientOf({
  capabilities: { elicitation: { form: { applyDefaults: true } } },
  request: (_method, params) => Promise.resolve(confirm(params)),
  session,
});
const send = (method: string, params: JsonObject = {}): Promise<JsonObject> =>
  server.request(method, params, callOf({ client: person }));
const list = async (method: string, member: string): Promise<JsonObject[]> =>
  objects((await send(method))[member]);
const tools = (): Promise<JsonObject[]> => list('tools/list', 'tools');

/** The defaults of a form, as a user gives them who only confirms. */
function confirm(params: JsonObject): JsonObject {
  const { requestedSchema } = params;
  const properties = isJsonObject(requestedSchema) ? requestedSchema['properties'] : {};
  const content = Object.entries(isJsonObject(properties) ? properties : {}).flatMap(([name, schema]) =>
    isJsonObject(schema) ? [[name, schema['default'] ?? (schema['type'] === 'boolean' ? true : 'x')]] : [],
  );
  return { action: 'accept', content: Object.fromEntries(content) as JsonObject };
}

/** A call with as many rounds as the server asks for. */
async function call(name: string, args: JsonObject = {}): Promise<JsonObject> {
  let answers: JsonObject = {};
  for (;;) {
    const result = await send('tools/call', { name, arguments: args, ...answers });
    if (result['resultType'] !== 'input_required') return result;
    const { inputRequests, requestState } = result;
    const asked = Object.entries(isJsonObject(inputRequests) ? inputRequests : {});
    const responses = asked.map(([key, request]) => {
      const params = isJsonObject(request) && isJsonObject(request['params']) ? request['params'] : {};
      return [key, confirm(params)] as const;
    });
    answers = {
      inputResponses: Object.fromEntries(responses),
      ...(requestState === undefined ? {} : { requestState }),
    };
  }
}

/** What the client does beyond listing tools. */
const SCENARIOS: Readonly<Record<string, () => Promise<unknown>>> = {
  async tools_call() {
    await call('add_numbers', { a: 5, b: 3 });
  },
  'elicitation-sep1034-client-defaults': async () => {
    for (const { name } of await tools()) await call(String(name));
  },
  'sse-retry': () => call('test_reconnection'),
  async 'sep-2322-client-request-state'() {
    await Promise.all([call('test_mrtr_echo_state'), call('test_mrtr_unrelated')]);
    await call('test_mrtr_no_state');
    await call('test_mrtr_no_result_type');
  },
  async 'http-standard-headers'() {
    for (const { name } of await tools()) await call(String(name));
    for (const { uri } of await list('resources/list', 'resources')) await send('resources/read', { uri });
    for (const { name } of await list('prompts/list', 'prompts')) await send('prompts/get', { name });
  },
  async 'http-custom-headers'() {
    for (const { name, arguments: args } of context.toolCalls ?? []) await call(name, args);
  },
  async 'http-invalid-tool-headers'() {
    for (const { name } of await tools()) await call(String(name), { region: 'us-east1' });
  },
  async 'json-schema-2020-12-preservation'() {
    const found = (await tools()).find(({ name }) => name === 'json_schema_2020_12_tool');
    await call('json_schema_echo', { schema: found?.['inputSchema'] });
  },
};

if (scenario === 'auth/enterprise-managed-authorization') await callForEnterprise(url, context);
else if (scenario.startsWith('auth/')) await callProtected(url, context, SETUPS[scenario] ?? BY_CONSENT);
else {
  await tools();
  await SCENARIOS[scenario]?.();
}
end();
await server.close();
await egress.close();

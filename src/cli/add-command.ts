// `gatewright add lambda`: puts a function behind a gateway as a target. Without a tool schema it writes a first draft of
// one into a file, to be corrected and given the next time.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Config } from '../config.ts';
import { functionArn } from '../core/function-name.ts';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { ServiceFault, createServiceClient } from './function-client.ts';
import type { ServiceClient } from './function-client.ts';
import { addSettingFlags, configOrFaults } from './settings-flags.ts';
import type { Environment } from './settings-flags.ts';
import { draftTools, handlerSource } from './tool-schema-skeleton.ts';

const POLL_MS = 200;
const POLLS = 300;

type Flags = Readonly<Record<string, unknown>>;

/** Adds the command. */
export function addAddCommand(program: Command, env: Environment): void {
  const command = program
    .command('add')
    .description('Put something behind a gateway.')
    .command('lambda')
    .description(
      'put a function, local or of AWS, behind a gateway; without --schema: draft a tool schema for it',
    )
    .requiredOption('--gateway <id>', 'id, ARN or name of the gateway')
    .requiredOption('--function <name>', 'name or ARN of the function')
    .option('--schema <file>', 'tool schema: JSON, a list of tools with name, description and inputSchema')
    .option('--target <name>', 'name of the target (default: that of the function)')
    .option('--out <file>', 'where the draft goes (default: <function>-tools.json)')
    .option('--endpoint-url <URL>', 'address of the control plane (default: http://<listen>)');
  addSettingFlags(command).action(async () => {
    const flags = command.opts<Flags>();
    const outcome = configOrFaults(env, flags);
    if (!outcome) return;
    try {
      const { config } = outcome;
      const lambda = createServiceClient('lambda', flags, env, config);
      const control = createServiceClient('bedrock-agentcore', flags, env, config);
      if (flags['schema'] === undefined) await draft(flags, lambda, config);
      else await add(flags, control, config);
    } catch (thrown) {
      process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
      process.exitCode = 1;
    }
  });
}

async function draft(flags: Flags, lambda: ServiceClient, config: Config): Promise<void> {
  const name = nameOf(String(flags['function']));
  const file = typeof flags['out'] === 'string' ? flags['out'] : `${name}-tools.json`;
  if (existsSync(file))
    throw new Error(`${file} is there already. Give it with --schema, or another place with --out.`);
  const tools = draftTools(await sourceOf(String(flags['function']), lambda), name);
  writeFileSync(file, `${JSON.stringify(tools, null, 2)}\n`, { flag: 'wx' });
  process.stdout.write(
    [
      `${file} has a first draft of ${tools.length === 1 ? 'one tool' : `${tools.length} tools`}: ${tools.map((tool) => tool.name).join(', ')}.`,
      'Correct names, descriptions and arguments; then:',
      `  gatewright add lambda --gateway ${String(flags['gateway'])} --function ${arnOf(String(flags['function']), config)} --schema ${file}`,
      '',
    ].join('\n'),
  );
}

/** The source of the handler; empty where it cannot be had: for functions of AWS, or keys that may not see code. */
async function sourceOf(name: string, lambda: ServiceClient): Promise<string> {
  let shown: JsonObject;
  try {
    shown = await lambda.json({
      method: 'GET',
      path: `/2015-03-31/functions/${encodeURIComponent(name)}`,
      query: {},
    });
  } catch (thrown) {
    if (!(thrown instanceof ServiceFault) || thrown.type !== 'ResourceNotFoundException') throw thrown;
    if (name.startsWith('arn:')) return '';
    throw new Error(`There is no local function named ${name}. For a function of AWS give its ARN.`, {
      cause: thrown,
    });
  }
  const { Code: code, Configuration: configuration } = shown;
  const location = isJsonObject(code) ? code['Location'] : undefined;
  const handler = isJsonObject(configuration) ? String(configuration['Handler'] ?? '') : '';
  if (typeof location !== 'string') return '';
  const { pathname } = new URL(location);
  const archive = await lambda.bytes({ method: 'GET', path: pathname, query: {} });
  return (await handlerSource(archive, handler.replace(/\.[^./]*$/, ''))) ?? '';
}

async function add(flags: Flags, control: ServiceClient, config: Config): Promise<void> {
  const gatewayId = await gatewayIdOf(String(flags['gateway']), control);
  const path = `/gateways/${encodeURIComponent(gatewayId)}/targets/`;
  const functionName = String(flags['function']);
  const made = await control.json({
    method: 'POST',
    path,
    query: {},
    body: JSON.stringify({
      name: typeof flags['target'] === 'string' ? flags['target'] : nameOf(functionName),
      targetConfiguration: {
        mcp: {
          lambda: {
            lambdaArn: arnOf(functionName, config),
            toolSchema: { inlinePayload: readSchema(String(flags['schema'])) },
          },
        },
      },
      credentialProviderConfigurations: [{ credentialProviderType: 'GATEWAY_IAM_ROLE' }],
    }),
  });
  const target = await settled(`${path}${encodeURIComponent(String(made['targetId']))}/`, control);
  if (target['status'] !== 'READY') {
    const reasons = target['statusReasons'];
    throw new Error(
      `The target ${String(target['name'])} is ${String(target['status'])}: ${Array.isArray(reasons) ? reasons.map(String).join(' ') : ''}`,
    );
  }
  process.stdout.write(`The target ${String(target['name'])} (${String(target['targetId'])}) is ready.\n`);
}

async function settled(path: string, control: ServiceClient): Promise<JsonObject> {
  for (let polls = 0; ; polls += 1) {
    const target = await control.json({ method: 'GET', path, query: {} });
    if (target['status'] !== 'CREATING' || polls === POLLS) return target;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function readSchema(file: string): JsonValue {
  let value: JsonValue;
  try {
    value = JSON.parse(readFileSync(file, 'utf8')) as JsonValue;
  } catch (cause) {
    throw new Error(
      `--schema ${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    );
  }
  if (!Array.isArray(value)) throw new Error(`--schema ${file} must be a JSON list of tools.`);
  return value;
}

/** By id or ARN, or by a name that only one gateway has. */
async function gatewayIdOf(text: string, control: ServiceClient): Promise<string> {
  if (text.startsWith('arn:')) return text.split('/').at(-1) ?? text;
  const found: string[] = [];
  let nextToken: JsonValue | undefined;
  do {
    const page = await control.json({
      method: 'GET',
      path: '/gateways/',
      query: typeof nextToken === 'string' ? { nextToken } : {},
    });
    for (const each of Array.isArray(page['items']) ? (page['items'] as readonly JsonValue[]) : []) {
      if (!isJsonObject(each)) continue;
      if (each['gatewayId'] === text) return text;
      if (each['name'] === text) found.push(String(each['gatewayId']));
    }
    nextToken = page['nextToken'];
  } while (typeof nextToken === 'string');
  const [only, ...others] = found;
  if (only === undefined)
    throw new Error(`There is no gateway with the id or the name ${text}: gatewright list-gateways`);
  if (others.length > 0)
    throw new Error(`Several gateways are named ${text}: ${found.join(', ')}. Give the id of one.`);
  return only;
}

function arnOf(text: string, { region, accountId }: Config): string {
  return text.startsWith('arn:') ? text : functionArn({ region, accountId }, text);
}

function nameOf(text: string): string {
  return text.startsWith('arn:') ? (text.split(':')[6] ?? text) : text;
}

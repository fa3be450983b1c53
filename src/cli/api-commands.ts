// API commands, made from the operation table and named as in the AWS CLI: `gatewright create-gateway --name …`.
// Texts and numbers are given as they are, structures and lists as JSON; `--cli-input-json` gives the whole input.

import { readFileSync } from 'node:fs';
import { Option } from 'commander';
import type { Command } from 'commander';
import { OPERATIONS, SHAPES, shapeOf } from '../control/model/model.ts';
import type { Member, OperationModel } from '../control/model/shape.ts';
import type { Config } from '../config.ts';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { callControlPlane, findCredentials } from './client.ts';
import { addSettingFlags, configOrFaults } from './settings-flags.ts';
import type { Environment } from './settings-flags.ts';

/** Operations that operators look for under a word of their own: group, command, operation. */
const GROUPED = [
  ['access-keys', 'create', 'CreateAccessKey'],
  ['access-keys', 'list', 'ListAccessKeys'],
  ['access-keys', 'update', 'UpdateAccessKey'],
  ['access-keys', 'rotate', 'RotateAccessKey'],
  ['access-keys', 'delete', 'DeleteAccessKey'],
  ['clients', 'create', 'CreateOauthClient'],
  ['clients', 'list', 'ListOauthClients'],
  ['clients', 'delete', 'DeleteOauthClient'],
  ['vault', 'rotate', 'RotateVaultKey'],
] as const;
const GROUP_DOCS: Readonly<Record<string, string>> = {
  'access-keys': 'Access keys of operators and callers: make, list, limit, rotate, delete.',
  clients: 'Clients of the authorization server that work without a user: make, list, delete.',
  vault: 'The vault that secrets lie in.',
};

/** Adds one command for each operation. */
export function addApiCommands(program: Command, env: Environment): void {
  program.commandsGroup('Operators:');
  const groups = new Map<string, Command>();
  for (const [group, verb, name] of GROUPED) {
    const parent = groups.get(group) ?? program.command(group).description(GROUP_DOCS[group] ?? '');
    groups.set(group, parent);
    const operation = OPERATIONS.find((candidate) => candidate.name === name);
    if (operation) addApiCommand(parent, verb, operation, env);
  }
  program.commandsGroup('Control plane:');
  for (const operation of OPERATIONS) addApiCommand(program, dashed(operation.name), operation, env);
}

function addApiCommand(parent: Command, name: string, operation: OperationModel, env: Environment): void {
  const members = membersOf(operation);
  const command = parent.command(name).description(operation.doc);
  for (const [name, member] of Object.entries(members)) {
    const { type } = shapeOf(member.shape);
    const isPlain = ['string', 'integer', 'double', 'boolean', 'timestamp'].includes(type);
    const needed = member.required ? ' (required)' : '';
    command.addOption(new Option(`--${dashed(name)} <${isPlain ? type : 'JSON'}>`, `${name}${needed}`));
  }
  command
    .option('--cli-input-json <JSON>', 'the whole input as JSON text, or file://<path>')
    .option('--endpoint-url <URL>', 'address of the control plane (default: http://<listen>)');
  addSettingFlags(command).action(async (flags: Record<string, unknown>) => {
    const outcome = configOrFaults(env, flags);
    if (!outcome) return;
    const { config } = outcome;
    try {
      const input = inputOf(operation, members, flags);
      const endpoint = endpointOf(flags, env, config);
      const answer = await callControlPlane(toCall(operation, members, input), {
        endpoint,
        region: config.region,
        credentials: findCredentials(env, config),
      });
      if (answer.status < 300) {
        if (answer.body !== '') process.stdout.write(`${JSON.stringify(JSON.parse(answer.body), null, 2)}\n`);
        return;
      }
      process.stderr.write(`${answer.errorType ?? `HTTP ${answer.status}`}: ${messageOf(answer.body)}\n`);
    } catch (thrown) {
      process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
    }
    process.exitCode = 1;
  });
}

/** The control plane that the settings describe, unless another is named. */
export function endpointOf(flags: Readonly<Record<string, unknown>>, env: Environment, config: Config): URL {
  const { host, port } = config.adminListen ?? config.listen;
  const text =
    typeof flags['endpointUrl'] === 'string'
      ? flags['endpointUrl']
      : (env['AWS_ENDPOINT_URL'] ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`);
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    throw new Error(`--endpoint-url ${text} must be a URL such as http://127.0.0.1:8080`);
  return new URL(text);
}

/** One operation by its name, as the settings and flags say where and as whom. @throws Error with what it answered */
export async function invokeOperation(
  name: string,
  input: JsonObject,
  { flags, env, config }: { flags: Readonly<Record<string, unknown>>; env: Environment; config: Config },
): Promise<JsonObject> {
  const operation = OPERATIONS.find((candidate) => candidate.name === name);
  if (!operation) throw new TypeError(`there is no operation ${name}`);
  const { status, errorType, body } = await callControlPlane(toCall(operation, membersOf(operation), input), {
    endpoint: endpointOf(flags, env, config),
    region: config.region,
    credentials: findCredentials(env, config),
  });
  if (status >= 300) throw new Error(`${errorType ?? `HTTP ${status}`}: ${messageOf(body)}`);
  const value: unknown = body === '' ? {} : JSON.parse(body);
  return isJsonObject(value) ? value : {};
}

function membersOf(operation: OperationModel): Readonly<Record<string, Member>> {
  const shape = SHAPES[operation.input];
  return shape?.type === 'structure' ? shape.members : {};
}

function inputOf(
  operation: OperationModel,
  members: Readonly<Record<string, Member>>,
  flags: Record<string, unknown>,
): JsonObject {
  const whole = flags['cliInputJson'];
  const input: Record<string, JsonValue> = typeof whole === 'string' ? { ...parseInput(whole) } : {};
  for (const [name, member] of Object.entries(members)) {
    const text = flags[camelOf(dashed(name))];
    if (typeof text === 'string') input[name] = valueOf(name, member, text);
    else if (input[name] === undefined && member.required)
      throw new Error(`gatewright ${dashed(operation.name)} needs --${dashed(name)} (or --cli-input-json)`);
  }
  return input;
}

function parseInput(text: string): Record<string, JsonValue> {
  const value = parseJson('--cli-input-json', textOf('--cli-input-json', text));
  if (!isJsonObject(value)) throw new Error('--cli-input-json must be a JSON object');
  return value as Record<string, JsonValue>;
}

function valueOf(name: string, member: Member, text: string): JsonValue {
  const { type } = shapeOf(member.shape);
  if (type === 'string' || type === 'timestamp') return textOf(`--${dashed(name)}`, text);
  if (type === 'integer' && !/^-?\d+$/.test(text))
    throw new Error(`--${dashed(name)} ${text} must be an integer`);
  return parseJson(`--${dashed(name)}`, textOf(`--${dashed(name)}`, text));
}

/** The text itself, or that of the file which `file://<path>` names, as in the AWS CLI: relative paths too. */
function textOf(what: string, text: string): string {
  if (!text.startsWith('file://')) return text;
  try {
    return readFileSync(text.slice('file://'.length), 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${what} ${text} cannot be read: ${reason}`, { cause });
  }
}

function parseJson(what: string, text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (thrown) {
    throw new Error(`${what} is not JSON: ${thrown instanceof Error ? thrown.message : String(thrown)}`, {
      cause: thrown,
    });
  }
}

function toCall(operation: OperationModel, members: Readonly<Record<string, Member>>, input: JsonObject) {
  const query: Record<string, string | string[]> = {};
  const body: Record<string, JsonValue | undefined> = {};
  let path = operation.uri;
  for (const [name, value] of Object.entries(input)) {
    const place = members[name]?.in;
    if (place === 'path') path = path.replace(`{${name}}`, encodeURIComponent(String(value)));
    else if (place === 'query') query[name] = Array.isArray(value) ? value.map(String) : String(value);
    else body[name] = value;
  }
  const hasBody = operation.method === 'POST' || operation.method === 'PUT';
  return { method: operation.method, path, query, ...(hasBody ? { body: JSON.stringify(body) } : {}) };
}

/** What an error answer says. */
export function messageOf(body: string): string {
  try {
    const value: unknown = JSON.parse(body);
    return isJsonObject(value) && typeof value['message'] === 'string' ? value['message'] : body;
  } catch {
    return body;
  }
}

/** `CreateGateway` → `create-gateway`, `gatewayIdentifier` → `gateway-identifier`. */
function dashed(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase();
}

function camelOf(flag: string): string {
  return flag.replace(/-([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}

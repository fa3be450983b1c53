// `gatewright functions`: deploys, calls, follows and deletes local functions, over the Lambda API of a running server.

import { text as readAll } from 'node:stream/consumers';
import { readFileSync } from 'node:fs';
import { Option } from 'commander';
import type { Command } from 'commander';
import type { Config } from '../config.ts';
import { RUNTIME_NAMES } from '../core/function-runtimes.ts';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { archiveOf, filesOf, guessHandler } from './function-archive.ts';
import { ServiceFault, createServiceClient } from './function-client.ts';
import type { ServiceClient } from './function-client.ts';
import { addSettingFlags, configOrFaults } from './settings-flags.ts';
import type { Environment } from './settings-flags.ts';

const FUNCTIONS = '/2015-03-31/functions';
const FOLLOW_MS = 1_000;

type Flags = Readonly<Record<string, unknown>>;

interface Run {
  readonly client: ServiceClient;
  readonly flags: Flags;
  readonly config: Config;
  /** The first argument. */
  readonly argument: string;
}

/** Adds the commands. */
export function addFunctionsCommand(program: Command, env: Environment): void {
  const functions = program
    .command('functions')
    .description('Local functions: deploy a folder, call, follow the log, list, delete.');
  const add = (
    line: string,
    doc: string,
    options: readonly Option[],
    run: (run: Run) => Promise<void>,
  ): void => {
    const command = functions.command(line).description(doc);
    for (const option of options) command.addOption(option);
    command.option('--endpoint-url <URL>', 'address of the control plane (default: http://<listen>)');
    addSettingFlags(command).action(async () => {
      const flags = command.opts<Flags>();
      const outcome = configOrFaults(env, flags);
      if (!outcome) return;
      const { config } = outcome;
      try {
        const client = createServiceClient('lambda', flags, env, config);
        await run({ client, flags, config, argument: command.args[0] ?? '' });
      } catch (thrown) {
        process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
        process.exitCode = 1;
      }
    });
  };
  const many = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
  add(
    'deploy <folder>',
    'make a function of a folder, or give it that code, and print its ARN',
    [
      new Option('--name <name>', 'name of the function').makeOptionMandatory(),
      new Option('--runtime <runtime>', `${RUNTIME_NAMES.join(', ')} (default: by the files of the folder)`),
      new Option('--handler <handler>', 'for example index.handler (default: by the files of the folder)'),
      new Option('--timeout <seconds>', 'how long a call may take (default: 3)'),
      new Option('--memory <MB>', 'memory of a process (default: 128)'),
      new Option(
        '--env <NAME=value>',
        'an environment variable; may be given often, all together replace the old ones',
      ).argParser(many),
      new Option('--layer <ARN>', 'a version of a layer; may be given often').argParser(many),
      new Option('--description <text>', 'what it is for'),
      new Option('--role <ARN>', 'role, which is kept and given back (default: one of this account)'),
      new Option('--network <what>', 'host (default), egress: by the egress rules, or none').choices([
        'host',
        'egress',
        'none',
      ]),
      new Option('--publish', 'publish a version of it'),
    ],
    deploy,
  );
  add('list', 'list the functions', [], list);
  add(
    'invoke <name>',
    'call a function and print its answer; exit code 1 when it failed',
    [
      new Option('--payload <JSON>', 'the event: JSON, file://<path>, or - for stdin (default: {})'),
      new Option('--client-context <JSON>', 'what the caller sends beside the event'),
      new Option('--qualifier <version>', 'a version or an alias'),
      new Option('--event', 'do not wait for the answer'),
      new Option('--log', 'show the end of its log too'),
    ],
    invoke,
  );
  add(
    'logs <name>',
    'show what a function wrote, as far as the server still has it',
    [new Option('--follow', 'go on until it is interrupted')],
    logs,
  );
  add(
    'delete <name>',
    'delete a function with its versions and aliases',
    [],
    async ({ client, argument }) => {
      await client.send({ method: 'DELETE', path: pathOf(argument), query: {} });
      process.stdout.write(`${argument} is deleted.\n`);
    },
  );
}

const pathOf = (name: string, more = ''): string => `${FUNCTIONS}/${encodeURIComponent(name)}${more}`;

async function deploy({ client, flags, config, argument }: Run): Promise<void> {
  const name = String(flags['name']);
  const files = filesOf(argument);
  const before = await known(client, name);
  const guess = guessHandler(files);
  const runtime = textOf(flags, 'runtime') ?? (before ? undefined : guess?.runtime);
  const handler = textOf(flags, 'handler') ?? (before ? undefined : guess?.handler);
  if (!before && (runtime === undefined || handler === undefined))
    throw new Error(
      `Nothing in ${argument} looks like a handler that is usual. Say what it is: --runtime <runtime> --handler <file>.<function>`,
    );
  const zip = await archiveOf(files);
  const configuration: Record<string, JsonValue | undefined> = {
    Runtime: runtime,
    Handler: handler,
    Timeout: numberOf(flags, 'timeout'),
    MemorySize: numberOf(flags, 'memory'),
    Environment: environmentOf(flags),
    Layers: flags['layer'] as readonly string[] | undefined,
    Description: textOf(flags, 'description'),
    Role: textOf(flags, 'role'),
  };
  const network = textOf(flags, 'network');
  const Tags = network === undefined ? undefined : { 'gatewright:network': network };
  const Publish = flags['publish'] === true;
  const ZipFile = zip.toString('base64');
  let made: JsonObject;
  if (before) {
    if (Object.values(configuration).some((value) => value !== undefined))
      await client.json(request('PUT', pathOf(name, '/configuration'), configuration));
    made = await client.json(request('PUT', pathOf(name, '/code'), { ZipFile, Publish }));
    if (Tags)
      await client.send(request('POST', `/2017-03-31/tags/${encodeURIComponent(tagged(before))}`, { Tags }));
  } else {
    const Role = `arn:aws:iam::${config.accountId}:role/gatewright-function`;
    made = await client.json(
      request('POST', FUNCTIONS, {
        Role,
        ...Object.fromEntries(Object.entries(configuration).filter(([, value]) => value !== undefined)),
        FunctionName: name,
        ...(Tags ? { Tags } : {}),
        Code: { ZipFile },
        Publish,
      }),
    );
  }
  process.stderr.write(
    `${before ? 'Changed' : 'Made'} ${name}: ${String(made['Runtime'])}, ${String(made['Handler'])}, ${files.length} files, ${zip.length} bytes packed.\n`,
  );
  process.stdout.write(`${String(made['FunctionArn'])}\n`);
}

const tagged = (configuration: JsonObject): string => String(configuration['FunctionArn']);

async function known(client: ServiceClient, name: string): Promise<JsonObject | undefined> {
  try {
    return await client.json({ method: 'GET', path: pathOf(name, '/configuration'), query: {} });
  } catch (thrown) {
    if (thrown instanceof ServiceFault && thrown.type === 'ResourceNotFoundException') return undefined;
    throw thrown;
  }
}

async function list({ client }: Run): Promise<void> {
  const lines: string[] = [];
  let marker: string | undefined;
  do {
    const page = await client.json({
      method: 'GET',
      path: FUNCTIONS,
      query: marker === undefined ? {} : { Marker: marker },
    });
    for (const each of Array.isArray(page['Functions']) ? (page['Functions'] as readonly JsonValue[]) : [])
      if (isJsonObject(each))
        lines.push(
          [each['FunctionName'], each['Runtime'], each['Handler'], each['LastModified'], each['FunctionArn']]
            .map(String)
            .join('\t'),
        );
    marker = typeof page['NextMarker'] === 'string' ? page['NextMarker'] : undefined;
  } while (marker !== undefined);
  process.stdout.write(
    lines.length === 0
      ? 'There are no functions yet: gatewright functions deploy <folder> --name <name>\n'
      : `${lines.join('\n')}\n`,
  );
}

async function invoke({ client, flags, argument }: Run): Promise<void> {
  const context = textOf(flags, 'clientContext');
  const qualifier = textOf(flags, 'qualifier');
  const { status, headers, body } = await client.send({
    method: 'POST',
    path: pathOf(argument, '/invocations'),
    query: qualifier === undefined ? {} : { Qualifier: qualifier },
    body: await payloadOf(textOf(flags, 'payload') ?? '{}'),
    headers: {
      'x-amz-invocation-type': flags['event'] === true ? 'Event' : 'RequestResponse',
      'x-amz-log-type': flags['log'] === true ? 'Tail' : 'None',
      ...(context === undefined ? {} : { 'x-amz-client-context': Buffer.from(context).toString('base64') }),
    },
  });
  const log = headers['x-amz-log-result'];
  if (log !== undefined) process.stderr.write(Buffer.from(log, 'base64').toString('utf8'));
  if (status === 202) process.stderr.write('Taken: it runs later.\n');
  else process.stdout.write(`${body}\n`);
  const failure = headers['x-amz-function-error'];
  if (failure === undefined) return;
  process.stderr.write(`The function failed (${failure}).\n`);
  process.exitCode = 1;
}

async function logs({ client, flags, argument }: Run): Promise<void> {
  let after = 0;
  for (;;) {
    const page = await client.json({
      method: 'GET',
      path: pathOf(argument, '/logs'),
      query: after === 0 ? {} : { After: String(after) },
    });
    for (const line of Array.isArray(page['Lines']) ? (page['Lines'] as readonly JsonValue[]) : [])
      if (isJsonObject(line))
        process.stdout.write(`${new Date(Number(line['time'])).toISOString()} ${String(line['text'])}\n`);
    after = Number(page['Next'] ?? after);
    if (flags['follow'] !== true) return;
    await new Promise((resolve) => setTimeout(resolve, FOLLOW_MS));
  }
}

function request(method: string, path: string, body: Readonly<Record<string, JsonValue | undefined>>) {
  return { method, path, query: {}, body: JSON.stringify(body) };
}

function textOf(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
}

function numberOf(flags: Flags, name: string): number | undefined {
  const text = textOf(flags, name);
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new Error(`--${name} ${text} must be a whole number`);
  return Number(text);
}

function environmentOf(flags: Flags): JsonObject | undefined {
  const pairs = flags['env'] as readonly string[] | undefined;
  if (!pairs) return undefined;
  const variables = pairs.map((pair): [string, string] => {
    const equals = pair.indexOf('=');
    if (equals < 1) throw new Error(`--env ${pair} must be of the form NAME=value`);
    return [pair.slice(0, equals), pair.slice(equals + 1)];
  });
  return { Variables: Object.fromEntries(variables) };
}

async function payloadOf(text: string): Promise<string> {
  if (text === '-') return readAll(process.stdin);
  if (!text.startsWith('file://')) return text;
  const path = text.slice('file://'.length);
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Error(
      `--payload ${text} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    );
  }
}

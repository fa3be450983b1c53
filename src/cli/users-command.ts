// `gatewright users`: who may sign in at the authorization server. Passwords come from the terminal, unseen, or from
// standard input; never from the command line, which every user of the machine can read.

import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { text as readAll } from 'node:stream/consumers';
import type { Command } from 'commander';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import { endpointOf } from './api-commands.ts';
import { callControlPlane, findCredentials } from './client.ts';
import { addSettingFlags, configOrFaults } from './settings-flags.ts';
import type { Environment } from './settings-flags.ts';

type Invoke = (operation: string, input: JsonObject) => Promise<JsonObject>;

/** Adds the commands. */
export function addUsersCommand(program: Command, env: Environment): void {
  const users = program
    .command('users')
    .description('Users of the authorization server (GATEWRIGHT_AUTHORIZATION_SERVER=local).');
  const add = (line: string, doc: string, run: (invoke: Invoke, name: string) => Promise<string>): void => {
    const command = users
      .command(line)
      .description(doc)
      .option('--endpoint-url <URL>', 'address of the control plane (default: http://<listen>)');
    addSettingFlags(command).action(async () => {
      const invoke = invokeWith(command.opts(), env);
      if (!invoke) return;
      try {
        process.stdout.write(`${await run(invoke, command.args[0] ?? '')}\n`);
      } catch (thrown) {
        process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
        process.exitCode = 1;
      }
    });
  };
  add('add <name>', 'add a user; the password is asked for, or read from stdin', async (invoke, userName) => {
    await invoke('CreateLocalUser', { userName, password: await readPassword() });
    return `${userName} can sign in now.`;
  });
  add('list', 'list the users', async (invoke) => {
    const lines: string[] = [];
    let nextToken: JsonObject[string];
    do {
      const page = await invoke('ListLocalUsers', nextToken === undefined ? {} : { nextToken });
      const found: readonly unknown[] = Array.isArray(page['users']) ? page['users'] : [];
      for (const user of found) if (isJsonObject(user)) lines.push(String(user['userName']));
      nextToken = page['nextToken'];
    } while (nextToken !== undefined);
    return lines.length === 0 ? 'There are no users yet: gatewright users add <name>' : lines.join('\n');
  });
  add('passwd <name>', 'give a user a new password, and end what was signed in', async (invoke, userName) => {
    await invoke('SetLocalUserPassword', { userName, password: await readPassword() });
    return `${userName} has a new password.`;
  });
  add('remove <name>', 'remove a user', async (invoke, userName) => {
    await invoke('DeleteLocalUser', { userName });
    return `${userName} can no longer sign in.`;
  });
}

function invokeWith(flags: Record<string, unknown>, env: Environment): Invoke | undefined {
  const outcome = configOrFaults(env, flags);
  if (!outcome) return undefined;
  const { config } = outcome;
  return async (operation, input) => {
    const { status, errorType, body } = await callControlPlane(
      { method: 'POST', path: `/identities/${operation}`, query: {}, body: JSON.stringify(input) },
      {
        endpoint: endpointOf(flags, env, config),
        region: config.region,
        credentials: findCredentials(env, config),
      },
    );
    const value: unknown = body === '' ? {} : JSON.parse(body);
    const answer = isJsonObject(value) ? value : {};
    if (status < 300) return answer;
    throw new Error(`${errorType ?? `HTTP ${status}`}: ${String(answer['message'] ?? body)}`);
  };
}

async function readPassword(): Promise<string> {
  if (!process.stdin.isTTY) return (await readAll(process.stdin)).replace(/\r?\n$/, '');
  const first = await ask('Password (at least 12 characters): ');
  if ((await ask('Once more: ')) !== first) throw new Error('The two are not the same. Nothing was changed.');
  return first;
}

/** A line from the terminal that is not shown while it is typed. */
async function ask(question: string): Promise<string> {
  process.stderr.write(question);
  const hidden = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: hidden, terminal: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      terminal.once('line', resolve);
      terminal.once('SIGINT', () => reject(new Error('Nothing was changed.')));
      terminal.once('close', () => reject(new Error('Nothing was changed.')));
    });
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
}

// The operator's file of stdio servers, in the form that MCP clients use: `{"mcpServers": {"<name>": {"command", …}}}`.
// All faults at once. What it gives is complete: the whole environment and folder that a program is started with.

import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';

/** One program that may be started as an MCP server. */
export interface StdioServerConfiguration {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** All that the program gets. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly maxProcesses: number;
  readonly maxMemoryBytes: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What a program needs of the gateway's environment to find programs, files and its language; nothing else is handed on. */
const INHERITED = ['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TMPDIR', 'TZ'];
const MEMBERS = ['command', 'args', 'env', 'cwd', 'type', 'maxProcesses', 'maxMemoryMb'];
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const MIB = 1024 * 1024;

/** @throws AggregateError with one error for each fault of the file */
export function readStdioServers(
  path: string,
  environment: Environment,
): readonly StdioServerConfiguration[] {
  const file = resolve(path);
  const faults: string[] = [];
  const fault = (place: string, message: string): void => void faults.push(`${place} ${message}`);
  const servers: StdioServerConfiguration[] = [];
  const document = parseFile(file);
  const entries = isJsonObject(document) ? document['mcpServers'] : undefined;
  if (!isJsonObject(entries)) fault('the file', 'must be {"mcpServers": {"<name>": {"command": "…"}}}');
  else
    for (const [name, entry] of Object.entries(entries)) {
      const at = (message: string, member?: string): void =>
        fault(member === undefined ? name : `${name}.${member}`, message);
      if (!NAME.test(name))
        at('is no name for a server: letters, digits, “.”, “_” and “-”, at most 64 characters');
      if (!isJsonObject(entry)) at('must be an object with a command');
      else servers.push(readServer(name, entry, { folder: dirname(file), environment, at }));
    }
  if (faults.length > 0) throw new AggregateError(faults.map((message) => new RangeError(message)));
  return servers;
}

function parseFile(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8').replace(/^\uFEFF/, '')) as unknown;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const what = cause instanceof SyntaxError ? 'the file is not JSON' : 'the file cannot be read';
    throw new RangeError(`${what}: ${why}`, { cause });
  }
}

interface Place {
  readonly folder: string;
  readonly environment: Environment;
  readonly at: (message: string, member?: string) => void;
}

function readServer(name: string, entry: JsonObject, place: Place): StdioServerConfiguration {
  const { folder, at } = place;
  const { command, args = [], env = {}, cwd, type } = entry;
  if (typeof entry['url'] === 'string')
    at('is not a program: give its URL as the endpoint of a target (or --mcp), no configuration is needed');
  else
    for (const member of Object.keys(entry)) if (!MEMBERS.includes(member)) at('is not known here', member);
  if (type !== undefined && type !== 'stdio') at('must be stdio', 'type');
  if (typeof command !== 'string' || command === '' || command.includes('\0'))
    at('must be the program to start', 'command');
  if (!isTexts(args)) at('must be a list of texts', 'args');
  const own = isJsonObject(env) ? ownEnvironment(env, place) : at('must be an object of texts', 'env');
  let workingFolder = folder;
  if (cwd !== undefined) {
    workingFolder = resolve(folder, String(cwd));
    if (typeof cwd !== 'string' || !isFolder(workingFolder)) at('must be a folder that is there', 'cwd');
  }
  return Object.freeze({
    name,
    command: String(command),
    args: isTexts(args) ? args : [],
    env: Object.freeze({ ...inherited(place.environment), ...own }),
    cwd: workingFolder,
    maxProcesses: whole(entry['maxProcesses'] ?? 16, 1, 1_000, (message) => at(message, 'maxProcesses')),
    maxMemoryBytes:
      MIB * whole(entry['maxMemoryMb'] ?? 512, 1, 1_048_576, (message) => at(message, 'maxMemoryMb')),
  });
}

/** The entry's own variables; `${NAME}` in a value is a variable of the gateway, so that secrets need not be in the file. */
function ownEnvironment(env: JsonObject, { environment, at }: Place): Record<string, string> {
  const own: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (typeof value !== 'string') {
      at('must be a text', `env.${name}`);
      continue;
    }
    own[name] = value.replaceAll(/\$\{([A-Za-z_]\w*)\}/g, (_whole, variable: string) => {
      const text = environment[variable];
      if (text === undefined) at(`names the variable ${variable}, which is not set`, `env.${name}`);
      return text ?? '';
    });
    if (/[=\0]/.test(name) || name === '' || own[name].includes('\0'))
      at('cannot be an environment variable', `env.${name}`);
  }
  return own;
}

function inherited(environment: Environment): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = environment[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

function whole(value: JsonValue, min: number, max: number, fault: (message: string) => void): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  fault(`must be a whole number from ${min} to ${max}`);
  return min;
}

function isTexts(value: JsonValue): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string' && !text.includes('\0'));
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

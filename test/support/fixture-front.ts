// What stands before the server package in the fixture MCP server, in raw JSON-RPC: the tasks extension, listening to
// tasks, mirrored parameter headers, and a result in words that no revision knows.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { isJsonObject } from '../../src/core/json.ts';
import type { JsonObject, JsonValue } from '../../src/core/json.ts';
import type { FixtureState } from './fixture-state.ts';
import { UNDECLARED } from './fixture-tasks.ts';
import type { Fault, FixtureTasks } from './fixture-tasks.ts';

const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const VERSION = 'io.modelcontextprotocol/protocolVersion';
const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';
const TASKS = 'io.modelcontextprotocol/tasks';

/** The result of the tool for things unknown: members and a block that must survive every relay. */
export const VENDOR_RESULT: JsonObject = {
  content: [
    { type: 'text', text: 'known', 'x-vendor-field': { kept: [1, 'two', null] } },
    { type: 'com.example/hologram', frames: [{ depth: 3 }], data: 'AAEC' },
  ],
  isError: false,
  'com.example/extra': { nested: { deep: true } },
  _meta: { 'com.example/trace': 'abc' },
};

/** A number that no double holds, in the same result. */
export const SERIAL = '12345678901234567890';

/** The value of a mirrored header; undefined when it is not well formed. */
function decodeHeader(value: string): string | undefined {
  const [, encoded] = /^=\?base64\?(.*)\?=$/.exec(value) ?? [];
  if (encoded === undefined) return value;
  const bytes = Buffer.from(encoded, 'base64');
  return bytes.toString('base64') === encoded ? bytes.toString('utf8') : undefined;
}

/** What is wrong with the headers that repeat the body. */
function headerFault(request: IncomingMessage, method: string, params: JsonObject): Fault | undefined {
  const wrong = (message: string): Fault => ({ code: -32020, message, status: 400 });
  const header = (name: string): string | undefined => {
    const value = request.headers[name];
    return typeof value === 'string' ? decodeHeader(value) : undefined;
  };
  if (header('mcp-method') !== method) return wrong('Mcp-Method does not repeat the method');
  const name = method === 'tools/call' ? params['name'] : params['taskId'];
  if (header('mcp-name') !== name) return wrong('Mcp-Name does not repeat the name');
  const region = (params['arguments'] as JsonObject | undefined)?.['region'];
  if (name === 'region_echo' && typeof region === 'string' && header('mcp-param-region') !== region)
    return wrong('Mcp-Param-Region does not repeat the argument');
  return undefined;
}

export class FixtureFront {
  readonly #state: FixtureState;
  readonly #tasks: FixtureTasks;
  readonly #listeners = new Set<(task: JsonObject) => void>();

  constructor(state: FixtureState, tasks: FixtureTasks) {
    this.#state = state;
    this.#tasks = tasks;
  }

  tellOfTask(task: JsonObject): void {
    for (const listener of this.#listeners) listener(task);
  }

  /** True when the request was answered here. */
  answer(
    request: IncomingMessage,
    response: ServerResponse,
    body: JsonObject | undefined,
    isModern: boolean,
  ): boolean {
    const method = body?.['method'];
    const id = body?.['id'];
    if (typeof method !== 'string' || id === undefined) return false;
    const params = isJsonObject(body?.['params']) ? body['params'] : {};
    const send = (status: number, rest: JsonObject): true => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id, ...rest }));
      return true;
    };
    const refuse = ({ status, code, message, data }: Fault): true =>
      send(status, { error: { code, message, ...(data === undefined ? {} : { data }) } });

    // As text, for JSON.stringify would round the number.
    const withSerial = (result: JsonObject): string =>
      JSON.stringify({ jsonrpc: '2.0', id, result }).replace(
        '"isError":',
        `"com.example/serial":${SERIAL},"isError":`,
      );
    const isVendor = this.#state.options.vendor === true && params['name'] === 'vendor_blocks';
    if (method === 'tools/call' && isVendor) {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(withSerial({ ...(isModern ? { resultType: 'complete' } : {}), ...VENDOR_RESULT }));
      return true;
    }
    if (!isModern) return false;

    const meta = params['_meta'];
    if (!isJsonObject(meta) || typeof meta[VERSION] !== 'string' || !isJsonObject(meta[CAPABILITIES]))
      return false;
    const extensions = meta[CAPABILITIES]['extensions'];
    const hasTasks = isJsonObject(extensions) && TASKS in extensions;
    if (method === 'subscriptions/listen') return this.#listen(response, id, params, hasTasks);
    const isTasks = ['tasks/get', 'tasks/update', 'tasks/cancel'].includes(method);
    if (!isTasks && method !== 'tools/call') return false;
    const wrong = headerFault(request, method, params);
    if (wrong) return refuse(wrong);
    if (isTasks && !hasTasks) return refuse(UNDECLARED);
    const outcome = isTasks
      ? this.#tasks.handle(method, params)
      : hasTasks
        ? this.#tasks.call(String(params['name']), params)
        : undefined;
    if (!outcome) return false;
    return 'fault' in outcome ? refuse(outcome.fault) : send(200, { result: outcome.result });
  }

  /** Follows tasks by their ids; every other wish is the server package's. */
  #listen(response: ServerResponse, id: JsonValue, params: JsonObject, hasTasks: boolean): boolean {
    const wish = params['notifications'];
    const ids = isJsonObject(wish) ? wish['taskIds'] : undefined;
    if (!Array.isArray(ids) || !hasTasks) return false;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const send = (method: string, rest: JsonObject): void =>
      void response.write(
        `data: ${JSON.stringify({ jsonrpc: '2.0', method, params: { ...rest, _meta: { [SUBSCRIPTION]: id } } })}\n\n`,
      );
    send('notifications/subscriptions/acknowledged', { notifications: { taskIds: ids } });
    const listener = (task: JsonObject): void => {
      if (ids.includes(task['taskId'] ?? null)) send('notifications/tasks', task);
    };
    this.#listeners.add(listener);
    response.on('close', () => this.#listeners.delete(listener));
    return true;
  }
}

// Requests as MCP 2026-07-28 has them: each describes itself, in `_meta` and in headers that say the same. Knows
// nothing of sessions; which era a server is of is decided elsewhere (era.ts).

import type { CallContext } from '../../core/call.ts';
import { GatewayError } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import {
  META_CAPABILITIES,
  META_CLIENT_INFO,
  META_LOG_LEVEL,
  META_VERSION,
  RelayedError,
  TASKS_EXTENSION,
} from '../../core/relay.ts';
import { SERVER_INFO } from '../../core/server-info.ts';
import { readAnswer, readError } from './answer.ts';
import { withToken } from './canonical.ts';
import { createClientSide } from './client-side.ts';
import { encodeHeaderValue } from './header-value.ts';
import type { Outgoing } from './message.ts';
import type { Transport } from './transport.ts';

/** The revisions of the modern era that this client speaks, newest first. */
export const MODERN_VERSIONS: readonly string[] = Object.freeze(['2026-07-28']);
const MODERN_VERSION = '2026-07-28';

/** Which parameter the `Mcp-Name` header repeats. */
const NAMED_BY: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);

/** How a request ended: with a result, or with a status and perhaps an error of the protocol. */
export interface Outcome {
  readonly status: number;
  readonly result?: JsonObject;
  readonly error?: RelayedError;
}

export interface ModernRequest {
  readonly method: string;
  readonly params: JsonObject;
  readonly call: CallContext;
  /** `Mcp-Param-*`, in lower case. */
  readonly paramHeaders?: Readonly<Record<string, string>>;
  readonly onChange: (method: string, params: JsonObject) => void;
}

/** Sends one request and waits for its end. @throws GatewayError when there was none */
export async function sendModern(transport: Transport, request: ModernRequest): Promise<Outcome> {
  const { call, onChange } = request;
  const id = transport.nextId();
  const { message, headers } = describe(id, request);
  const side = createClientSide({ call, id, wantsProgress: wantsProgress(request.params), onChange });
  const reply = await transport.send(message, { ctx: call, headers });
  const { status } = reply;
  if (status >= 400) return withError(status, await readError(reply));
  try {
    return { status, result: await readAnswer(reply, { id, label: transport.label, side }) };
  } catch (thrown) {
    if (thrown instanceof RelayedError) return { status, error: thrown };
    throw thrown;
  }
}

/** The outcome of a refused request. */
export function withError(status: number, error: RelayedError | undefined): Outcome {
  return error === undefined ? { status } : { status, error };
}

/** Whether the client has asked for progress. */
export function wantsProgress(params: JsonObject): boolean {
  return isJsonObject(params['_meta']) && params['_meta']['progressToken'] !== undefined;
}

/** A request with its envelope and the headers that repeat it. */
export function describe(
  id: string,
  { method, params, call, paramHeaders = {} }: Omit<ModernRequest, 'onChange'>,
): { readonly message: Outgoing; readonly headers: Readonly<Record<string, string>> } {
  const { client } = call;
  const meta = isJsonObject(params['_meta']) ? params['_meta'] : {};
  const named = NAMED_BY.get(method);
  const name = named === undefined ? undefined : params[named];
  return {
    message: {
      id,
      method,
      params: {
        ...params,
        _meta: {
          ...withToken(meta, wantsProgress(params) ? id : undefined),
          [META_VERSION]: MODERN_VERSION,
          [META_CLIENT_INFO]: SERVER_INFO,
          [META_CAPABILITIES]: client?.capabilities ?? {},
          ...(client?.logLevel === undefined ? {} : { [META_LOG_LEVEL]: client.logLevel }),
        },
      },
    },
    headers: {
      ...paramHeaders,
      'mcp-protocol-version': MODERN_VERSION,
      'mcp-method': method,
      ...(typeof name === 'string' ? { 'mcp-name': encodeHeaderValue(name) } : {}),
    },
  };
}

/**
 * A result, if it is of a kind that this client may hand on. Servers that leave `resultType` out mean `complete`.
 * @throws GatewayError UpstreamInvalid
 */
export function checkResult(result: JsonObject, { client }: CallContext, label: string): JsonObject {
  const type = result['resultType'];
  switch (type) {
    case undefined:
      return { ...result, resultType: 'complete' };
    case 'complete':
    case 'input_required':
      return result;
    default: {
      const extensions = client?.capabilities['extensions'];
      if (type === 'task' && isJsonObject(extensions) && extensions[TASKS_EXTENSION] !== undefined)
        return result;
      throw new GatewayError('UpstreamInvalid', `${label} gave a result of a kind that nobody asked for.`);
    }
  }
}

// Invoke and InvokeAsync: a function called now, or later.

import { GatewayError } from '../../core/errors.ts';
import { MAX_FUNCTION_PAYLOAD } from '../../core/functions.ts';
import { isJsonObject } from '../../core/json.ts';
import { FUNCTION_LIMITS } from '../../functions/function-host.ts';
import type { FunctionCall } from '../../functions/function-host.ts';
import type { FunctionContext, FunctionHandler } from './context.ts';
import { namedIn } from './load.ts';

/** AWS's limit of a client context (bytes of its base64). */
const MAX_CLIENT_CONTEXT = 3583;
const EMPTY = Buffer.from('{}');

/** Handles Invoke. */
export const invoke: FunctionHandler = async (input, ctx) => {
  const { headers, host } = ctx;
  const type = headers['x-amz-invocation-type'] ?? 'RequestResponse';
  const logType = headers['x-amz-log-type'] ?? 'None';
  if (!['RequestResponse', 'Event', 'DryRun'].includes(type))
    throw notOf('invocationType', type, '[RequestResponse, Event, DryRun]');
  if (!['None', 'Tail'].includes(logType)) throw notOf('logType', logType, '[None, Tail]');
  const { name, qualifier } = namedIn(input, ctx);
  await host.check(name, qualifier);
  if (type === 'DryRun') return { status: 204 };
  const call = {
    ...callOf(
      name,
      qualifier,
      type === 'Event' ? FUNCTION_LIMITS.eventBytes : MAX_FUNCTION_PAYLOAD,
      type,
      ctx,
    ),
    wantsLog: logType === 'Tail',
  };
  if (type === 'Event') {
    host.enqueue(call);
    return { status: 202, payload: new Uint8Array() };
  }
  const { payload, functionError, executedVersion, log } = await host.call(call);
  return {
    status: 200,
    payload,
    headers: {
      'x-amz-executed-version': executedVersion,
      'x-amzn-remapped-content-length': '0',
      ...(functionError === undefined ? {} : { 'x-amz-function-error': functionError }),
      ...(log === undefined ? {} : { 'x-amz-log-result': Buffer.from(log).toString('base64') }),
    },
  };
};

/** Handles InvokeAsync. */
export const invokeAsync: FunctionHandler = async (input, ctx) => {
  const { name, qualifier } = namedIn(input, ctx);
  await ctx.host.check(name, qualifier);
  ctx.host.enqueue(callOf(name, qualifier, FUNCTION_LIMITS.eventBytes, 'Event', ctx));
  return { status: 202 };
};

/** @throws GatewayError TooLarge, Malformed, Validation */
function callOf(
  name: string,
  qualifier: string | undefined,
  maxBytes: number,
  type: string,
  { payload, requestId, headers }: FunctionContext,
): FunctionCall {
  if (payload.byteLength > maxBytes)
    throw new GatewayError(
      'TooLarge',
      `${payload.byteLength} byte payload is too large for the ${type} invocation type (limit ${maxBytes} bytes)`,
    );
  const trace = headers['x-amzn-trace-id'];
  const context = headers['x-amz-client-context'];
  return {
    name,
    ...(qualifier === undefined ? {} : { qualifier }),
    payload: payload.byteLength === 0 ? EMPTY : jsonOf(payload),
    requestId,
    ...(trace === undefined ? {} : { traceHeader: trace.slice(0, 500) }),
    ...(context === undefined ? {} : { clientContext: clientContextOf(context) }),
  };
}

function jsonOf(payload: Uint8Array): Uint8Array {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
    return payload;
  } catch (thrown) {
    const why = thrown instanceof SyntaxError ? 'it is no JSON text' : 'it is no UTF-8 text';
    throw new GatewayError('Malformed', `Could not parse request body into json: ${why}.`, { cause: thrown });
  }
}

function clientContextOf(base64: string): string {
  if (base64.length > MAX_CLIENT_CONTEXT)
    throw new GatewayError('Malformed', `Client context must have ${MAX_CLIENT_CONTEXT} bytes at most.`);
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(base64, 'base64'));
    if (isJsonObject(JSON.parse(text) as unknown)) return text;
  } catch {
    // The same answer as to JSON that is no object.
  }
  throw new GatewayError('Malformed', 'Client context must be a valid Base64-encoded JSON object.');
}

function notOf(name: string, value: string, values: string): GatewayError {
  return new GatewayError(
    'Validation',
    `1 validation error detected: Value '${value.slice(0, 100)}' at '${name}' failed to satisfy constraint: Member must satisfy enum value set: ${values}`,
  );
}

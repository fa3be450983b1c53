// `tools/call`: find the tool, check the arguments, call the target, render what came back.

import { GatewayError } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { ToolResult } from '../../core/tool.ts';
import type { GatewaySnapshot } from '../../snapshot/snapshot.ts';
import type { SchemaFault } from '../../lib/json-schema/compile.ts';
import { INVALID_PARAMS, ProtocolError } from '../error-response.ts';
import { finishResult } from '../render.ts';
import type { Method, MethodContext } from './method.ts';

/** From this revision on, bad arguments are a result the model can read and mend, not a protocol error. */
const FAULTS_AS_RESULTS_FROM = '2025-11-25';
const FAULTS_SHOWN = 8;

export const toolsCall: Method = async (ctx) => {
  const { snapshot, request } = ctx;
  const name = request.params['name'];
  if (typeof name !== 'string') throw new ProtocolError(400, INVALID_PARAMS, 'params.name must be a string');
  const args = request.params['arguments'] ?? {};
  if (!isJsonObject(args)) throw new ProtocolError(400, INVALID_PARAMS, 'params.arguments must be an object');
  const tool = snapshot.tools.get(name);
  if (!tool)
    throw new ProtocolError(
      ctx.isModern ? 200 : 404,
      INVALID_PARAMS,
      `Unknown tool: ${name.slice(0, 256)}${suggestion(name, snapshot)}`,
    );
  ctx.note({ tool: tool.name, targetId: tool.targetId });
  const { invocable } = tool;
  if (!invocable) throw new GatewayError('Internal', 'relay comes next');

  const faults = tool.validate(args);
  if (faults.length > 0) return invalidArguments(ctx, describe(faults));
  const result = await callOrExplain(ctx, () => invocable.call(args, ctx.call));
  if (typeof result === 'string') return result;
  ctx.note({ isError: result.isError });
  return renderResult(result, ctx.isModern);
};

/** Arguments can also prove impossible while the request is built (a path value of `..`): the same kind of fault. */
async function callOrExplain(
  ctx: MethodContext,
  call: () => Promise<ToolResult>,
): Promise<ToolResult | string> {
  try {
    return await call();
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === 'Validation')
      return invalidArguments(ctx, thrown.message);
    throw thrown;
  }
}

function invalidArguments(ctx: MethodContext, message: string): string {
  if (ctx.version < FAULTS_AS_RESULTS_FROM) throw new GatewayError('Validation', message);
  ctx.note({ isError: true });
  return renderResult({ content: [{ type: 'text', text: message }], isError: true }, ctx.isModern);
}

function describe(faults: readonly SchemaFault[]): string {
  const lines = faults
    .slice(0, FAULTS_SHOWN)
    .map(({ path, message }) => `${path === '' ? 'arguments' : path}: ${message}`);
  return `The arguments do not fit the tool’s input schema: ${lines.join('; ')}`;
}

function renderResult(result: ToolResult, isModern: boolean): string {
  const members = {
    content: result.content,
    ...(result.structuredContent === undefined ? {} : { structuredContent: result.structuredContent }),
    isError: result.isError,
    ...(result._meta === undefined ? {} : { _meta: result._meta }),
  };
  return finishResult(members, isModern);
}

/** Callers often leave out the target's name: the full name, where only one tool can be meant. */
function suggestion(name: string, snapshot: GatewaySnapshot): string {
  const meant = [...snapshot.tools.keys()].filter((known) => known.endsWith(`___${name}`));
  return meant.length === 1 ? ` (did you mean ${meant[0]}?)` : '';
}

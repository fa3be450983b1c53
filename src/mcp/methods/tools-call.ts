// `tools/call`: find the tool, check the arguments, call the target, render what came back.

import { GatewayError, reasonOf, toGatewayError } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import { renderNoAnswer } from '../../core/no-answer.ts';
import { SEARCH_TOOL_NAME } from '../../core/tool.ts';
import type { ToolResult } from '../../core/tool.ts';
import type { SnapshotTool } from '../../snapshot/snapshot.ts';
import type { SchemaFault } from '../../lib/json-schema/compile.ts';
import type { InvocableTool } from '../../targets/target-type.ts';
import { askForConsent } from '../consent.ts';
import { INVALID_PARAMS, ProtocolError } from '../error-response.ts';
import { findDynamic, findForApp } from '../find.ts';
import { checkParamHeaders, checkShownHeaders } from '../param-headers.ts';
import { relay } from '../relay.ts';
import type { RelayTarget } from '../relay.ts';
import { finishRelayed, finishResult } from '../render.ts';
import { callSearch } from '../search-tool.ts';
import type { Method, MethodContext } from './method.ts';

/** From this revision on, bad arguments are a result the model can read and mend, not a protocol error. */
const FAULTS_AS_RESULTS_FROM = '2025-11-25';
const FAULTS_SHOWN = 8;

export const toolsCall: Method = (ctx) => {
  const { snapshot, request } = ctx;
  const name = request.params['name'];
  if (typeof name !== 'string') throw new ProtocolError(400, INVALID_PARAMS, 'params.name must be a string');
  const args = request.params['arguments'] ?? {};
  if (!isJsonObject(args)) throw new ProtocolError(400, INVALID_PARAMS, 'params.arguments must be an object');
  if (name === SEARCH_TOOL_NAME && snapshot.hasSearch) return search(ctx, args);
  const tool = snapshot.tools.get(name) ?? findForApp(snapshot, name);
  if (!tool || ctx.mayList?.(tool.name) === false) return callDynamic(ctx, name, args);
  ctx.note({ tool: tool.name, targetId: tool.targetId });
  if (ctx.isModern) checkParamHeaders(tool, args, ctx.headers);

  const faults = tool.validate(args);
  if (faults.length > 0) return invalidArguments(ctx, describe(faults));
  const { invocable } = tool;
  return invocable ? callPlain(ctx, invocable, args) : callServer(ctx, serverOf(tool), tool.ownName, args);
};

async function search(ctx: MethodContext, args: JsonObject): Promise<string> {
  try {
    return await callSearch(ctx, args);
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === 'Validation')
      return invalidArguments(ctx, thrown.message);
    throw thrown;
  }
}

async function callPlain(ctx: MethodContext, invocable: InvocableTool, args: JsonObject): Promise<string> {
  const begun = ctx.clock.monotonic();
  let result: ToolResult;
  try {
    result = await invocable.call(args, ctx.call);
  } catch (thrown) {
    ctx.note({ targetMs: ctx.clock.monotonic() - begun });
    return explain(ctx, thrown);
  }
  ctx.note({ targetMs: ctx.clock.monotonic() - begun, isError: result.isError });
  return renderResult(result, ctx.isModern);
}

/** A tool of a target whose lists are not kept: what its arguments must be, only the server knows. */
function callDynamic(ctx: MethodContext, name: string, args: JsonObject): Promise<string> {
  const found = ctx.mayList?.(name) === false ? undefined : findDynamic(ctx.snapshot, name);
  if (!found)
    throw new ProtocolError(
      ctx.isModern ? 200 : 404,
      INVALID_PARAMS,
      `Unknown tool: ${name.slice(0, 256)}${suggestion(name, ctx)}`,
    );
  ctx.note({ tool: name.slice(0, 256), targetId: found.target.targetId });
  if (ctx.isModern && found.text !== undefined) checkShownHeaders(found.text, args, ctx.headers);
  return callServer(ctx, found.target, found.ownName, args);
}

function serverOf({ server, targetId, plan }: SnapshotTool): RelayTarget {
  if (!server) throw new GatewayError('Internal', 'A tool has nobody to take its calls.');
  return { targetId, server, ...(plan === undefined ? {} : { plan }) };
}

/** What goes wrong on the way to a server is a result that the model can read, as with every other target. */
async function callServer(
  ctx: MethodContext,
  target: RelayTarget,
  name: string,
  args: JsonObject,
): Promise<string> {
  const begun = ctx.clock.monotonic();
  try {
    const result = await relay(ctx, target, 'tools/call', { name, arguments: args });
    ctx.note({ isError: result['isError'] === true, targetMs: ctx.clock.monotonic() - begun });
    return finishRelayed(result, ctx.isModern);
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    if (thrown.code === 'ConsentRequired') return consentResult(ctx, thrown);
    const failure = renderNoAnswer(toGatewayError(thrown), ctx.snapshot.exceptionLevel, 'The MCP server');
    if (!failure) throw thrown;
    ctx.call.log.warn(
      { targetId: target.targetId, code: thrown.code, detail: reasonOf(thrown) },
      'a call got no answer',
    );
    ctx.note({ isError: true });
    return renderResult(failure, ctx.isModern);
  }
}

/** Arguments can also prove impossible while the request is built (a path value of `..`): the same kind of fault. */
function explain(ctx: MethodContext, thrown: unknown): string {
  if (thrown instanceof GatewayError && thrown.code === 'Validation')
    return invalidArguments(ctx, thrown.message);
  if (thrown instanceof GatewayError && thrown.code === 'ConsentRequired') return consentResult(ctx, thrown);
  throw thrown;
}

function consentResult(ctx: MethodContext, fault: GatewayError): string {
  ctx.note({ isError: true });
  return finishRelayed(askForConsent(ctx, fault), ctx.isModern);
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
function suggestion(name: string, { snapshot, mayList }: MethodContext): string {
  const meant = [...snapshot.tools.keys()].filter(
    (known) => known.endsWith(`___${name}`) && mayList?.(known) !== false,
  );
  return meant.length === 1 ? ` (did you mean ${meant[0]}?)` : '';
}

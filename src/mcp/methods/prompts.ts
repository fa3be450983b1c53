// `prompts/get`, and `completion/complete` for the arguments of prompts and resource templates: both go through to the
// server that has them.

import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import { INVALID_PARAMS, ProtocolError } from '../error-response.ts';
import { findPrompt } from '../find.ts';
import type { Found } from '../find.ts';
import { relay } from '../relay.ts';
import type { RelayTarget } from '../relay.ts';
import { finishRelayed } from '../render.ts';
import { candidatesFor, templateOwner } from '../resource-owners.ts';
import type { Method, MethodContext } from './method.ts';

export const promptsGet: Method = async (ctx) => {
  const { name, arguments: args } = ctx.request.params;
  const { target, ownName } = promptNamed(ctx, name);
  ctx.note({ targetId: target.targetId });
  const params = { name: ownName, ...(args === undefined ? {} : { arguments: args }) };
  return finishRelayed(await relay(ctx, target, 'prompts/get', params), ctx.isModern);
};

export const complete: Method = async (ctx) => {
  const { ref, argument, context } = ctx.request.params;
  const { target, ref: own } = referenced(ctx, isJsonObject(ref) ? ref : {});
  ctx.note({ targetId: target.targetId });
  const params = {
    ref: own,
    ...(argument === undefined ? {} : { argument }),
    ...(context === undefined ? {} : { context }),
  };
  return finishRelayed(await relay(ctx, target, 'completion/complete', params), ctx.isModern);
};

function promptNamed(ctx: MethodContext, name: unknown): Found {
  const found = typeof name === 'string' ? findPrompt(ctx.snapshot, name) : undefined;
  if (found) return found;
  throw invalid(
    `Unknown prompt: ${typeof name === 'string' ? name.slice(0, 256) : '(params.name must be a string)'}`,
  );
}

function referenced(
  ctx: MethodContext,
  ref: JsonObject,
): { readonly target: RelayTarget; readonly ref: JsonObject } {
  if (ref['type'] === 'ref/prompt') {
    const { target, ownName } = promptNamed(ctx, ref['name']);
    return { target, ref: { ...ref, name: ownName } };
  }
  const { uri } = ref;
  if (ref['type'] !== 'ref/resource' || typeof uri !== 'string')
    throw invalid('params.ref must name a prompt (ref/prompt) or a resource template (ref/resource)');
  const target = templateOwner(ctx.snapshot, uri) ?? candidatesFor(ctx.snapshot, uri)[0];
  if (!target) throw invalid(`Unknown resource template: ${uri.slice(0, 256)}`);
  return { target, ref };
}

function invalid(message: string): ProtocolError {
  return new ProtocolError(200, INVALID_PARAMS, message);
}

// Tags of functions.

import { GatewayError } from '../../core/errors.ts';
import { parseFunctionReference } from '../../core/function-name.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Tags } from '../../core/resources.ts';
import { SETTINGS, SETTING_PREFIX } from '../../core/settings.ts';
import type { FunctionContext, FunctionHandler } from './context.ts';
import { loadFunction } from './load.ts';

const MAX_TAGS = 50;

/** Handles TagResource. */
export const tagResource: FunctionHandler = async (input, ctx) => {
  const given = input['Tags'] as Tags;
  await changeTags(input, ctx, (tags) => ({ ...tags, ...given }));
  return { status: 204 };
};

/** Handles UntagResource. */
export const untagResource: FunctionHandler = async (input, ctx) => {
  const gone = new Set(input['tagKeys'] as readonly string[]);
  await changeTags(input, ctx, (tags) =>
    Object.fromEntries(Object.entries(tags).filter(([key]) => !gone.has(key))),
  );
  return { status: 204 };
};

/** Handles ListTags. */
export const listTags: FunctionHandler = async (input, ctx) => {
  const row = await loadFunction(ctx.store, nameIn(input, ctx), ctx);
  return { output: { Tags: row.document.tags } };
};

/** @throws GatewayError Validation when there are too many, or a key is AWS's own */
export function checkTags(tags: Tags): Tags {
  if (Object.keys(tags).length > MAX_TAGS)
    throw new GatewayError('Validation', `A function can have ${MAX_TAGS} tags at most.`);
  const reserved = Object.keys(tags).find((key) => /^aws:/i.test(key));
  if (reserved !== undefined)
    throw new GatewayError('Validation', `Tags: ${reserved}: keys beginning with aws: are reserved.`);
  for (const [key, value] of Object.entries(tags)) {
    if (!key.startsWith(SETTING_PREFIX)) continue;
    const setting = SETTINGS.find((candidate) => candidate.on === 'function' && candidate.key === key);
    const fault = setting ? setting.check(value) : 'is not a setting of a function';
    if (fault !== undefined) throw new GatewayError('Validation', `Tags: ${key} ${fault}.`);
  }
  return tags;
}

async function changeTags(
  input: JsonObject,
  ctx: FunctionContext,
  change: (tags: Tags) => Tags,
): Promise<void> {
  await ctx.store.transaction(async (tx) => {
    const row = await loadFunction(tx, nameIn(input, ctx), ctx);
    await tx.replace('function', row, { ...row.document, tags: checkTags(change(row.document.tags)) });
  });
  await ctx.host.refresh();
}

/** @throws GatewayError NotFound, Validation for what can have no tags */
function nameIn(input: JsonObject, ctx: FunctionContext): string {
  const arn = String(input['Resource']);
  const reference = arn.startsWith('arn:') ? parseFunctionReference(arn, ctx.scope) : undefined;
  if (!reference) throw new GatewayError('NotFound', `The resource you requested does not exist: ${arn}`);
  if (reference.qualifier !== undefined)
    throw new GatewayError(
      'Validation',
      'Tags on function aliases and versions are not supported. Please specify a function ARN.',
    );
  return reference.name;
}

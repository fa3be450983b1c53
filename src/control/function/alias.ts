// Aliases: names for versions of a function, which callers can keep while the version changes.

import { GatewayError } from '../../core/errors.ts';
import { functionArn } from '../../core/function-name.ts';
import { newId } from '../../core/ids.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import type { FunctionAliasDocument } from '../../core/resources.ts';
import type { Row, StoreReader } from '../../stores/store.ts';
import { everyRow, present } from '../context.ts';
import { checkRevision } from './configuration.ts';
import type { FunctionContext, FunctionHandler } from './context.ts';
import { loadFunction, namedIn, unqualified } from './load.ts';
import { pageOf } from './paging.ts';

/** Handles CreateAlias. */
export const createAlias: FunctionHandler = async (input, ctx) => {
  const name = unqualified(namedIn(input, ctx));
  const alias = input['Name'] as string;
  const row = await ctx.store.transaction(async (tx) => {
    const owner = await loadFunction(tx, name, ctx);
    if (await tx.find('function-alias', owner.id, alias))
      throw new GatewayError('Conflict', `Alias already exists: ${functionArn(ctx.scope, name, alias)}`);
    const document = await documentOf(input, undefined, tx, owner, ctx);
    return tx.create('function-alias', { id: newId(), parentId: owner.id, name: alias, document });
  });
  await ctx.host.refresh();
  return { output: render(name, row, ctx) };
};

/** Handles GetAlias. */
export const getAlias: FunctionHandler = async (input, ctx) => {
  const name = unqualified(namedIn(input, ctx));
  const owner = await loadFunction(ctx.store, name, ctx);
  return { output: render(name, await load(ctx.store, owner, input, ctx), ctx) };
};

/** Handles ListAliases. */
export const listAliases: FunctionHandler = async (input, ctx) => {
  const name = unqualified(namedIn(input, ctx));
  const owner = await loadFunction(ctx.store, name, ctx);
  const version = input['FunctionVersion'];
  const rows: Row<'function-alias'>[] = [];
  for await (const row of everyRow(ctx.store, 'function-alias', owner.id))
    if (version === undefined || row.document.FunctionVersion === version) rows.push(row);
  rows.sort((a, b) => (a.name < b.name ? -1 : 1));
  const { items, ...rest } = pageOf(rows, (row) => row.name, input);
  return { output: { ...rest, Aliases: items.map((row) => render(name, row, ctx)) } };
};

/** Handles UpdateAlias: what is left out stays. */
export const updateAlias: FunctionHandler = async (input, ctx) => {
  const name = unqualified(namedIn(input, ctx));
  const row = await ctx.store.transaction(async (tx) => {
    const owner = await loadFunction(tx, name, ctx);
    const before = await load(tx, owner, input, ctx);
    checkRevision(input['RevisionId'], before.document.RevisionId);
    return tx.replace('function-alias', before, await documentOf(input, before.document, tx, owner, ctx));
  });
  await ctx.host.refresh();
  return { output: render(name, row, ctx) };
};

/** Handles DeleteAlias; one that is gone already is no error, as at AWS. */
export const deleteAlias: FunctionHandler = async (input, ctx) => {
  const name = unqualified(namedIn(input, ctx));
  await ctx.store.transaction(async (tx) => {
    const owner = await loadFunction(tx, name, ctx);
    const row = await tx.find('function-alias', owner.id, input['Name'] as string);
    if (row) await tx.remove('function-alias', row.id);
  });
  await ctx.host.refresh();
  return { status: 204 };
};

async function load(
  reader: StoreReader,
  owner: Row<'function'>,
  input: JsonObject,
  ctx: FunctionContext,
): Promise<Row<'function-alias'>> {
  const alias = input['Name'] as string;
  const row = await reader.find('function-alias', owner.id, alias);
  if (!row)
    throw new GatewayError('NotFound', `Cannot find alias arn: ${functionArn(ctx.scope, owner.name, alias)}`);
  return row;
}

async function documentOf(
  input: JsonObject,
  before: FunctionAliasDocument | undefined,
  reader: StoreReader,
  owner: Row<'function'>,
  ctx: FunctionContext,
): Promise<FunctionAliasDocument> {
  const version = (input['FunctionVersion'] as string | undefined) ?? before?.FunctionVersion ?? '$LATEST';
  const routing = input['RoutingConfig'];
  const weights = routing === undefined ? before?.weights : weightsOf(routing);
  const shared = Object.keys(weights ?? {});
  for (const each of [version, ...shared])
    if (each !== '$LATEST' && !(await reader.find('function-version', owner.id, each)))
      throw new GatewayError('NotFound', `Function not found: ${functionArn(ctx.scope, owner.name, each)}`);
  if (shared.includes(version))
    throw new GatewayError(
      'Validation',
      `Invalid function version ${version}. Function version ${version} is already included in routing configuration.`,
    );
  if (shared.length > 0 && [version, ...shared].includes('$LATEST'))
    throw new GatewayError(
      'Validation',
      '$LATEST is not supported for an alias pointing to more than 1 version',
    );
  return present({
    FunctionVersion: version,
    Description: (input['Description'] as string | undefined) ?? before?.Description,
    weights,
    RevisionId: newId(),
  });
}

/** An empty mapping takes the sharing away. */
function weightsOf(routing: JsonObject[string]): Readonly<Record<string, number>> | undefined {
  const weights = isJsonObject(routing) ? routing['AdditionalVersionWeights'] : undefined;
  const entries = Object.entries(isJsonObject(weights) ? weights : {});
  if (entries.length > 1)
    throw new GatewayError(
      'Validation',
      'Number of items in AdditionalVersionWeights cannot be greater than 1',
    );
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as Record<string, number>);
}

function render(
  name: string,
  { name: alias, document }: Row<'function-alias'>,
  ctx: FunctionContext,
): JsonObject {
  return present({
    AliasArn: functionArn(ctx.scope, name, alias),
    Name: alias,
    FunctionVersion: document.FunctionVersion,
    Description: document.Description ?? '',
    RoutingConfig: document.weights && { AdditionalVersionWeights: document.weights },
    RevisionId: document.RevisionId,
  });
}

// Functions: made of an archive, shown, listed, changed, deleted.

import { GatewayError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import type { FunctionConfigurationDocument, Tags } from '../../core/resources.ts';
import type { Row, StoreTransaction } from '../../stores/store.ts';
import { everyRow } from '../context.ts';
import { maySeeSecrets } from './access.ts';
import { checkUnzippedSize, codeMembersOf, codeOf, readCodeInput, storeCode, sweepCode } from './code.ts';
import { codeLocation } from './code-location.ts';
import { checkRevision, readConfiguration, renderConfiguration, stamp } from './configuration.ts';
import type { FunctionContext, FunctionHandler } from './context.ts';
import { loadFunction, loadVersion, namedIn, unqualified } from './load.ts';
import { pageOf } from './paging.ts';
import { checkTags } from './tag.ts';
import { publish, versionsOf } from './version.ts';

/** Handles CreateFunction. */
export const createFunction: FunctionHandler = async (input, ctx) => {
  const name = unqualified(namedIn(input, ctx));
  requireOn(ctx);
  // Before the archive is looked at: that costs more.
  if (await ctx.store.find('function', '', name)) throw exists(name);
  const code = await readCodeInput(codeMembersOf(input), ctx);
  const id = newId();
  const size = { codeId: code.codeId, CodeSize: code.bytes.byteLength };
  const made = await ctx.store.transaction(async (tx) => {
    if (await tx.find('function', '', name)) throw exists(name);
    const configuration = await readConfiguration(input, undefined, size, id, tx, ctx);
    await checkUnzippedSize(tx, code, configuration.layers);
    await storeCode(tx, code);
    const row = await tx.create('function', {
      id,
      name,
      document: {
        configuration,
        lastVersion: 0,
        policies: {},
        tags: checkTags((input['Tags'] as Tags | undefined) ?? {}),
      },
    });
    return input['Publish'] === true ? publish(tx, row, {}, ctx) : { row, version: '$LATEST', configuration };
  });
  await ctx.host.refresh();
  const qualifier = made.version === '$LATEST' ? undefined : made.version;
  return { output: renderConfiguration(name, made.version, made.configuration, qualifier, ctx) };
};

/** Handles GetFunction. */
export const getFunction: FunctionHandler = async (input, ctx) => {
  const named = namedIn(input, ctx);
  const { row, version, configuration } = await loadVersion(ctx.store, named, ctx);
  const { reservedConcurrency, tags } = row.document;
  return {
    output: {
      Configuration: renderConfiguration(named.name, version, configuration, named.qualifier, ctx),
      // Code may hold what environment variables do.
      ...(maySeeSecrets(ctx.caller) ? { Code: codeLocation(configuration.codeId, ctx) } : {}),
      ...(Object.keys(tags).length === 0 ? {} : { Tags: tags }),
      ...(reservedConcurrency === undefined
        ? {}
        : { Concurrency: { ReservedConcurrentExecutions: reservedConcurrency } }),
    },
  };
};

/** Handles GetFunctionConfiguration. */
export const getFunctionConfiguration: FunctionHandler = async (input, ctx) => {
  const named = namedIn(input, ctx);
  const { version, configuration } = await loadVersion(ctx.store, named, ctx);
  return { output: renderConfiguration(named.name, version, configuration, named.qualifier, ctx) };
};

/** Handles ListFunctions; with `FunctionVersion` ALL each with its versions. */
export const listFunctions: FunctionHandler = async (input, ctx) => {
  const rows: Row<'function'>[] = [];
  for await (const row of everyRow(ctx.store, 'function')) rows.push(row);
  rows.sort((a, b) => (a.name < b.name ? -1 : 1));
  const isAll = input['FunctionVersion'] === 'ALL';
  const page = pageOf(rows, ({ name }) => name, input);
  const functions: JsonObject[] = [];
  for (const row of page.items) {
    const versions = isAll
      ? await versionsOf(ctx.store, row)
      : [{ version: '$LATEST', configuration: row.document.configuration }];
    for (const { version, configuration } of versions)
      functions.push(renderConfiguration(row.name, version, configuration, isAll ? version : undefined, ctx));
  }
  return {
    output: {
      Functions: functions,
      ...(page.NextMarker === undefined ? {} : { NextMarker: page.NextMarker }),
    },
  };
};

/** Handles UpdateFunctionCode. */
export const updateFunctionCode: FunctionHandler = async (input, ctx) => {
  const name = unqualified(namedIn(input, ctx));
  requireOn(ctx);
  await loadFunction(ctx.store, name, ctx);
  const code = await readCodeInput(codeMembersOf(input), ctx);
  const size = { codeId: code.codeId, CodeSize: code.bytes.byteLength };
  const isDryRun = input['DryRun'] === true;
  return change(name, input, ctx, isDryRun, async (tx, row) => {
    const before = row.document.configuration;
    await checkUnzippedSize(tx, code, before.layers);
    if (!isDryRun) await storeCode(tx, code);
    const { Architectures: architectures } = input;
    return {
      ...before,
      ...size,
      ...(architectures === undefined
        ? {}
        : { settings: { ...before.settings, Architectures: architectures } }),
      ...stamp(ctx),
    };
  });
};

/** Handles UpdateFunctionConfiguration: what is left out stays. */
export const updateFunctionConfiguration: FunctionHandler = async (input, ctx) => {
  const name = unqualified(namedIn(input, ctx));
  requireOn(ctx);
  return change(name, input, ctx, false, async (tx, row) => {
    const before = row.document.configuration;
    const { codeId, CodeSize } = before;
    const after = await readConfiguration(input, before, { codeId, CodeSize }, row.id, tx, ctx);
    const code = await tx.get('function-code', codeId);
    await checkUnzippedSize(tx, { unzippedBytes: code?.document.unzippedBytes ?? 0 }, after.layers);
    return after;
  });
};

/** Handles DeleteFunction: the function with everything of it, or one version. */
export const deleteFunction: FunctionHandler = async (input, ctx) => {
  const { name, qualifier } = namedIn(input, ctx);
  if (qualifier === '$LATEST')
    throw new GatewayError('Validation', '$LATEST version cannot be deleted without deleting the function.');
  await ctx.store.transaction(async (tx) => {
    const row = await loadFunction(tx, name, ctx, qualifier);
    const aliases: Row<'function-alias'>[] = [];
    for await (const alias of everyRow(tx, 'function-alias', row.id)) aliases.push(alias);
    const versions: Row<'function-version'>[] = [];
    for await (const version of everyRow(tx, 'function-version', row.id))
      if (qualifier === undefined || version.name === qualifier) versions.push(version);
    if (qualifier === undefined) {
      for (const alias of aliases) await tx.remove('function-alias', alias.id);
      await tx.remove('function', row.id);
    } else {
      if (versions.length === 0)
        throw aliases.some((alias) => alias.name === qualifier)
          ? new GatewayError('Validation', 'An alias is deleted with DeleteAlias.')
          : new GatewayError('NotFound', `Function not found: ${name}:${qualifier}`);
      const using = aliases.find(
        ({ document }) =>
          document.FunctionVersion === qualifier || Object.hasOwn(document.weights ?? {}, qualifier),
      );
      if (using)
        throw new GatewayError(
          'Conflict',
          `Function version ${qualifier} is used by the alias ${using.name}. Remove or change the alias first.`,
        );
    }
    for (const version of versions) await tx.remove('function-version', version.id);
    const configurations = versions.map(({ document }) => document.configuration);
    await sweepCode(tx, [...configurations, row.document.configuration].flatMap(codeOf));
  });
  await ctx.host.refresh();
  return { status: 204 };
};

/** Gives `$LATEST` another configuration, and publishes it where that is asked for. */
async function change(
  name: string,
  input: JsonObject,
  ctx: FunctionContext,
  isDryRun: boolean,
  apply: (tx: StoreTransaction, row: Row<'function'>) => Promise<FunctionConfigurationDocument>,
): Promise<{ readonly output: JsonObject }> {
  const changed = await ctx.store.transaction(async (tx) => {
    const row = await loadFunction(tx, name, ctx);
    const before = row.document.configuration;
    checkRevision(input['RevisionId'], before.RevisionId);
    const configuration = await apply(tx, row);
    if (isDryRun) return { row, version: '$LATEST', configuration };
    const after = await tx.replace('function', row, { ...row.document, configuration });
    await sweepCode(tx, codeOf(before));
    return input['Publish'] === true
      ? publish(tx, after, {}, ctx)
      : { row: after, version: '$LATEST', configuration };
  });
  await ctx.host.refresh();
  const qualifier = changed.version === '$LATEST' ? undefined : changed.version;
  return { output: renderConfiguration(name, changed.version, changed.configuration, qualifier, ctx) };
}

/** @throws GatewayError Forbidden when functions do not run here */
function requireOn({ host }: FunctionContext): void {
  if (host.off !== undefined) throw new GatewayError('Forbidden', host.off);
}

function exists(name: string): GatewayError {
  return new GatewayError('Conflict', `Function already exist: ${name}`);
}

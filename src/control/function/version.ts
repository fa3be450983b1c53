// Published versions of functions: code and configuration that do not change any more.

import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { FunctionConfigurationDocument } from '../../core/resources.ts';
import { newId } from '../../core/ids.ts';
import type { Row, StoreReader, StoreTransaction } from '../../stores/store.ts';
import { everyRow } from '../context.ts';
import { checkRevision, renderConfiguration } from './configuration.ts';
import type { FunctionContext, FunctionHandler } from './context.ts';
import { loadFunction, namedIn, unqualified } from './load.ts';
import { pageOf } from './paging.ts';

export interface Published {
  readonly row: Row<'function'>;
  readonly version: string;
  readonly configuration: FunctionConfigurationDocument;
}

/** Handles PublishVersion. */
export const publishVersion: FunctionHandler = async (input, ctx) => {
  const name = unqualified(namedIn(input, ctx));
  const { version, configuration } = await ctx.store.transaction(async (tx) => {
    const row = await loadFunction(tx, name, ctx);
    return publish(tx, row, input, ctx);
  });
  await ctx.host.refresh();
  return { output: renderConfiguration(name, version, configuration, version, ctx) };
};

/** Handles ListVersionsByFunction: `$LATEST` first. */
export const listVersionsByFunction: FunctionHandler = async (input, ctx) => {
  const name = unqualified(namedIn(input, ctx));
  const row = await loadFunction(ctx.store, name, ctx);
  const page = pageOf(await versionsOf(ctx.store, row), ({ version }) => sortable(version), input);
  return {
    output: {
      ...(page.NextMarker === undefined ? {} : { NextMarker: page.NextMarker }),
      Versions: page.items.map(({ version, configuration }) =>
        renderConfiguration(name, version, configuration, version, ctx),
      ),
    },
  };
};

/** All versions of a function, `$LATEST` first, then by number. */
export async function versionsOf(
  reader: StoreReader,
  row: Row<'function'>,
): Promise<readonly { readonly version: string; readonly configuration: FunctionConfigurationDocument }[]> {
  const versions = [{ version: '$LATEST', configuration: row.document.configuration }];
  for await (const { name, document } of everyRow(reader, 'function-version', row.id))
    versions.push({ version: name, configuration: document.configuration });
  return versions.sort((a, b) => (sortable(a.version) < sortable(b.version) ? -1 : 1));
}

/** Keeps what the function is now, unless the last version is the same. @throws GatewayError Validation, StaleRevision */
export async function publish(
  tx: StoreTransaction,
  row: Row<'function'>,
  input: JsonObject,
  ctx: FunctionContext,
): Promise<Published> {
  const { configuration: latest, lastVersion } = row.document;
  checkRevision(input['RevisionId'], latest.RevisionId);
  const { CodeSha256: wanted, Description: description, PublishTo: place } = input;
  if (place !== undefined)
    throw new GatewayError('Validation', 'PublishTo: versions are published by number only; leave it out.');
  const digest = Buffer.from(latest.codeId, 'hex').toString('base64');
  if (wanted !== undefined && wanted !== '' && wanted !== digest)
    throw new GatewayError(
      'Validation',
      `CodeSHA256 (${String(wanted)}) is different from current CodeSHA256 in $LATEST (${digest}). Please try again with the CodeSHA256 in $LATEST.`,
    );
  const before = await tx.find('function-version', row.id, String(lastVersion));
  if (before && isSame(before.document.configuration, latest))
    return { row, version: before.name, configuration: before.document.configuration };
  const version = String(lastVersion + 1);
  const configuration: FunctionConfigurationDocument = {
    ...latest,
    ...(typeof description === 'string' ? { Description: description } : {}),
    RevisionId: newId(),
    lastModified: ctx.clock.now(),
  };
  await tx.create('function-version', {
    id: `${row.id}.${version}`,
    parentId: row.id,
    name: version,
    document: { configuration },
  });
  const after = await tx.replace('function', row, { ...row.document, lastVersion: lastVersion + 1 });
  return { row: after, version, configuration };
}

/** Whether a version is what `$LATEST` is; what a version is called in its description makes no difference. */
function isSame(version: FunctionConfigurationDocument, latest: FunctionConfigurationDocument): boolean {
  const essence = ({
    RevisionId: _revision,
    lastModified: _time,
    Description: _description,
    environment,
    ...rest
  }: FunctionConfigurationDocument): string => JSON.stringify([rest, environment?.bound.field]);
  return essence(version) === essence(latest);
}

/** `$` comes before all digits; numbers of one length are in the order of their texts. */
function sortable(version: string): string {
  return version === '$LATEST' ? version : version.padStart(12, '0');
}

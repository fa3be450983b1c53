// Layers: archives that functions share, in numbered versions that do not change.

import { GatewayError } from '../../core/errors.ts';
import { layerArn, parseLayerReference } from '../../core/function-name.ts';
import { newId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import type { LayerVersionDocument } from '../../core/resources.ts';
import type { Row, StoreReader } from '../../stores/store.ts';
import { everyRow, present } from '../context.ts';
import { maySeeSecrets } from './access.ts';
import { readCodeInput, storeCode, sweepCode } from './code.ts';
import { codeLink } from './code-location.ts';
import type { FunctionContext, FunctionHandler } from './context.ts';
import { pageOf } from './paging.ts';

type LayerRow = Row<'layer-version'>;

/** Handles PublishLayerVersion. */
export const publishLayerVersion: FunctionHandler = async (input, ctx) => {
  const name = nameIn(input, ctx);
  if (ctx.host.off !== undefined) throw new GatewayError('Forbidden', ctx.host.off);
  const code = await readCodeInput(input['Content'] as JsonObject, ctx);
  const document: LayerVersionDocument = present({
    codeId: code.codeId,
    CodeSize: code.bytes.byteLength,
    Description: input['Description'] as string | undefined,
    LicenseInfo: input['LicenseInfo'] as string | undefined,
    CompatibleRuntimes: input['CompatibleRuntimes'] as readonly string[] | undefined,
    CompatibleArchitectures: input['CompatibleArchitectures'] as readonly string[] | undefined,
  });
  const row = await ctx.store.transaction(async (tx) => {
    let last = 0;
    for await (const before of everyRow(tx, 'layer-version', name))
      last = Math.max(last, Number(before.name));
    await storeCode(tx, code);
    return tx.create('layer-version', { id: newId(), parentId: name, name: String(last + 1), document });
  });
  return { output: render(row, ctx) };
};

/** Handles GetLayerVersion. */
export const getLayerVersion: FunctionHandler = async (input, ctx) => ({
  output: render(await load(ctx.store, nameIn(input, ctx), String(input['VersionNumber'])), ctx),
});

/** Handles GetLayerVersionByArn. */
export const getLayerVersionByArn: FunctionHandler = async (input, ctx) => {
  const reference = parseLayerReference(String(input['Arn']), ctx.scope);
  return { output: render(await load(ctx.store, reference?.name ?? '', reference?.version ?? ''), ctx) };
};

/** Handles ListLayerVersions: newest first. */
export const listLayerVersions: FunctionHandler = async (input, ctx) => {
  const name = nameIn(input, ctx);
  const rows: LayerRow[] = [];
  for await (const row of everyRow(ctx.store, 'layer-version', name))
    if (isWanted(row, input)) rows.push(row);
  rows.sort((a, b) => Number(b.name) - Number(a.name));
  const { items, ...rest } = pageOf(rows, (row) => String(1e9 - Number(row.name)), input);
  return { output: { ...rest, LayerVersions: items.map((row) => renderItem(row, ctx)) } };
};

/** Handles ListLayers: each with its newest version that is wanted. */
export const listLayers: FunctionHandler = async (input, ctx) => {
  const newest = new Map<string, LayerRow>();
  for await (const row of everyRow(ctx.store, 'layer-version')) {
    const known = newest.get(row.parentId);
    if (isWanted(row, input) && Number(row.name) > Number(known?.name ?? 0)) newest.set(row.parentId, row);
  }
  const rows = [...newest.values()].sort((a, b) => (a.parentId < b.parentId ? -1 : 1));
  const { items, ...rest } = pageOf(rows, (row) => row.parentId, input);
  return {
    output: {
      ...rest,
      Layers: items.map((row) => ({
        LayerName: row.parentId,
        LayerArn: layerArn(ctx.scope, row.parentId),
        LatestMatchingVersion: renderItem(row, ctx),
      })),
    },
  };
};

/** Handles DeleteLayerVersion: functions that use it keep it, and its number is not used again. */
export const deleteLayerVersion: FunctionHandler = async (input, ctx) => {
  const name = nameIn(input, ctx);
  await ctx.store.transaction(async (tx) => {
    const row = await tx.find('layer-version', name, String(Number(input['VersionNumber'])));
    if (!row || row.document.isDeleted === true) return;
    await tx.replace('layer-version', row, { ...row.document, isDeleted: true });
    await sweepCode(tx, [row.document.codeId]);
  });
  return { status: 204 };
};

function nameIn(input: JsonObject, ctx: FunctionContext): string {
  const text = String(input['LayerName']);
  const reference = parseLayerReference(text, ctx.scope);
  if (!reference) throw new GatewayError('NotFound', `The resource you requested does not exist: ${text}`);
  return reference.name;
}

/** @throws GatewayError NotFound */
async function load(reader: StoreReader, name: string, version: string): Promise<LayerRow> {
  const row = await reader.find('layer-version', name, String(Number(version)));
  if (!row || row.document.isDeleted === true)
    throw new GatewayError('NotFound', 'The resource you requested does not exist.');
  return row;
}

function isWanted({ document }: LayerRow, input: JsonObject): boolean {
  const { CompatibleRuntime: runtime, CompatibleArchitecture: architecture } = input;
  return (
    document.isDeleted !== true &&
    (runtime === undefined || document.CompatibleRuntimes?.includes(String(runtime)) === true) &&
    (architecture === undefined || document.CompatibleArchitectures?.includes(String(architecture)) === true)
  );
}

function renderItem({ parentId, name, createdAt, document }: LayerRow, ctx: FunctionContext): JsonObject {
  return present({
    LayerVersionArn: layerArn(ctx.scope, parentId, name),
    Version: Number(name),
    Description: document.Description ?? '',
    CreatedDate: new Date(createdAt).toISOString().replace('Z', '+0000'),
    CompatibleRuntimes: document.CompatibleRuntimes,
    LicenseInfo: document.LicenseInfo,
    CompatibleArchitectures: document.CompatibleArchitectures,
  });
}

function render(row: LayerRow, ctx: FunctionContext): JsonObject {
  const { codeId, CodeSize } = row.document;
  return {
    Content: {
      ...(maySeeSecrets(ctx.caller) ? { Location: codeLink(codeId, ctx) } : {}),
      CodeSha256: Buffer.from(codeId, 'hex').toString('base64'),
      CodeSize,
    },
    LayerArn: layerArn(ctx.scope, row.parentId),
    ...renderItem(row, ctx),
  };
}

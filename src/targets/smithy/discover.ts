// Discovery of a Smithy target: gets the model's documents, has them imported in a process of its own, and gives back the
// tools. Knows nothing of tools' calls.

import { invalidField } from '../../core/errors.ts';
import { isJsonObject, type JsonObject } from '../../core/json.ts';
import { splitWords } from '../../core/settings.ts';
import type { Catalogue } from '../../core/tool.ts';
import { importApart } from '../import-apart.ts';
import type { DiscoverContext } from '../target-type.ts';
import type { ImportJob } from './import-process.ts';
import type { ModelFile } from './load/load.ts';

const INLINE = 'inline';
const INLINE_NAME = 'inlinePayload';
const MAX_FILES = 100;

/**
 * Makes the tools of a target whose configuration is `{ inlinePayload }` or `{ s3: { uri } }`; more files of the model
 * are named by the setting `model-files`.
 * @throws GatewayError Validation when the model cannot be imported
 */
export async function discoverSmithy(config: JsonObject, ctx: DiscoverContext): Promise<Catalogue> {
  const files = [await readDocument(config, ctx)];
  const more = splitWords(ctx.settings['model-files'] ?? '').slice(0, MAX_FILES);
  for (const uri of more) files.push({ name: uri, text: await ctx.readSource(uri, ctx.signal) });
  const [first] = files;
  const location = first === undefined || first.name === INLINE_NAME ? INLINE : first.name;
  const job: ImportJob = { files, options: { location, settings: ctx.settings } };
  const catalogue = await importApart(import.meta.url, job, ctx.signal);
  const { operations, tools, skipped, format } = catalogue.report;
  ctx.log.info({ source: location, format, operations, tools, skipped }, 'imported a Smithy model');
  return catalogue;
}

async function readDocument(config: JsonObject, ctx: DiscoverContext): Promise<ModelFile> {
  const inline = config['inlinePayload'];
  if (typeof inline === 'string') return { name: INLINE_NAME, text: inline };
  const s3 = config['s3'];
  const uri = isJsonObject(s3) ? s3['uri'] : undefined;
  if (typeof uri !== 'string' || uri === '')
    throw invalidField('smithyModel', 'give the model as inlinePayload or its address as s3.uri');
  return { name: uri, text: await ctx.readSource(uri, ctx.signal) };
}

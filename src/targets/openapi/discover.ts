// Discovery of an OpenAPI target: gets the document, has it imported in a process of its own, and gives back the
// tools with the document they came from. Knows nothing of tools' calls.

import { invalidField } from '../../core/errors.ts';
import { isJsonObject, type JsonObject } from '../../core/json.ts';
import type { Catalogue } from '../../core/tool.ts';
import { importApart } from '../import-apart.ts';
import type { DiscoverContext } from '../target-type.ts';
import type { ImportJob } from './import-process.ts';

const INLINE = 'inline';

/**
 * Makes the tools of a target whose configuration is `{ inlinePayload }` or `{ s3: { uri } }`.
 * @throws GatewayError Validation when the document cannot be imported.
 */
export async function discoverOpenApi(config: JsonObject, ctx: DiscoverContext): Promise<Catalogue> {
  const source = await readDocument(config, ctx);
  const job: ImportJob = {
    text: source.text,
    options: {
      location: source.location,
      settings: ctx.settings,
      ...(ctx.credential === undefined ? {} : { credential: ctx.credential }),
    },
  };
  const catalogue = await importApart(import.meta.url, job, ctx.signal);
  const { operations, tools, skipped, format } = catalogue.report;
  ctx.log.info(
    { source: source.location, format, operations, tools, skipped },
    'imported an OpenAPI document',
  );
  return catalogue;
}

async function readDocument(
  config: JsonObject,
  ctx: DiscoverContext,
): Promise<{ text: string; location: string }> {
  const inline = config['inlinePayload'];
  if (typeof inline === 'string') return { text: inline, location: INLINE };
  const s3 = config['s3'];
  const uri = isJsonObject(s3) ? s3['uri'] : undefined;
  if (typeof uri !== 'string' || uri === '')
    throw invalidField('openApiSchema', 'give the document as inlinePayload or its address as s3.uri');
  return { text: await ctx.readSource(uri, ctx.signal), location: uri };
}

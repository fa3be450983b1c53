// Discovery of a Lambda target: its tools are what the operator wrote, so nothing is asked of the function. The plan of
// a tool says how its answers are read.

import { GatewayError } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Catalogue, CatalogueEntry } from '../../core/tool.ts';
import { stringifyLossless } from '../../lib/lossless-json.ts';
import type { DiscoverContext } from '../target-type.ts';
import type { ToolPlan } from './result.ts';
import { readToolFile, readTools } from './tool-schema.ts';
import type { WrittenTool } from './tool-schema.ts';

/** Where a value goes that is no object: output schemas of MCP describe objects (2025-06-18). */
const WRAPPER = 'result';

/**
 * The tools of `{ lambdaArn, toolSchema }`.
 * @throws GatewayError Validation when the schema cannot be read or used
 */
export async function discoverLambda(config: JsonObject, ctx: DiscoverContext): Promise<Catalogue> {
  const { inlinePayload, s3 } = isJsonObject(config['toolSchema']) ? config['toolSchema'] : {};
  const uri = isJsonObject(s3) ? s3['uri'] : undefined;
  const source = typeof uri === 'string' ? uri : 'inline';
  const tools =
    typeof uri === 'string'
      ? readToolFile(await ctx.readSource(uri, ctx.signal), uri)
      : inlineTools(inlinePayload ?? []);
  const isRaw = ctx.settings['lambda-result'] === 'raw';
  ctx.log.info({ source, tools: tools.length }, 'read the tools of a function');
  return {
    entries: tools.map((tool) => entryOf(tool, isRaw)),
    report: {
      source,
      format: 'Lambda tool schema',
      operations: tools.length,
      tools: tools.length,
      skipped: 0,
      notes: [],
      warnings: tools
        .filter(({ description }) => description === undefined || description.trim() === '')
        .map(({ name }) => `${name} has no description: models choose tools by what they say of themselves.`),
    },
  };
}

function inlineTools(payload: Parameters<typeof readTools>[0]): readonly WrittenTool[] {
  const { tools, faults } = readTools(payload);
  if (faults.length > 0)
    throw new GatewayError('Validation', 'The tool schema cannot be used.', { fields: faults });
  return tools;
}

function entryOf(tool: WrittenTool, isRaw: boolean): CatalogueEntry {
  const { name, title, description, inputSchema, outputSchema, annotations, _meta } = tool;
  const isWrapped = outputSchema !== undefined && outputSchema['type'] !== 'object';
  const plan: ToolPlan = {
    ...(isRaw ? { raw: true } : {}),
    ...(outputSchema === undefined ? {} : { structured: isWrapped ? WRAPPER : '' }),
  };
  const definition = {
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    inputSchema,
    ...(outputSchema === undefined ? {} : { outputSchema: isWrapped ? wrapped(outputSchema) : outputSchema }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(_meta === undefined ? {} : { _meta }),
  };
  return { name, definition: stringifyLossless(definition), plan: JSON.stringify(plan) };
}

/** Definitions stay at the root, where references look for them. */
function wrapped({ $schema, $defs, definitions, ...inner }: JsonObject): JsonObject {
  return {
    ...($schema === undefined ? {} : { $schema }),
    ...($defs === undefined ? {} : { $defs }),
    ...(definitions === undefined ? {} : { definitions }),
    type: 'object',
    properties: { [WRAPPER]: inner },
    required: [WRAPPER],
  };
}

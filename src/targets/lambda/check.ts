// What the published shapes cannot say of a Lambda target's configuration. Pure and quick.

import type { FieldFault } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import { readTools } from './tool-schema.ts';

const MEMBER = 'targetConfiguration.mcp.lambda.toolSchema';

/** Faults of `targetConfiguration.mcp.lambda`. A schema in S3 is read, and judged, later. */
export function checkLambda(config: JsonObject): readonly FieldFault[] {
  const { inlinePayload, s3 } = isJsonObject(config['toolSchema']) ? config['toolSchema'] : {};
  if (inlinePayload === undefined) {
    const uri = isJsonObject(s3) ? s3['uri'] : undefined;
    return typeof uri === 'string' && uri.trim() !== ''
      ? []
      : [{ name: MEMBER, message: 'needs the tools: as inlinePayload, or as s3.uri.' }];
  }
  return readTools(inlinePayload).faults.map(({ name, message }) => ({
    name: [`${MEMBER}.inlinePayload`, name].filter((part) => part !== '').join('.'),
    message,
  }));
}

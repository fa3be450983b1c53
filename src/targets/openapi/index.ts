// The target type for OpenAPI documents: AgentCore's `mcp.openApiSchema`. This is the plug-in's face and holds no
// logic of its own: import/ makes tools of documents, call.ts calls them.

import type { FieldFault } from '../../core/errors.ts';
import { isJsonObject, type JsonObject } from '../../core/json.ts';
import type { TargetType } from '../target-type.ts';
import { createTool } from './call.ts';
import { discoverOpenApi } from './discover.ts';

/** `OPEN_API_SCHEMA`. */
export const openApiTargetType = {
  type: 'OPEN_API_SCHEMA',
  member: ['mcp', 'openApiSchema'],
  credentialTypes: ['API_KEY', 'OAUTH', 'GATEWAY_IAM_ROLE'],
  check: checkOpenApi,
  discover: discoverOpenApi,
  prepare: (_config, services) => ({ createTool: (entry) => createTool(entry, services) }),
} as const satisfies TargetType;

const MEMBER = 'targetConfiguration.mcp.openApiSchema';

/** The shapes make it a union; they cannot say that the chosen member holds something. */
function checkOpenApi(config: JsonObject): readonly FieldFault[] {
  const { inlinePayload, s3 } = config;
  if (inlinePayload === undefined && s3 === undefined)
    return [{ name: MEMBER, message: 'needs the document: as inlinePayload, or as s3.uri.' }];
  if (typeof inlinePayload === 'string' && inlinePayload.trim() === '')
    return [
      {
        name: `${MEMBER}.inlinePayload`,
        message: 'must not be empty: it is the OpenAPI document, in JSON or YAML.',
      },
    ];
  if (
    inlinePayload === undefined &&
    (!isJsonObject(s3) || typeof s3['uri'] !== 'string' || s3['uri'].trim() === '')
  )
    return [{ name: `${MEMBER}.s3.uri`, message: 'is required: it is the address of the OpenAPI document.' }];
  return [];
}

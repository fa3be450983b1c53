// The target type for Smithy models: AgentCore's `mcp.smithyModel`, in any AWS protocol and for any service. This is the
// plug-in's face and holds no logic of its own: import.ts makes tools of models, call.ts calls them.

import type { FieldFault } from '../../core/errors.ts';
import { isJsonObject, type JsonObject } from '../../core/json.ts';
import type { TargetType } from '../target-type.ts';
import { createCaller } from './call.ts';
import { discoverSmithy } from './discover.ts';

/** `SMITHY_MODEL`. */
export const smithyTargetType = {
  type: 'SMITHY_MODEL',
  member: ['mcp', 'smithyModel'],
  credentialTypes: ['GATEWAY_IAM_ROLE', 'CALLER_IAM_CREDENTIALS', 'OAUTH', 'API_KEY', 'JWT_PASSTHROUGH'],
  check: checkSmithy,
  discover: discoverSmithy,
  prepare: (_config, services) => {
    const createTool = createCaller(services);
    return { createTool: (entry, _targetName, shared) => createTool(entry, shared) };
  },
} as const satisfies TargetType;

const MEMBER = 'targetConfiguration.mcp.smithyModel';

/** The shapes make it a union; they cannot say that the chosen member holds something. */
function checkSmithy(config: JsonObject): readonly FieldFault[] {
  const { inlinePayload, s3 } = config;
  if (inlinePayload === undefined && s3 === undefined)
    return [{ name: MEMBER, message: 'needs the model: as inlinePayload, or as s3.uri.' }];
  if (typeof inlinePayload === 'string' && inlinePayload.trim() === '')
    return [
      {
        name: `${MEMBER}.inlinePayload`,
        message: 'must not be empty: it is the Smithy model, as JSON AST or IDL text.',
      },
    ];
  const uri = isJsonObject(s3) ? s3['uri'] : undefined;
  if (inlinePayload === undefined && (typeof uri !== 'string' || uri.trim() === ''))
    return [{ name: `${MEMBER}.s3.uri`, message: 'is required: it is the address of the Smithy model.' }];
  return [];
}

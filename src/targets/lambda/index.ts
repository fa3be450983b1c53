// The target type for Lambda functions: AgentCore's `mcp.lambda`. This is the plug-in's face: tool-schema.ts reads the
// tools that the operator wrote, call.ts invokes the function, at AWS or here (core/functions.ts).

import type { TargetType } from '../target-type.ts';
import { prepareTools } from './call.ts';
import { checkLambda } from './check.ts';
import { discoverLambda } from './discover.ts';

/** `LAMBDA`. */
export const lambdaTargetType = {
  type: 'LAMBDA',
  member: ['mcp', 'lambda'],
  credentialTypes: ['GATEWAY_IAM_ROLE'],
  check: checkLambda,
  discover: discoverLambda,
  prepare: prepareTools,
} as const satisfies TargetType;

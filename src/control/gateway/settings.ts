// What create and update of a gateway have in common: the checks that shapes cannot make, and the document.
// A setting that this version would keep but not obey is refused where obeying it is what keeps callers out.

import type { FieldFault } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import { PROTOCOL_VERSIONS } from '../../core/protocol-versions.ts';
import type { AuthorizerTypeName, GatewayDocument } from '../../core/resources.ts';
import { present } from '../context.ts';
import type { ControlContext } from '../context.ts';
import { validationFailure } from '../validate.ts';

/** Input of CreateGateway and UpdateGateway after validation. */
export interface GatewayInput extends JsonObject {
  readonly name: string;
  readonly description?: string;
  readonly roleArn: string;
  readonly protocolType?: 'MCP';
  readonly protocolConfiguration?: JsonObject;
  readonly authorizerType: AuthorizerTypeName;
  readonly authorizerConfiguration?: JsonObject;
  readonly exceptionLevel?: 'DEBUG';
}

/** Stored and given back; they change nothing here. */
const KEPT_SETTINGS = ['kmsKeyArn', 'wafConfiguration'] as const;
/** Guards that do not exist yet: a gateway that only pretended to have them would let through what they stop. */
const MISSING_GUARDS = [
  'interceptorConfigurations',
  'policyEngineConfiguration',
  'customTransformConfiguration',
];

/** @throws GatewayError Validation with all faults. */
export function checkGateway(input: GatewayInput, ctx: ControlContext): void {
  const faults: FieldFault[] = [];
  for (const name of MISSING_GUARDS)
    if (input[name] !== undefined) faults.push({ name, message: 'Member is not available in this version' });
  const supported = supportedVersionsOf(input.protocolConfiguration) ?? [];
  for (const [index, version] of supported.entries())
    if (!PROTOCOL_VERSIONS.includes(version))
      faults.push({
        name: `protocolConfiguration.mcp.supportedVersions.${index + 1}.member`,
        message: `Member must be one of ${PROTOCOL_VERSIONS.join(', ')}`,
      });
  faults.push(...authorizerFaults(input, ctx));
  if (faults.length > 0) throw validationFailure(faults);
}

function authorizerFaults(input: GatewayInput, ctx: ControlContext): readonly FieldFault[] {
  const type = ctx.authorizerTypes.find((candidate) => candidate.type === input.authorizerType);
  if (!type) {
    const available = ctx.authorizerTypes.map((candidate) => candidate.type).join(', ');
    const message = `${input.authorizerType} is not available in this version; available are: ${available}`;
    return [{ name: 'authorizerType', message }];
  }
  if (input.authorizerType === 'NONE' && !ctx.allowsAnybody)
    return [
      {
        name: 'authorizerType',
        message:
          'NONE would let anybody call who reaches this server, which does not listen on loopback only. Choose CUSTOM_JWT or AWS_IAM, or have the operator set GATEWRIGHT_ALLOW_UNAUTHENTICATED',
      },
    ];
  const name = 'authorizerConfiguration';
  const configuration = input.authorizerConfiguration;
  const takesTokens = input.authorizerType === 'CUSTOM_JWT' || input.authorizerType === 'AUTHENTICATE_ONLY';
  if (takesTokens && configuration === undefined)
    return [{ name, message: `Member must not be null when authorizerType is ${input.authorizerType}` }];
  if (!takesTokens && configuration !== undefined)
    return [{ name, message: `Member must be absent when authorizerType is ${input.authorizerType}` }];
  return type.check(configuration).map((fault) => ({
    name: fault.name.startsWith(name) ? fault.name : `${name}.${fault.name}`,
    message: fault.message,
  }));
}

/** The protocol versions that a protocol configuration names, if it names any. */
export function supportedVersionsOf(configuration: JsonObject | undefined): readonly string[] | undefined {
  const mcp = configuration?.['mcp'];
  const versions = isJsonObject(mcp) ? mcp['supportedVersions'] : undefined;
  return Array.isArray(versions) ? (versions as readonly string[]) : undefined;
}

/** The part of the document that the input sets. */
export function gatewaySettings(
  input: GatewayInput,
): Omit<GatewayDocument, 'status' | 'statusReasons' | 'tags'> {
  return present({
    description: input.description,
    roleArn: input.roleArn,
    protocolType: input.protocolType,
    protocolConfiguration: input.protocolConfiguration,
    authorizerType: input.authorizerType,
    authorizerConfiguration: input.authorizerConfiguration,
    exceptionLevel: input.exceptionLevel,
    settings: present(Object.fromEntries(KEPT_SETTINGS.map((name) => [name, input[name]]))),
  });
}

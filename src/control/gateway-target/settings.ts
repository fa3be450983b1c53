// What create and update of a target have in common: the checks that shapes cannot make, and the document.

import { parseArn } from '../../core/arn.ts';
import { GatewayError } from '../../core/errors.ts';
import type { FieldFault } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import type { CredentialProviderTypeName, TargetDocument } from '../../core/resources.ts';
import type { Row, StoreReader } from '../../stores/store.ts';
import { findTargetType } from '../../targets/target-type.ts';
import type { TargetType } from '../../targets/target-type.ts';
import { present } from '../context.ts';
import type { ControlContext } from '../context.ts';
import { validationFailure } from '../validate.ts';
import { mcpServerFaults } from './mcp-server.ts';
import { propagationFaults } from './propagation.ts';

const API_KEY_PROVIDER = 'api-key-credential-provider';
const OAUTH_PROVIDER = 'oauth2-credential-provider';

interface CredentialConfiguration extends JsonObject {
  readonly credentialProviderType: CredentialProviderTypeName;
  readonly credentialProvider?: JsonObject;
}

/** Input of CreateGatewayTarget and UpdateGatewayTarget after validation. */
export interface TargetInput extends JsonObject {
  readonly gatewayIdentifier: string;
  readonly name?: string;
  readonly description?: string;
  readonly targetConfiguration: JsonObject;
  readonly credentialProviderConfigurations?: readonly CredentialConfiguration[];
  readonly metadataConfiguration?: JsonObject;
  readonly privateEndpoint?: JsonObject;
}

/** @throws GatewayError Validation with all faults. */
export function checkTarget(input: TargetInput, gateway: Row<'gateway'>, ctx: ControlContext): void {
  const faults: FieldFault[] = [];
  const found = findTargetType(input.targetConfiguration, ctx.targetTypes);
  if (!found) faults.push(missingType(input.targetConfiguration, ctx));
  else {
    const place = ['targetConfiguration', ...found.type.member];
    if (gateway.document.protocolType === 'MCP' && place[1] !== 'mcp')
      faults.push({
        name: place.slice(0, 2).join('.'),
        message: 'A gateway with protocolType MCP takes targets under targetConfiguration.mcp only',
      });
    for (const { name, message } of found.type.check(found.config))
      faults.push({ name: name.startsWith(place[0] ?? '') ? name : [...place, name].join('.'), message });
  }
  for (const [index, configuration] of (input.credentialProviderConfigurations ?? []).entries())
    faults.push(
      ...credentialFaults(configuration, index, found?.type, ctx),
      ...userGrantFaults(configuration, index, gateway),
    );
  faults.push(...propagationFaults(input.metadataConfiguration));
  faults.push(...mcpServerFaults(input, gateway.document, ctx));
  if (faults.length > 0) throw validationFailure(faults);
}

function missingType(configuration: JsonObject, ctx: ControlContext): FieldFault {
  const [plane = ''] = Object.keys(configuration);
  const [kind = ''] = Object.keys((configuration[plane] as JsonObject | undefined) ?? {});
  const available = ctx.targetTypes.map((type) => `${type.member.join('.')} (${type.type})`).join(', ');
  return {
    name: `targetConfiguration.${plane}.${kind}`,
    message: `Targets of this kind are not available in this version; available are: ${available}`,
  };
}

function credentialFaults(
  configuration: CredentialConfiguration,
  index: number,
  type: TargetType | undefined,
  ctx: ControlContext,
): readonly FieldFault[] {
  const place = `credentialProviderConfigurations.${index + 1}.member`;
  const wanted = configuration.credentialProviderType;
  const name = `${place}.credentialProviderType`;
  const credential = ctx.credentialTypes.find((candidate) => candidate.type === wanted);
  if (!credential) {
    const available = ctx.credentialTypes.map((candidate) => candidate.type).join(', ') || 'none';
    return [{ name, message: `${wanted} is not available in this version; available are: ${available}` }];
  }
  if (type && !type.credentialTypes.includes(wanted))
    return [
      { name, message: `${type.type} targets take ${type.credentialTypes.join(', ') || 'no credentials'}` },
    ];
  return credential
    .check(configuration.credentialProvider)
    .map((fault) => ({ name: `${place}.${fault.name}`, message: fault.message }));
}

/** Grants on behalf of users need to know who the user is. */
function userGrantFaults(
  { credentialProvider }: CredentialConfiguration,
  index: number,
  { document }: Row<'gateway'>,
): readonly FieldFault[] {
  const oauth = credentialProvider?.['oauthCredentialProvider'];
  const grant = isJsonObject(oauth) ? oauth['grantType'] : undefined;
  const needsUser = grant === 'AUTHORIZATION_CODE' || grant === 'TOKEN_EXCHANGE';
  if (!needsUser || document.authorizerType === 'CUSTOM_JWT') return [];
  return [
    {
      name: `credentialProviderConfigurations.${index + 1}.member.credentialProvider.oauthCredentialProvider.grantType`,
      message: `${grant} needs a gateway with authorizerType CUSTOM_JWT: its callers are the users`,
    },
  ];
}

/**
 * Every credential provider that the target refers to has to be there, in this account.
 * @throws GatewayError NotFound, the same for a foreign provider and one that does not exist.
 */
export async function requireProviders(
  reader: StoreReader,
  input: TargetInput,
  ctx: ControlContext,
): Promise<void> {
  for (const configuration of input.credentialProviderConfigurations ?? [])
    for (const arn of providerArnsOf([configuration], ctx)) {
      const reference = parseArn(arn, ctx.arns);
      const kind = configuration.credentialProviderType === 'OAUTH' ? OAUTH_PROVIDER : API_KEY_PROVIDER;
      const isThere = reference?.kind === kind && (await reader.find(kind, '', reference.name)) !== undefined;
      if (!isThere) throw new GatewayError('NotFound', `Credential provider ${arn} not found`);
    }
}

/** ARNs of the providers that these configurations refer to. */
export function providerArnsOf(
  configurations: readonly JsonObject[],
  ctx: ControlContext,
): readonly string[] {
  return (configurations as readonly CredentialConfiguration[]).flatMap(
    (configuration) =>
      ctx.credentialTypes
        .find((type) => type.type === configuration.credentialProviderType)
        ?.providerArns(configuration.credentialProvider) ?? [],
  );
}

/** The part of the document that the input sets. */
export function targetSettings(
  input: TargetInput,
): Pick<
  TargetDocument,
  'description' | 'credentialProviderConfigurations' | 'metadataConfiguration' | 'privateEndpoint'
> {
  return present({
    description: input.description,
    credentialProviderConfigurations: input.credentialProviderConfigurations ?? [],
    metadataConfiguration: input.metadataConfiguration,
    privateEndpoint: input.privateEndpoint,
  });
}

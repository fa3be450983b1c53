// What a target is handed: the doors outwards, its credential, what may be propagated. Made for a snapshot's targets,
// and by the reconciler (through the composition root) for targets whose tools can only be had by asking them.

import type { AccessKeys } from '../core/access.ts';
import { createArns } from '../core/arn.ts';
import type { ArnScope } from '../core/arn.ts';
import type { Audit } from '../core/audit.ts';
import type { Log } from '../core/call.ts';
import { GatewayError } from '../core/errors.ts';
import type { FunctionInvoker } from '../core/functions.ts';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import type { Egress, StdioServers } from '../core/outbound.ts';
import type { GatewayDocument, LiveTarget, TargetDocument } from '../core/resources.ts';
import type { TokenSource } from '../core/token-source.ts';
import { settingsOf } from '../core/settings.ts';
import type { TargetGuard } from '../core/target-guard.ts';
import type { CredentialType } from '../credentials/credential-type.ts';
import type { Clock } from '../lib/clock.ts';
import type { Secret } from '../lib/secret.ts';
import type { SigningCredentials } from '../lib/sigv4-sign.ts';
import type { TargetServices } from '../targets/target-type.ts';
import { recordFunctionUses, recordUses } from './secret-use.ts';
import type { TargetCredential } from './secret-use.ts';

/** The part of a target's settings that decides what it is handed. */
export type TargetAccess = Pick<LiveTarget, 'credentialProviderConfigurations' | 'metadataConfiguration'> &
  Pick<TargetDocument, 'authorization'> &
  Partial<Pick<TargetDocument, 'tags'>>;

/** Provider ARN → opened secret, or the reason why it did not open. */
export type OpenedSecrets = ReadonlyMap<string, Secret | GatewayError>;

export interface TargetDoors {
  readonly egress: Egress;
  /** What keeps one target from costing the others; absent for what an operator asks of a target. */
  readonly guardOf?: (targetId: string, concurrency: number | undefined) => TargetGuard;
  readonly stdio: StdioServers;
  /** An invoker of functions; without credentials one for the functions of this installation only. */
  readonly functionsWith: (
    credentials: (() => Promise<SigningCredentials | undefined>) | undefined,
  ) => FunctionInvoker;
  readonly clock: Clock;
  readonly log: Log;
  /** Is told of each use of a credential; absent: nobody is. */
  readonly audit?: Audit;
  /** Whether a function runs here: no credential is needed for it. */
  readonly isLocalFunction?: (functionArn: string) => boolean;
  readonly credentialTypes: readonly CredentialType[];
  readonly accessKeys: AccessKeys;
  readonly scope: ArnScope;
  /** Config.awsEndpoints */
  readonly awsEndpoints?: Readonly<Record<string, URL>>;
  /** Credentials that a gateway signs with. */
  readonly awsCredentialsOf: (gateway: GuardedGateway) => Promise<SigningCredentials | undefined>;
  readonly allowsPassthrough: boolean;
  /** Access tokens for a gateway's targets. `onBehalfOf`: a user id that stands in where a call has no user. */
  readonly tokensFor: (gatewayId: string, onBehalfOf?: string) => TokenSource;
}

/** The gateway of a target, as far as it decides what the target is handed. */
export interface GuardedGateway {
  readonly id: string;
  readonly document: Pick<GatewayDocument, 'exceptionLevel' | 'roleArn' | 'tags'>;
}

/**
 * The services of one target.
 * @throws GatewayError Unavailable when its credential is of a kind that is not among the plug-ins
 */
export function createTargetServices(
  targetId: string,
  access: TargetAccess,
  gateway: GuardedGateway,
  secrets: OpenedSecrets,
  doors: TargetDoors,
): TargetServices {
  const metadata = access.metadataConfiguration ?? {};
  const { exceptionLevel } = gateway.document;
  const concurrency = settingsOf(access.tags ?? {})['max-concurrency'];
  const guard = doors.guardOf?.(targetId, concurrency === undefined ? undefined : Number(concurrency));
  const [configuration] = access.credentialProviderConfigurations;
  const named = nameOf(configuration, targetId, gateway, doors);
  const isAsGateway = named?.type === 'GATEWAY_IAM_ROLE';
  const invoker = doors.functionsWith(isAsGateway ? () => doors.awsCredentialsOf(gateway) : undefined);
  const functions = isAsGateway
    ? recordFunctionUses(invoker, named, doors.audit, (arn) => doors.isLocalFunction?.(arn) === true)
    : invoker;
  const applied = prepareCredential(configuration, gateway, secrets, doors, access.authorization?.userId);
  return {
    targetId,
    egress: guard?.egress(doors.egress) ?? doors.egress,
    stdio: doors.stdio,
    functions: guard?.functions(functions) ?? functions,
    clock: doors.clock,
    log: doors.log,
    aws: {
      region: doors.scope.region,
      endpointOf: (serviceId) => {
        const name = serviceId.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_');
        return doors.awsEndpoints?.[name] ?? doors.awsEndpoints?.[''];
      },
    },
    ...(named ? recordUses(applied, named, doors.audit) : applied),
    propagation: {
      requestHeaders: listed(metadata['allowedRequestHeaders']).map((name) => name.toLowerCase()),
      responseHeaders: listed(metadata['allowedResponseHeaders']).map((name) => name.toLowerCase()),
      queryParameters: listed(metadata['allowedQueryParameters']),
    },
    ...(exceptionLevel === undefined ? {} : { exceptionLevel }),
  };
}

/** The target's credential, as records name it. */
function nameOf(
  configuration: JsonObject | undefined,
  targetId: string,
  gateway: GuardedGateway,
  { scope, credentialTypes }: TargetDoors,
): TargetCredential | undefined {
  const type = configuration?.['credentialProviderType'];
  if (!configuration || typeof type !== 'string') return undefined;
  const provider = configuration['credentialProvider'];
  const oauth = isJsonObject(provider) ? provider['oauthCredentialProvider'] : undefined;
  const grantType = isJsonObject(oauth) ? oauth['grantType'] : undefined;
  return {
    gatewayId: gateway.id,
    gatewayArn: createArns(scope).gateway(gateway.id),
    targetId,
    type,
    providerArns: providerArnsOf([configuration], credentialTypes),
    ...(typeof grantType === 'string' ? { grantType } : {}),
  };
}

function prepareCredential(
  configuration: JsonObject | undefined,
  gateway: GuardedGateway,
  secrets: OpenedSecrets,
  { credentialTypes, accessKeys, scope, awsCredentialsOf, allowsPassthrough, tokensFor }: TargetDoors,
  onBehalfOf: string | undefined,
): Pick<TargetServices, 'applyCredential' | 'conceal' | 'renewCredential'> {
  if (!configuration)
    return {
      applyCredential: (request) => Promise.resolve(request),
      conceal: (response) => response,
      renewCredential: () => Promise.resolve(undefined),
    };
  const type = credentialTypes.find(
    (candidate) => candidate.type === configuration['credentialProviderType'],
  );
  if (!type)
    throw new GatewayError('Unavailable', 'this kind of credential is not available in this version');
  const provider = configuration['credentialProvider'];
  const credential = type.prepare(isJsonObject(provider) ? provider : undefined, {
    tokens: tokensFor(gateway.id, onBehalfOf),
    aws: { region: scope.region, accessKeys, gatewayCredentials: () => awsCredentialsOf(gateway) },
    allowsPassthrough,
    openSecret(providerArn) {
      const secret = secrets.get(providerArn);
      if (secret instanceof GatewayError) throw secret;
      if (!secret)
        throw new GatewayError(
          'CredentialUnavailable',
          'The credential provider of this target no longer exists.',
        );
      return secret;
    },
  });
  return {
    applyCredential: (request, ctx, placement) => credential.apply(request, ctx, placement),
    conceal: (response, request) => credential.conceal(response, request),
    renewCredential: (request, ctx, refusal) =>
      credential.renew?.(request, ctx, refusal) ?? Promise.resolve(undefined),
  };
}

/** ARNs of the credential providers that some configurations refer to. */
export function providerArnsOf(
  configurations: readonly JsonObject[],
  credentialTypes: readonly CredentialType[],
): readonly string[] {
  return configurations.flatMap((configuration) => {
    const type = credentialTypes.find(
      (candidate) => candidate.type === configuration['credentialProviderType'],
    );
    const provider = configuration['credentialProvider'];
    return type?.providerArns(isJsonObject(provider) ? provider : undefined) ?? [];
  });
}

function listed(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

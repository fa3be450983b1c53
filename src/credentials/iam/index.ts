// Signatures on outbound calls (SigV4). GATEWAY_IAM_ROLE: as the gateway, with the process's AWS credentials or the
// gateway's role assumed with them. CALLER_IAM_CREDENTIALS: as the caller, who signed the call to this gateway with an
// access key of this installation; for services that know its keys, such as another gateway.

import type { CallContext } from '../../core/call.ts';
import { GatewayError } from '../../core/errors.ts';
import type { FieldFault } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import type { CredentialPlacement, OutboundRequest, UpstreamResponse } from '../../core/outbound.ts';
import { signRequest } from '../../lib/sigv4-sign.ts';
import type { SigningCredentials } from '../../lib/sigv4-sign.ts';
import { concealForms, formsOf } from '../../core/conceal.ts';
import type { EchoForm } from '../../core/conceal.ts';
import type { Credential, CredentialServices, CredentialType } from '../credential-type.ts';

/** What AWS's own endpoints are called: `<service>.<region>.amazonaws.com`, and what stands before that. */
const AWS_HOST = /(?:^|\.)([a-z0-9-]+)\.([a-z]{2}(?:-[a-z]+)+-\d)\.(?:amazonaws\.com|api\.aws)(?:\.cn)?$/;
const AGENTCORE = 'bedrock-agentcore';
const SIGNATURE_FIELD =
  /^(authorization|x-amz-(date|security-token|signature|credential|algorithm|signedheaders))$/i;

interface IamConfig {
  readonly service?: string;
  readonly region?: string;
}

function parse(provider: JsonObject | undefined): IamConfig {
  const config = provider?.['iamCredentialProvider'];
  const { service, region } = isJsonObject(config) ? config : {};
  return {
    ...(typeof service === 'string' ? { service } : {}),
    ...(typeof region === 'string' ? { region } : {}),
  };
}

function check(provider: JsonObject | undefined): readonly FieldFault[] {
  const others = Object.keys(provider ?? {}).filter((name) => name !== 'iamCredentialProvider');
  return others.map((name) => ({
    name: `credentialProvider.${name}`,
    message: 'does not go with this credentialProviderType; it takes iamCredentialProvider or nothing',
  }));
}

type FindCredentials = (ctx: CallContext) => Promise<SigningCredentials>;

function prepareWith(
  provider: JsonObject | undefined,
  services: CredentialServices,
  find: FindCredentials,
): Credential {
  const config = parse(provider);
  let echo: { readonly secret: string; readonly forms: readonly EchoForm[] } | undefined;
  return Object.freeze({
    async apply(request: OutboundRequest, ctx: CallContext): Promise<OutboundRequest> {
      const credentials = await find(ctx);
      const token = credentials.sessionToken ?? '';
      // The key itself never leaves; the session token does, in a header.
      if (token !== '' && echo?.secret !== token) echo = { secret: token, forms: formsOf(token) };
      const named = AWS_HOST.exec(request.url.hostname);
      const { signing } = request;
      const service = config.service ?? signing?.service ?? named?.[1] ?? AGENTCORE;
      const region = config.region ?? signing?.region ?? named?.[2] ?? services.aws.region;
      // Another service than the request's maker meant has its own way with paths.
      const isPathEncodedOnce = service === signing?.service ? signing.isPathEncodedOnce : undefined;
      return {
        ...request,
        headers: await signRequest(withoutSignature(request), {
          service,
          region,
          credentials,
          ...(isPathEncodedOnce === undefined ? {} : { isPathEncodedOnce }),
        }),
      };
    },
    conceal: (response: UpstreamResponse) => concealForms(response, echo?.forms ?? []),
  });
}

/** What a caller's propagated headers may have put there would be signed with the rest. */
function withoutSignature(request: OutboundRequest): OutboundRequest {
  // What is made for signing has its own x-amz- fields, such as S3's; none of them came from the caller's headers.
  const pattern = request.signing === undefined ? /^(authorization|x-amz-.*)$/i : SIGNATURE_FIELD;
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !pattern.test(name)));
  return { ...request, headers };
}

function gatewayCredentials({ aws }: CredentialServices): FindCredentials {
  return async (ctx) => {
    const credentials = await aws.gatewayCredentials(ctx);
    if (credentials) return credentials;
    throw new GatewayError(
      'CredentialUnavailable',
      'This server has no AWS credentials to sign with. The operator can give it some in the usual ways of the AWS SDKs (environment, profile, role).',
    );
  };
}

function callerCredentials({ aws }: CredentialServices): FindCredentials {
  return async ({ principal, inboundHeaders }) => {
    const token = [inboundHeaders['x-amz-security-token'] ?? []].flat()[0];
    const id = principal.type === 'iam' ? principal.clientId : undefined;
    const key = id === undefined ? undefined : await aws.accessKeys.find(id, token);
    if (id === undefined || !key)
      throw new GatewayError(
        'CredentialUnavailable',
        'This target is called with the caller’s own signature, and this caller has not signed with an access key.',
      );
    return {
      accessKeyId: id,
      secretAccessKey: key.secret.reveal(),
      ...(token === undefined ? {} : { sessionToken: token }),
    };
  };
}

const noProviders = {
  providerArns: (): readonly string[] => [],
  placement: (): CredentialPlacement => ({ in: 'header', name: 'Authorization' }),
};

export const gatewayIamRoleCredential = Object.freeze({
  type: 'GATEWAY_IAM_ROLE',
  check,
  ...noProviders,
  prepare: (provider: JsonObject | undefined, services: CredentialServices) =>
    prepareWith(provider, services, gatewayCredentials(services)),
} as const) satisfies CredentialType;

export const callerIamCredential = Object.freeze({
  type: 'CALLER_IAM_CREDENTIALS',
  check,
  ...noProviders,
  prepare: (provider: JsonObject | undefined, services: CredentialServices) =>
    prepareWith(provider, services, callerCredentials(services)),
} as const) satisfies CredentialType;

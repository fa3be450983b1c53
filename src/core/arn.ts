// Amazon Resource Names of the resources this service has, and back again.

export interface ArnScope {
  readonly region: string;
  readonly accountId: string;
}

export interface ArnFactory {
  gateway(gatewayId: string): string;
  target(gatewayId: string, targetId: string): string;
  apiKeyProvider(name: string): string;
  oauth2Provider(name: string): string;
  secret(name: string): string;
  workloadIdentity(name: string): string;
}

/** ARNs of one region and account. Provider ARNs use the `bedrock-agentcore` form that AWS's samples build. */
export function createArns({ region, accountId }: ArnScope): ArnFactory {
  const service = `arn:aws:bedrock-agentcore:${region}:${accountId}`;
  return Object.freeze({
    gateway: (id: string) => `${service}:gateway/${id}`,
    target: (gatewayId: string, targetId: string) => `${service}:gateway/${gatewayId}/target/${targetId}`,
    apiKeyProvider: (name: string) => `${service}:token-vault/default/apikeycredentialprovider/${name}`,
    oauth2Provider: (name: string) => `${service}:token-vault/default/oauth2credentialprovider/${name}`,
    secret: (name: string) => `arn:aws:secretsmanager:${region}:${accountId}:secret:${name}`,
    workloadIdentity: (name: string) =>
      `${service}:workload-identity-directory/default/workload-identity/${name}`,
  });
}

export type ResourceReference =
  | { readonly kind: 'gateway'; readonly id: string }
  | { readonly kind: 'gateway-target'; readonly gatewayId: string; readonly id: string }
  | { readonly kind: 'api-key-credential-provider'; readonly name: string }
  | { readonly kind: 'oauth2-credential-provider'; readonly name: string }
  | { readonly kind: 'workload-identity'; readonly name: string };

/** The resource an ARN of this account names, or undefined when it names none of ours. Accepts `acps` ARNs too. */
export function parseArn(arn: string, scope: ArnScope): ResourceReference | undefined {
  const match = /^arn:aws[a-z-]*:(?:bedrock-agentcore|acps):([^:]+):([^:]+):(.+)$/.exec(arn);
  if (!match || match[1] !== scope.region || match[2] !== scope.accountId) return undefined;
  const resource = match[3] ?? '';
  const gateway = /^gateway\/([^/]+)(?:\/target\/([^/]+))?$/.exec(resource);
  if (gateway?.[1] !== undefined)
    return gateway[2] === undefined
      ? { kind: 'gateway', id: gateway[1] }
      : { kind: 'gateway-target', gatewayId: gateway[1], id: gateway[2] };
  const provider = /^token-vault\/default\/(apikey|oauth2)credentialprovider\/([^/]+)$/.exec(resource);
  if (provider?.[2] !== undefined)
    return {
      kind: provider[1] === 'apikey' ? 'api-key-credential-provider' : 'oauth2-credential-provider',
      name: provider[2],
    };
  const workload = /^workload-identity-directory\/default\/workload-identity\/([^/]+)$/.exec(resource);
  if (workload?.[1] !== undefined) return { kind: 'workload-identity', name: workload[1] };
  return undefined;
}

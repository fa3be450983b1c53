// A gateway whose targets call out with OAuth tokens, and everything around it: the product in this process, the issuer
// of its callers' tokens, the identity provider of its targets, an API that says as whom it was called, and AWS's own
// clients for the two control endpoints.

import {
  BedrockAgentCoreControlClient,
  CreateOauth2CredentialProviderCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import { BedrockAgentCoreClient } from '@aws-sdk/client-bedrock-agentcore';
import type { Config } from '../../src/config.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { Secret } from '../../src/lib/secret.ts';
import { openTestApp } from './app.ts';
import type { TestApp } from './app.ts';
import { CLIENT_ID, CLIENT_SECRET, openIdentityProvider } from './identity-provider.ts';
import type { IdentityProvider, IdentityProviderOptions } from './identity-provider.ts';
import { openIssuer } from './issuer.ts';
import type { Issuer } from './issuer.ts';
import { callTool } from './mcp-call.ts';
import type { CallAnswer } from './mcp-call.ts';
import { describeApi, openUpstream } from './upstream.ts';
import type { Upstream } from './upstream.ts';

const ACCESS = { accessKeyId: 'AKIATESTTESTTESTTEST', secretAccessKey: 'test-secret-access-key' };

export interface IdentityBench {
  readonly app: TestApp;
  readonly issuer: Issuer;
  readonly provider: IdentityProvider;
  readonly upstream: Upstream;
  /** AWS's clients, with only the endpoint changed. */
  readonly control: BedrockAgentCoreControlClient;
  readonly data: BedrockAgentCoreClient;
  /** Makes a custom provider for the identity provider, and registers its callback there. Gives its ARN. */
  credentialProvider(name: string, change?: JsonObject): Promise<string>;
  /** Makes a CUSTOM_JWT gateway with one OpenAPI target a credential. */
  gateway(
    targets: Readonly<Record<string, JsonObject>>,
  ): Promise<{ readonly id: string; readonly url: string }>;
  /** Calls `<target>___whoami` as a user. */
  call(url: string, token: string, target: string, meta?: JsonObject): Promise<CallAnswer>;
  /** As whom the API was called, call by call: the users behind the tokens. */
  callers(): Promise<readonly (string | undefined)[]>;
  close(): Promise<void>;
}

/** Opens all of it. */
export async function openIdentityBench(
  options: IdentityProviderOptions & { readonly config?: Partial<Config> } = {},
): Promise<IdentityBench> {
  const issuer = await openIssuer();
  const provider = await openIdentityProvider(options);
  const upstream = await openUpstream();
  const app = await openTestApp({
    accessKeyId: ACCESS.accessKeyId,
    secretAccessKey: new Secret(ACCESS.secretAccessKey),
    ...options.config,
  });
  const aws = { endpoint: app.app.controlUrl, region: 'us-east-1', maxAttempts: 1, credentials: ACCESS };
  const control = new BedrockAgentCoreControlClient(aws);
  const data = new BedrockAgentCoreClient(aws);
  let made = 0;
  return {
    app,
    issuer,
    provider,
    upstream,
    control,
    data,
    async credentialProvider(name, change = {}) {
      const config = {
        oauthDiscovery: { discoveryUrl: provider.discoveryUrl },
        clientId: CLIENT_ID,
        clientSecret: CLIENT_SECRET,
        ...change,
      };
      const { credentialProviderArn, callbackUrl } = await control.send(
        new CreateOauth2CredentialProviderCommand({
          name,
          credentialProviderVendor: 'CustomOauth2',
          oauth2ProviderConfigInput: {
            customOauth2ProviderConfig: config,
          },
        }),
      );
      provider.redirectUris.add(callbackUrl ?? '');
      return credentialProviderArn ?? '';
    },
    async gateway(targets) {
      const invoke = (name: string, input: JsonObject) => app.app.control.invoke(name, input);
      const gateway = await invoke('CreateGateway', {
        name: `bench-${(made += 1)}`,
        roleArn: 'arn:aws:iam::000000000000:role/gateway',
        protocolType: 'MCP',
        authorizerType: 'CUSTOM_JWT',
        authorizerConfiguration: {
          customJWTAuthorizer: { discoveryUrl: issuer.discoveryUrl, allowedAudience: ['gateway'] },
        },
      });
      for (const [name, oauth] of Object.entries(targets))
        await invoke('CreateGatewayTarget', {
          gatewayIdentifier: gateway['gatewayId'],
          name,
          targetConfiguration: {
            mcp: {
              openApiSchema: { inlinePayload: JSON.stringify(describeApi(upstream.url, { whoami: {} })) },
            },
          },
          credentialProviderConfigurations: [
            { credentialProviderType: 'OAUTH', credentialProvider: { oauthCredentialProvider: oauth } },
          ],
        });
      await app.app.control.settled();
      return { id: String(gateway['gatewayId']), url: String(gateway['gatewayUrl']) };
    },
    call: (url, token, target, meta) => callTool(url, token, `${target}___whoami`, meta),
    callers: () =>
      Promise.all(
        upstream.requests.map(({ headers }) =>
          provider.ownerOf((headers.authorization ?? '').replace('Bearer ', '')),
        ),
      ),
    async close() {
      control.destroy();
      data.destroy();
      await app.close();
      await Promise.all([issuer.close(), provider.close(), upstream.close()]);
    },
  };
}

/** `_meta` of a call that says how consent is to be had. */
export function consentMeta(wish: {
  readonly returnUrl?: string;
  readonly forceAuthentication?: boolean;
}): JsonObject {
  return {
    'aws.bedrock-agentcore.gateway/credentialProviderConfiguration': { oauthCredentialProvider: { ...wish } },
  };
}

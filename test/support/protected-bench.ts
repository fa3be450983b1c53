// A gateway whose target is a protected MCP server that it knows by address alone, and the people around it: an operator
// who makes providers and targets, users who call with tokens of their own, and their browsers.

import type { Config } from '../../src/config.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { metadataUrlOf } from '../../src/core/protected-resource.ts';
import { openTestApp } from './app.ts';
import type { TestApp } from './app.ts';
import { ConsentBrowser } from './consent-browser.ts';
import { openIssuer } from './issuer.ts';
import { callTool, linkOf } from './mcp-call.ts';
import type { CallAnswer } from './mcp-call.ts';

/** What the operator says of a credential provider beyond the server's address. */
export interface ProviderWish {
  readonly name?: string;
  readonly config?: JsonObject;
  readonly tags?: Readonly<Record<string, string>>;
}

/** What the operator says of a target. */
export interface TargetWish {
  readonly grantType?: 'AUTHORIZATION_CODE' | 'CLIENT_CREDENTIALS' | 'TOKEN_EXCHANGE';
  readonly scopes?: readonly string[];
  /** Names of tools that are not read from the server. */
  readonly tools?: readonly string[];
}

export interface ProtectedBench {
  readonly app: TestApp;
  /** A credential provider known by the server it protects. Gives its ARN. */
  provider(server: string, wish?: ProviderWish): Promise<string>;
  /** A gateway with one target `server`. Gives the target as it is when all is settled. */
  target(
    endpoint: string,
    providerArn: string,
    wish?: TargetWish,
  ): Promise<{ readonly url: string; readonly gatewayId: string; readonly target: JsonObject }>;
  /** Calls a tool of the target as a user. */
  call(url: string, user: string, tool: string): Promise<CallAnswer>;
  /** The same, giving every consent that is asked for. @param consents how many, written down here */
  callWithConsent(url: string, user: string, tool: string, consents?: URL[]): Promise<CallAnswer>;
  /** What the log says of a kind of event. */
  reasons(message: string): readonly string[];
  close(): Promise<void>;
}

/** Opens all of it. */
export async function openProtectedBench(config: Partial<Config> = {}): Promise<ProtectedBench> {
  const issuer = await openIssuer();
  const app = await openTestApp(config);
  const invoke = (name: string, input: JsonObject) => app.app.control.invoke(name, input);
  let made = 0;
  const call = async (url: string, user: string, tool: string): Promise<CallAnswer> =>
    callTool(url, await issuer.token({ sub: user }), `server___${tool}`);
  return {
    app,
    call,
    async provider(server, { name, config: more = {}, tags } = {}) {
      const { credentialProviderArn } = await invoke('CreateOauth2CredentialProvider', {
        name: name ?? `provider-${(made += 1)}`,
        credentialProviderVendor: 'CustomOauth2',
        oauth2ProviderConfigInput: {
          customOauth2ProviderConfig: {
            oauthDiscovery: { discoveryUrl: metadataUrlOf(new URL(server)) },
            ...more,
          },
        },
        ...(tags ? { tags } : {}),
      });
      return String(credentialProviderArn);
    },
    async target(endpoint, providerArn, { grantType = 'AUTHORIZATION_CODE', scopes = [], tools } = {}) {
      const gateway = await invoke('CreateGateway', {
        name: `gateway-${(made += 1)}`,
        roleArn: 'arn:aws:iam::000000000000:role/gateway',
        protocolType: 'MCP',
        exceptionLevel: 'DEBUG',
        authorizerType: 'CUSTOM_JWT',
        authorizerConfiguration: {
          customJWTAuthorizer: { discoveryUrl: issuer.discoveryUrl, allowedAudience: ['gateway'] },
        },
      });
      const schema = tools && {
        mcpToolSchema: {
          inlinePayload: JSON.stringify({
            tools: tools.map((name) => ({ name, inputSchema: { type: 'object' } })),
          }),
        },
      };
      const { targetId } = await invoke('CreateGatewayTarget', {
        gatewayIdentifier: gateway['gatewayId'],
        name: 'server',
        targetConfiguration: { mcp: { mcpServer: { endpoint, ...schema } } },
        credentialProviderConfigurations: [
          {
            credentialProviderType: 'OAUTH',
            credentialProvider: { oauthCredentialProvider: { providerArn, scopes, grantType } },
          },
        ],
      });
      await app.app.control.settled();
      const gatewayId = String(gateway['gatewayId']);
      const target = await invoke('GetGatewayTarget', { gatewayIdentifier: gatewayId, targetId });
      return { url: String(gateway['gatewayUrl']), gatewayId, target };
    },
    async callWithConsent(url, user, tool, consents = []) {
      for (;;) {
        const answer = await call(url, user, tool);
        if (answer.error?.code !== -32_042 || consents.length >= 10) return answer;
        const browser = new ConsentBrowser();
        const way = await browser.startConsent(linkOf(answer));
        consents.push(way);
        const end = await browser.fetch(await browser.logIn(way, user));
        const place = end.headers.get('location') ?? '';
        if (!place.endsWith('/identities/done')) throw new Error(`the consent ended at ${place}`);
      }
    },
    reasons: (message) => app.lines.filter(({ msg }) => msg === message).map(({ reason }) => String(reason)),
    async close() {
      await app.close();
      await issuer.close();
    },
  };
}

/** The words of a tool's answer. */
export function wordsOf({ result }: CallAnswer): string {
  const [first] = (result?.['content'] ?? []) as readonly { readonly text?: string }[];
  return first?.text ?? '';
}

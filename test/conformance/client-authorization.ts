// The program that the conformance suite runs as “the client” where a server is protected: the whole product, with one
// gateway, one credential provider made from the server's address, and one target, called by a user who gives each
// consent that they are asked for. Nothing of OAuth is done here: this is the user, their browser, and their client.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { App } from '../../src/app.ts';
import { isJsonObject } from '../../src/core/json.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { metadataUrlOf } from '../../src/core/protected-resource.ts';
import { parseAllowRule } from '../../src/upstream/guard.ts';
import { openTestApp } from '../support/app.ts';
import { ConsentBrowser } from '../support/consent-browser.ts';
import { callTool, linkOf } from '../support/mcp-call.ts';
import { openIssuer } from '../support/issuer.ts';

const TARGET = 'protected';
const TOOL = 'test-tool';
/** More than any server may make the product ask for. */
const MAX_CONSENTS = 10;

/** What the suite hands to a client beforehand. */
export interface SuiteContext {
  readonly client_id?: string;
  readonly client_secret?: string;
  readonly issuer?: string;
  readonly private_key_pem?: string;
  readonly signing_algorithm?: string;
  readonly valid_jwt?: string;
}

/** How the product is set up for a scenario. */
export interface Setup {
  readonly grantType: 'AUTHORIZATION_CODE' | 'CLIENT_CREDENTIALS';
  /** Settings of the credential provider. */
  readonly tags?: Readonly<Record<string, string>>;
}

/** Calls a tool of the server at `url` twice. @throws Error with what the caller was told when a call fails */
export async function callProtected(url: string, context: SuiteContext, setup: Setup): Promise<void> {
  const issuer = await openIssuer();
  const folder = mkdtempSync(join(tmpdir(), 'gatewright-conformance-'));
  const workloadTokenFile = join(folder, 'token');
  if (context.valid_jwt !== undefined) writeFileSync(workloadTokenFile, context.valid_jwt);
  const bench = await openTestApp({
    egressAllow: ['localhost', '127.0.0.1', '::1'].map(parseAllowRule),
    workloadTokenFile,
  });
  try {
    const gatewayUrl = await makeGateway(bench.app, issuer.discoveryUrl, url, context, setup);
    await bench.app.control.settled();
    const browser = new ConsentBrowser();
    const token = await issuer.token();
    for (let calls = 0; calls < 2; calls += 1) await callUntilDone(gatewayUrl, token, browser);
  } catch (thrown) {
    for (const line of bench.lines) if (line.level !== 'debug') console.error(JSON.stringify(line));
    throw thrown;
  } finally {
    await bench.close();
    await issuer.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function callUntilDone(url: string, token: string, browser: ConsentBrowser): Promise<void> {
  for (let consents = 0; consents <= MAX_CONSENTS; consents += 1) {
    const answer = await callTool(url, token, `${TARGET}___${TOOL}`);
    if (answer.result?.['isError'] !== true && answer.result !== undefined) return;
    if (answer.error?.code !== -32_042) throw new Error(`the call failed: ${JSON.stringify(answer)}`);
    const end = await browser.consent(linkOf(answer));
    if (end.pathname !== '/identities/done') throw new Error(`the consent ended at ${end.pathname}`);
  }
  throw new Error('the user was asked for consent again and again');
}

async function makeGateway(
  { control }: App,
  discoveryUrl: string,
  endpoint: string,
  context: SuiteContext,
  { grantType, tags = {} }: Setup,
): Promise<string> {
  const invoke = (operation: string, input: JsonObject) => control.invoke(operation, input);
  const { client_id: clientId, private_key_pem: key, client_secret: secret = key, issuer } = context;
  const { credentialProviderArn } = await invoke('CreateOauth2CredentialProvider', {
    name: 'server',
    credentialProviderVendor: 'CustomOauth2',
    oauth2ProviderConfigInput: {
      customOauth2ProviderConfig: {
        oauthDiscovery: { discoveryUrl: metadataUrlOf(new URL(endpoint)) },
        ...(clientId === undefined ? {} : { clientId }),
        ...(secret === undefined ? {} : { clientSecret: secret }),
        ...(key === undefined
          ? {}
          : {
              clientAuthenticationMethod: 'PRIVATE_KEY_JWT',
              privateKeyJwtConfig: { signingAlgorithm: context.signing_algorithm ?? 'ES256' },
            }),
      },
    },
    tags: { ...tags, ...(issuer === undefined ? {} : { 'gatewright:issuer': issuer }) },
  });
  const gateway = await invoke('CreateGateway', {
    name: 'conformance',
    roleArn: 'arn:aws:iam::000000000000:role/gateway',
    protocolType: 'MCP',
    authorizerType: 'CUSTOM_JWT',
    authorizerConfiguration: { customJWTAuthorizer: { discoveryUrl, allowedAudience: ['gateway'] } },
  });
  const created = await invoke('CreateGatewayTarget', {
    gatewayIdentifier: gateway['gatewayId'],
    name: TARGET,
    targetConfiguration: { mcp: { mcpServer: { endpoint, mcpToolSchema: { inlinePayload: SCHEMA } } } },
    credentialProviderConfigurations: [
      {
        credentialProviderType: 'OAUTH',
        credentialProvider: {
          oauthCredentialProvider: { providerArn: credentialProviderArn, scopes: [], grantType },
        },
      },
    ],
  });
  if (!isJsonObject(created)) throw new Error('no target was made');
  return String(gateway['gatewayUrl']);
}

/** The tool is known beforehand, so that the user's calls are the first that the server sees. */
const SCHEMA = JSON.stringify({ tools: [{ name: TOOL, inputSchema: { type: 'object' } }] });

// A protected server of the conformance suite where an enterprise's identity provider vouches for the user. The suite hands
// out the user's token, but publishes no key to check it with, which no gateway would pass: so the product's parts are put
// together here as a gateway has them behind its authorizer. Providers are made through the control plane.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '../../src/core/json.ts';
import { metadataUrlOf } from '../../src/core/protected-resource.ts';
import { oauthCredential } from '../../src/credentials/oauth/index.ts';
import { createIdentity } from '../../src/identity/engine.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { Secret } from '../../src/lib/secret.ts';
import { openStore } from '../../src/open-store.ts';
import { mcpServerTargetType } from '../../src/targets/mcp-server/index.ts';
import { createEgressClient } from '../../src/upstream/client.ts';
import { createEgressGuard, parseAllowRule } from '../../src/upstream/guard.ts';
import { keyFile } from '../../src/vault/key-file.ts';
import { openKeyRing } from '../../src/vault/key-ring.ts';
import { createVault } from '../../src/vault/vault.ts';
import { createRecordingLog, openTestApp } from '../support/app.ts';
import { callOf } from '../support/mcp-target.ts';
import { credentialServices, targetServices } from '../support/target-services.ts';

const SCOPE = { region: 'us-east-1', accountId: '000000000000' };

/** What the suite hands to a client beforehand. */
export interface EnterpriseContext {
  readonly client_id?: string;
  readonly client_secret?: string;
  readonly idp_client_id?: string;
  readonly idp_id_token?: string;
  readonly idp_issuer?: string;
}

/** Calls a tool of the server at `url` as the user of the token. @throws what the call throws */
export async function callForEnterprise(url: string, context: EnterpriseContext): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatewright-conformance-'));
  const egressAllow = ['localhost', '127.0.0.1', '::1'].map(parseAllowRule);
  const masterKeyFile = join(dataDir, 'key');
  const app = await openTestApp({ dataDir, masterKeyFile, egressAllow });
  const egress = createEgressClient({ guard: createEgressGuard(egressAllow) });
  const { log } = createRecordingLog();
  const store = await openStore({ dataDir }, systemClock, log);
  try {
    const make = (name: string, config: JsonObject, tags: Record<string, string> = {}): Promise<JsonObject> =>
      app.app.control.invoke('CreateOauth2CredentialProvider', {
        name,
        credentialProviderVendor: 'CustomOauth2',
        oauth2ProviderConfigInput: { customOauth2ProviderConfig: config },
        tags,
      });
    await make('enterprise', {
      oauthDiscovery: { discoveryUrl: `${context.idp_issuer}/.well-known/openid-configuration` },
      clientId: context.idp_client_id ?? '',
    });
    const { credentialProviderArn } = await make(
      'server',
      {
        oauthDiscovery: { discoveryUrl: metadataUrlOf(new URL(url)) },
        clientId: context.client_id ?? '',
        clientSecret: context.client_secret ?? '',
      },
      { 'gatewright:identity-provider': 'enterprise' },
    );
    const vault = createVault(await openKeyRing(keyFile(masterKeyFile), false), SCOPE.accountId);
    const identity = createIdentity({
      store,
      egress,
      clock: systemClock,
      log,
      scope: SCOPE,
      publicUrl: () => app.app.publicUrl,
      seal: (secret, binding) => vault.seal(secret, binding),
      open: (sealed, binding) => vault.open(sealed, binding),
      workloadToken: () => Promise.reject(new Error('there is none here')),
    });
    const credential = oauthCredential.prepare(
      {
        oauthCredentialProvider: {
          providerArn: String(credentialProviderArn),
          scopes: [],
          grantType: 'TOKEN_EXCHANGE',
        },
      },
      credentialServices({ tokens: identity.tokens.tokensFor('gateway') }),
    );
    const { server } = mcpServerTargetType.prepare(
      { endpoint: url },
      targetServices({
        egress,
        applyCredential: (request, ctx) => credential.apply(request, ctx, undefined),
        conceal: (response, request) => credential.conceal(response, request),
      }),
    );
    const principal = {
      type: 'oauth-user',
      id: 'user',
      issuer: context.idp_issuer ?? '',
      claims: { sub: 'user' },
      token: new Secret(context.idp_id_token ?? ''),
    } as const;
    await server?.request('tools/call', { name: 'test-tool', arguments: {} }, callOf({ principal }));
    await server?.close();
  } finally {
    await store.close();
    await egress.close();
    await app.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

// What the audit log says of users' consents and of the tokens that follow from them: begun, followed, given, refused,
// failed, completed, taken back, and every request to a token endpoint. By AWS's clients and a browser.

import { CompleteResourceTokenAuthCommand } from '@aws-sdk/client-bedrock-agentcore';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { auditedFolder, fillDisk, secretBox } from './support/audited-app.ts';
import type { AuditedFolder, SecretBox } from './support/audited-app.ts';
import { ConsentBrowser } from './support/consent-browser.ts';
import { openFixtureServer } from './support/fixture-server.ts';
import { openIdentityBench } from './support/identity-bench.ts';
import type { IdentityBench } from './support/identity-bench.ts';
import { CLIENT_SECRET } from './support/identity-provider.ts';
import { linkOf } from './support/mcp-call.ts';

const RETURN_URL = 'http://localhost:3021/back';

async function open(folder: AuditedFolder, audit: 'best-effort' | 'required' = 'best-effort') {
  const bench = await openIdentityBench({ config: { ...folder.settings, audit } });
  let isClosed = false;
  const close = async (): Promise<void> => {
    if (!isClosed) await bench.close();
    isClosed = true;
  };
  onTestFinished(close);
  const arn = await bench.credentialProvider('consent');
  const oauth = { providerArn: arn, scopes: ['read', 'offline_access'], grantType: 'AUTHORIZATION_CODE' };
  const { url, id } = await bench.gateway({
    app: { ...oauth, defaultReturnUrl: RETURN_URL },
    plain: { ...oauth, scopes: ['read'] },
  });
  return { bench, close, arn, url, id };
}

/** Everything of an address that is worth something. */
function keepParameters(box: SecretBox, address: string | URL): void {
  for (const [name, value] of new URL(address).searchParams)
    if (['code', 'state', 'request_uri', 'session_id', 'nonce', 'code_challenge'].includes(name))
      box.keep(value);
}

function keepTokens(box: SecretBox, { provider }: IdentityBench): void {
  for (const { form } of provider.tokenRequests)
    for (const name of ['code', 'code_verifier', 'refresh_token', 'client_secret']) {
      const value = form.get(name);
      if (value !== null) box.keep(value);
    }
}

it('a consent is told of from its link to its end, and so is each token that came of it', async () => {
  const folder = auditedFolder();
  const box = secretBox();
  const { bench, close, arn, url, id } = await open(folder);
  box.keep(CLIENT_SECRET);
  const token = box.keep(await bench.issuer.token({ sub: 'alice' }));
  const mallory = box.keep(await bench.issuer.token({ sub: 'mallory' }));
  const browser = new ConsentBrowser();
  /** To the application's address; gives the link and what completes the session. */
  const consent = async () => {
    const link = linkOf(await bench.call(url, token, 'app'));
    const back = await browser.consent(link, 'alice-at-provider');
    for (const address of [...browser.visited, link, back]) keepParameters(box, address);
    const sessionUri = back.searchParams.get('session_id') ?? '';
    const complete = (userToken: string) =>
      bench.data.send(new CompleteResourceTokenAuthCommand({ sessionUri, userIdentifier: { userToken } }));
    return { link, complete };
  };
  await expect((await consent()).complete(mallory)).rejects.toThrow();
  bench.provider.accessTokenSeconds = 100;
  const { link, complete } = await consent();
  await complete(token);
  // In the last tenth of its life: the next call has to refresh it.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 95_000 });
  onTestFinished(() => void vi.useRealTimers());
  expect((await bench.call(url, token, 'app')).result).toMatchObject({ isError: false });
  // And it is taken back, here and at the provider.
  const shown = link.replace('/identities/authorize', '/identities/consents');
  const page = await (await browser.fetch(shown)).text();
  const fieldOf = (name: string): string =>
    new RegExp(`name="${name}" value="([^"]+)"`).exec(page)?.[1] ?? '';
  await browser.fetch(new URL('/identities/consents', shown), {
    method: 'POST',
    body: new URLSearchParams({
      request_uri: new URL(shown).searchParams.get('request_uri') ?? '',
      csrf: box.keep(fieldOf('csrf')),
      consent: fieldOf('consent'),
    }),
  });
  await expect.poll(() => bench.provider.revoked).toHaveLength(2);
  for (const revoked of bench.provider.revoked) box.keep(revoked);
  for (const { headers } of bench.upstream.requests) box.keep(String(headers.authorization).slice(7));
  keepTokens(box, bench);
  await close();

  const user = `${bench.issuer.url} alice`;
  const [first, begun, ...others] = folder.of('BeginUserConsent');
  expect(others).toEqual([]);
  expect(begun).toMatchObject({
    eventSource: 'gatewright',
    eventCategory: 'Management',
    userIdentity: { type: 'WebIdentityUser', principalId: 'alice' },
    additionalEventData: { decision: 'allow', gateway: id },
    resources: [{ ARN: arn }],
    requestParameters: { scopes: 'read offline_access', user },
  });
  const session = begun?.requestParameters?.['session'];
  expect(session).toEqual(expect.any(String));
  for (const name of ['StartUserConsent', 'GiveUserConsent'])
    expect(folder.of(name)[1], name).toMatchObject({
      eventSource: 'gatewright',
      userIdentity: { type: 'Unknown' },
      sourceIPAddress: '127.0.0.1',
      requestParameters: { session, user },
      additionalEventData: { decision: 'allow' },
    });
  expect(folder.of('CompleteUserConsent')).toMatchObject([
    {
      userIdentity: { type: 'IAMUser', accessKeyId: 'AKIATESTTESTTESTTEST' },
      requestParameters: { session: first?.requestParameters?.['session'] },
      errorCode: 'Forbidden',
      additionalEventData: { decision: 'deny' },
    },
    { requestParameters: { session }, additionalEventData: { decision: 'allow' } },
  ]);
  // The application's operation and what it has ended are one request.
  expect(folder.of('CompleteUserConsent').map(({ requestID }) => requestID)).toEqual(
    folder.of('CompleteResourceTokenAuth').map(({ requestID }) => requestID),
  );
  expect(folder.of('RevokeUserConsent')).toMatchObject([
    {
      userIdentity: { type: 'Unknown' },
      requestParameters: { consentId: expect.any(String) as string, user },
      resources: [{ ARN: arn }],
      additionalEventData: { decision: 'allow', gateway: id },
    },
  ]);
  // The call that asked for it and its consent are one request.
  expect(folder.of('InvokeGateway').map(({ requestID }) => requestID)).toContain(begun?.requestID);
  const uses = folder
    .of('UseCredential')
    .filter(({ requestParameters }) => requestParameters?.['purpose'] !== undefined);
  const use = {
    eventCategory: 'Data',
    userIdentity: { type: 'AWSService' },
    resources: [{ ARN: arn }],
    additionalEventData: { decision: 'allow', gateway: id },
  };
  expect(uses).toMatchObject([
    {
      ...use,
      requestParameters: {
        credentialProviderArn: arn,
        credentialProviderType: 'OAUTH',
        destination: bench.provider.url,
        grantType: 'authorization_code',
        user,
      },
    },
    { ...use, requestParameters: { grantType: 'refresh_token', purpose: 'token-request', user } },
    ...bench.provider.revoked.map(() => ({
      userIdentity: { type: 'AWSService' },
      requestParameters: { grantType: 'revocation', purpose: 'revoke-token' },
    })),
  ]);
  box.expectNoneIn(folder.audit);
});

it.each(['best-effort', 'required'] as const)(
  'a target that waits for a consent is told of (%s)',
  async (mode) => {
    const folder = auditedFolder();
    const box = secretBox();
    const { bench, close, arn, id } = await open(folder, mode);
    const mcp = await openFixtureServer({ eras: 'legacy' });
    onTestFinished(() => mcp.close());
    const invoke = (name: string, input: object) =>
      bench.app.app.control.invoke(name, { gatewayIdentifier: id, ...input });
    const { targetId } = await invoke('CreateGatewayTarget', {
      name: 'mcp',
      targetConfiguration: { mcp: { mcpServer: { endpoint: mcp.url } } },
      credentialProviderConfigurations: [
        {
          credentialProviderType: 'OAUTH',
          credentialProvider: {
            oauthCredentialProvider: { providerArn: arn, scopes: ['read'], grantType: 'AUTHORIZATION_CODE' },
          },
        },
      ],
    });
    const { authorizationData } = await invoke('GetGatewayTarget', { targetId });
    const { oauth2 } = authorizationData as { readonly oauth2: { readonly authorizationUrl: string } };
    keepParameters(box, oauth2.authorizationUrl);
    const browser = new ConsentBrowser();
    await browser.consent(oauth2.authorizationUrl, 'admin');
    for (const address of browser.visited) keepParameters(box, address);
    await expect
      .poll(async () => (await invoke('GetGatewayTarget', { targetId }))['status'], { timeout: 20_000 })
      .toBe('READY');
    await close();
    const [begun] = folder.of('BeginUserConsent');
    expect(begun).toMatchObject({
      userIdentity: { type: 'AWSService' },
      resources: [{ ARN: arn }],
      additionalEventData: { gateway: id, target: targetId },
      requestParameters: { scopes: 'read' },
    });
    const session = begun?.requestParameters?.['session'];
    for (const name of ['StartUserConsent', 'GiveUserConsent', 'CompleteUserConsent'])
      for (const record of folder.of(name))
        expect(record, name).toMatchObject({
          requestParameters: { session },
          additionalEventData: { target: targetId, decision: 'allow' },
        });
    expect(folder.of('CompleteUserConsent')).toHaveLength(mode === 'required' ? 2 : 1);
    // With the token of that user the server was asked for its tools.
    expect(
      folder
        .of('UseCredential')
        .filter(({ additionalEventData }) => additionalEventData['target'] === targetId).length,
    ).toBeGreaterThan(0);
    keepTokens(box, bench);
    box.expectNoneIn(folder.audit);
  },
);

describe('what does not work', () => {
  it.each(['best-effort', 'required'] as const)(
    'a state that nobody was given is a refusal, and announces nothing (%s)',
    async (mode) => {
      const folder = auditedFolder();
      const { bench, close, url } = await open(folder, mode);
      const answer = await fetch(
        new URL('/identities/callback/00000000-0000-4000-8000-000000000000?state=made-up&code=made-up', url),
      );
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(bench.provider.count('authorization_code')).toBe(0);
      await close();
      const told = folder.of('GiveUserConsent');
      expect(told).toHaveLength(1);
      expect(told[0]).toMatchObject({
        userIdentity: { type: 'Unknown' },
        additionalEventData: { decision: 'deny' },
        errorCode: expect.any(String) as unknown,
      });
      expect(told[0]?.additionalEventData).not.toHaveProperty('phase');
      expect(JSON.stringify(told)).not.toContain('made-up');
    },
  );

  it('is told of: not allowed at the provider, in another browser, refused by its token endpoint', async () => {
    const folder = auditedFolder();
    const box = secretBox();
    const { bench, close, url } = await open(folder);
    const linkFor = async (sub: string): Promise<string> => {
      const link = linkOf(await bench.call(url, await bench.issuer.token({ sub }), 'plain'));
      keepParameters(box, link);
      return link;
    };
    const browser = new ConsentBrowser();
    const asked = await browser.startConsent(await linkFor('denies'));
    keepParameters(box, asked);
    const denied = new URL(asked.searchParams.get('redirect_uri') ?? '');
    denied.searchParams.set('error', 'access_denied');
    denied.searchParams.set('state', asked.searchParams.get('state') ?? '');
    denied.searchParams.set('iss', bench.provider.url);
    await browser.fetch(denied);
    const callback = await browser.logIn(await browser.startConsent(await linkFor('hijacked')), 'someone');
    keepParameters(box, callback);
    await new ConsentBrowser().fetch(callback);
    bench.provider.mode = 'repeats';
    await new ConsentBrowser().consent(await linkFor('fails'));
    keepTokens(box, bench);
    await close();
    const given = folder.of('GiveUserConsent');
    expect(given).toMatchObject([
      { additionalEventData: { decision: 'deny', reason: 'The user has not allowed it.' } },
      { errorCode: 'Forbidden', additionalEventData: { decision: 'deny' } },
      { additionalEventData: { decision: 'allow' } },
    ]);
    expect(folder.of('CompleteUserConsent')).toMatchObject([
      { errorCode: 'CredentialUnavailable', sourceIPAddress: '127.0.0.1' },
    ]);
    expect(
      folder.of('UseCredential').filter(({ requestParameters }) => requestParameters?.['purpose']),
    ).toMatchObject([
      {
        errorCode: 'CredentialUnavailable',
        requestParameters: { grantType: 'authorization_code' },
      },
    ]);
    box.expectNoneIn(folder.audit);
  });

  it('where the log is required and cannot be written, no code is redeemed', async () => {
    const folder = auditedFolder();
    const { bench, close, url } = await open(folder, 'required');
    const token = await bench.issuer.token({ sub: 'alice' });
    const link = linkOf(await bench.call(url, token, 'plain'));
    const browser = new ConsentBrowser();
    const callback = await browser.logIn(await browser.startConsent(link), 'someone');
    const disk = await fillDisk();
    await browser.fetch(callback);
    expect(bench.provider.count('authorization_code')).toBe(0);
    disk.free();
    await close();
    const phases = folder
      .of('StartUserConsent')
      .map(({ additionalEventData, requestID }) => [requestID, additionalEventData['phase']]);
    expect(phases).toEqual([
      [phases[0]?.[0], 'intent'],
      [phases[0]?.[0], 'outcome'],
    ]);
  });
});

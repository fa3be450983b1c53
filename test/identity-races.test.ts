// Consents and tokens when several things happen at once: an answer of the authorization server that is late, and what
// users, applications and operators do before it arrives. The slow server is a certified one whose answers are held back.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateWorkloadIdentityCommand,
  DeleteOauth2CredentialProviderCommand,
  DeleteWorkloadIdentityCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import {
  CompleteResourceTokenAuthCommand,
  GetResourceOauth2TokenCommand,
  GetWorkloadAccessTokenForUserIdCommand,
} from '@aws-sdk/client-bedrock-agentcore';
import type { GetResourceOauth2TokenCommandOutput } from '@aws-sdk/client-bedrock-agentcore';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openTestApp } from './support/app.ts';
import { ConsentBrowser } from './support/consent-browser.ts';
import { consentMeta, openIdentityBench } from './support/identity-bench.ts';
import type { IdentityBench } from './support/identity-bench.ts';
import { linkOf } from './support/mcp-call.ts';

const RETURN_URL = 'https://app.example/back';
let bench: IdentityBench;
let users = 0;
beforeEach(async () => {
  bench = await openIdentityBench();
  await bench.credentialProvider('custom');
  await bench.control.send(
    new CreateWorkloadIdentityCommand({ name: 'agent', allowedResourceOauth2ReturnUrls: [RETURN_URL] }),
  );
});
afterEach(async () => {
  vi.useRealTimers();
  await bench.close();
});

const invoke = (name: string, input: object) => bench.app.app.control.invoke(name, input as never);

/** An application that asks on behalf of one user. */
async function application(name = 'agent') {
  const userId = `user-${(users += 1)}`;
  const { workloadAccessToken } = await bench.data.send(
    new GetWorkloadAccessTokenForUserIdCommand({ workloadName: name, userId }),
  );
  const ask = (more: object = {}): Promise<GetResourceOauth2TokenCommandOutput> =>
    bench.data.send(
      new GetResourceOauth2TokenCommand({
        workloadIdentityToken: workloadAccessToken,
        resourceCredentialProviderName: 'custom',
        scopes: ['read', 'offline_access'],
        oauth2Flow: 'USER_FEDERATION',
        resourceOauth2ReturnUrl: RETURN_URL,
        ...more,
      }),
    );
  const complete = (sessionUri: string | undefined) =>
    bench.data.send(new CompleteResourceTokenAuthCommand({ sessionUri, userIdentifier: { userId } }));
  /** Begins a consent and goes through it in the browser; it is left to be completed. */
  async function authorize(more: object = {}): Promise<string> {
    const { authorizationUrl, sessionUri } = await ask(more);
    await new ConsentBrowser().consent(authorizationUrl ?? '', userId);
    return sessionUri ?? '';
  }
  const revoke = async (): Promise<void> => {
    const { consents } = (await invoke('ListUserConsents', {})) as unknown as {
      consents: readonly { consentId: string; user: { userId?: string } }[];
    };
    for (const { consentId } of consents) await invoke('RevokeUserConsent', { consentId });
  };
  return { userId, ask, complete, authorize, revoke };
}

/** What the server was told to end, once it has been told. */
async function revoked(token: string): Promise<void> {
  await expect.poll(() => bench.provider.revoked).toContain(token);
}

describe('while a code is being exchanged', () => {
  test('an application that asks how far it is learns that it goes on, and gets the token in the end', async () => {
    const app = await application();
    const sessionUri = await app.authorize();
    expect((await app.ask({ sessionUri })).sessionStatus).toBe('IN_PROGRESS');
    const answer = bench.provider.holdTokenAnswer();
    const completing = app.complete(sessionUri);
    const { accessToken } = await answer.made;
    expect((await app.ask({ sessionUri })).sessionStatus).toBe('IN_PROGRESS');
    // Nobody completes it a second time.
    await expect(app.complete(sessionUri)).rejects.toThrow(/being completed/);
    answer.release();
    await completing;
    expect((await app.ask({ sessionUri })).accessToken).toBe(accessToken);
    expect(bench.provider.count('authorization_code')).toBe(1);
  });

  test('a server that refuses ends it as failed', async () => {
    const app = await application();
    const sessionUri = await app.authorize();
    bench.provider.mode = 'error';
    await expect(app.complete(sessionUri)).rejects.toThrow();
    bench.provider.mode = 'ok';
    expect((await app.ask({ sessionUri })).sessionStatus).toBe('FAILED');
    await expect(app.complete(sessionUri)).rejects.toThrow(/over/);
  });

  test('a consent that is taken back leaves no token behind, here or at the server', async () => {
    const app = await application();
    await app.complete(await app.authorize());
    const again = await app.authorize({ forceAuthentication: true });
    const answer = bench.provider.holdTokenAnswer();
    const completing = app.complete(again);
    const { accessToken, refreshToken } = await answer.made;
    await app.revoke();
    answer.release();
    await expect(completing).rejects.toThrow();
    expect((await app.ask()).accessToken).toBeUndefined();
    await revoked(refreshToken);
    await revoked(accessToken);
  });
});

describe('a consent that has been given and not completed', () => {
  test('is over when what it replaces is taken back', async () => {
    const app = await application();
    await app.complete(await app.authorize());
    const authorized = await app.authorize({ forceAuthentication: true });
    const open = (await app.ask({ forceAuthentication: true, customState: 'another' })).sessionUri;
    const bystander = await application();
    const other = await bystander.authorize();
    const before = bench.provider.count('authorization_code');
    await app.revoke();
    await expect(app.complete(authorized)).rejects.toThrow(/over/);
    expect(bench.provider.count('authorization_code')).toBe(before);
    expect((await app.ask({ sessionUri: open })).sessionStatus).toBe('FAILED');
    expect((await app.ask()).accessToken).toBeUndefined();
    // Another user's is theirs.
    await bystander.complete(other);
    expect((await bystander.ask()).accessToken).toBeDefined();
  });

  test.each([
    ['workload identity', () => bench.control.send(new DeleteWorkloadIdentityCommand({ name: 'agent' }))],
    [
      'credential provider',
      () => bench.control.send(new DeleteOauth2CredentialProviderCommand({ name: 'custom' })),
    ],
  ])('is worth nothing without its %s', async (_what, remove) => {
    const app = await application();
    const sessionUri = await app.authorize();
    await remove();
    await expect(app.complete(sessionUri)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    expect(bench.provider.count('authorization_code')).toBe(0);
  });
});

describe('a token that is renewed', () => {
  /** One that has to be renewed at the next call, and the answer to that on its way. */
  async function renewing() {
    bench.provider.accessTokenSeconds = 100;
    const app = await application();
    await app.complete(await app.authorize());
    // In the last tenth of its life.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 95_000 });
    const answer = bench.provider.holdTokenAnswer();
    const asking = app.ask();
    return { app, answer, asking, tokens: await answer.made };
  }

  test('too late for a consent that was taken back: it is not kept, and the server is told', async () => {
    const { app, answer, asking, tokens } = await renewing();
    await app.revoke();
    answer.release();
    const ended = await asking;
    expect(ended.accessToken).toBeUndefined();
    expect(ended.authorizationUrl).toBeDefined();
    await revoked(tokens.refreshToken);
    await revoked(tokens.accessToken);
  });

  test('too late for a newer consent: that one’s token counts, and is not revoked', async () => {
    const { app, answer, asking, tokens } = await renewing();
    await app.complete(await app.authorize({ forceAuthentication: true }));
    answer.release();
    const { accessToken } = await asking;
    expect(accessToken).toBeDefined();
    expect(accessToken).not.toBe(tokens.accessToken);
    expect((await app.ask()).accessToken).toBe(accessToken);
    expect(bench.provider.revoked).toEqual([]);
  });
});

describe('a token that does not open', () => {
  test.each([
    ['another master key', (file: string) => writeFileSync(file, `${randomBytes(32).toString('base64')}\n`)],
    ['no master key', (file: string) => rmSync(file)],
  ])('with %s: the user is not asked for a consent that is there', async (_what, change) => {
    const dataDir = mkdtempSync(join(tmpdir(), 'gatewright-races-'));
    const config = { dataDir, masterKeyFile: join(dataDir, 'key') };
    const own = await openIdentityBench({ config });
    try {
      const arn = await own.credentialProvider('consent');
      const { url } = await own.gateway({
        app: { providerArn: arn, scopes: ['read'], grantType: 'AUTHORIZATION_CODE' },
      });
      const token = await own.issuer.token();
      await new ConsentBrowser().consent(linkOf(await own.call(url, token, 'app')), 'alice');
      expect((await own.call(url, token, 'app')).result).toMatchObject({ isError: false });
      await own.app.app.close(1_000);
      change(config.masterKeyFile);
      const again = await openTestApp(config);
      const at = new URL(new URL(url).pathname, again.app.publicUrl).href;
      const answer = await own.call(at, token, 'app');
      expect(answer.error?.code).not.toBe(-32_042);
      expect(JSON.stringify(answer)).not.toContain('/identities/authorize');
      expect(again.lines).toContainEqual(expect.objectContaining({ msg: 'a stored token does not open' }));
      await again.close();
    } finally {
      await own.close();
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
});

test('the link of one gateway shows and takes back what was given to that one alone', async () => {
  const arn = await bench.credentialProvider('consent');
  const oauth = { providerArn: arn, scopes: ['read'], grantType: 'AUTHORIZATION_CODE' };
  const gateways = [await bench.gateway({ app: oauth }), await bench.gateway({ app: oauth })];
  const token = await bench.issuer.token();
  for (const { url } of gateways)
    await new ConsentBrowser().consent(linkOf(await bench.call(url, token, 'app')), 'alice');
  const { consents } = (await invoke('ListUserConsents', {})) as unknown as {
    consents: readonly { consentId: string; workload: string }[];
  };
  expect(consents).toHaveLength(2);

  const [first] = gateways;
  const forced = await bench.call(first?.url ?? '', token, 'app', consentMeta({ forceAuthentication: true }));
  const browser = new ConsentBrowser();
  const shown = linkOf(forced).replace('/identities/authorize', '/identities/consents');
  const page = await (await browser.fetch(shown)).text();
  const listed = consents.filter(({ consentId }) => page.includes(consentId));
  expect(listed).toHaveLength(1);
  const [foreign] = consents.filter(({ consentId }) => !page.includes(consentId));

  const csrf = /name="csrf" value="([^"]+)"/.exec(page)?.[1] ?? '';
  const takeBack = (consent: string | undefined) =>
    browser.fetch(new URL('/identities/consents', shown), {
      method: 'POST',
      body: new URLSearchParams({
        request_uri: new URL(shown).searchParams.get('request_uri') ?? '',
        csrf,
        consent: consent ?? '',
      }),
    });
  await takeBack(foreign?.consentId);
  expect(((await invoke('ListUserConsents', {})) as { consents: unknown[] }).consents).toHaveLength(2);
  await takeBack(listed[0]?.consentId);
  expect(((await invoke('ListUserConsents', {})) as { consents: unknown[] }).consents).toHaveLength(1);
});

describe('asking again and again', () => {
  test('is over after ten consents that nobody has given, for this user alone', async () => {
    const app = await application();
    for (let count = 0; count < 10; count += 1) await app.ask({ customState: `state-${count}` });
    await expect(app.ask({ customState: 'one more' })).rejects.toMatchObject({ name: 'ThrottlingException' });
    expect((await (await application()).ask()).authorizationUrl).toBeDefined();
  });

  test('is over after fifty that were denied as well', async () => {
    const app = await application();
    for (let count = 0; count < 50; count += 1) {
      const { authorizationUrl } = await app.ask({ customState: `state-${count}` });
      const browser = new ConsentBrowser();
      const provider = await browser.startConsent(authorizationUrl ?? '');
      const back = new URL(provider.searchParams.get('redirect_uri') ?? '');
      back.search = new URLSearchParams({
        error: 'access_denied',
        state: provider.searchParams.get('state') ?? '',
        iss: bench.provider.url,
      }).toString();
      expect((await browser.fetch(back)).headers.get('location')).toContain('reason=denied');
    }
    await expect(app.ask({ customState: 'one more' })).rejects.toMatchObject({ name: 'ThrottlingException' });
  });
});

test('what a server says in its errors is in no log and no answer', async () => {
  const app = await application();
  const sessionUri = await app.authorize();
  bench.provider.mode = 'repeats';
  const refused = await app.complete(sessionUri).then(
    () => '',
    (thrown: unknown) => String(thrown),
  );
  expect(refused).not.toBe('');
  const said = `${refused}\n${bench.app.lines.map((line) => JSON.stringify(line)).join('\n')}`;
  expect(said).toContain('invalid_request');
  for (const word of ['not with', 'code_verifier', 'grant_type']) expect(said).not.toContain(word);
});

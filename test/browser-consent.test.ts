// The pages of consents and of sign-in in a real browser, which sends and refuses what no imitation does: origins of forms, cookies,
// policies. Skipped where there is no Chromium.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHROMIUM, openChromium } from './support/chromium.ts';
import type { ChromiumPage } from './support/chromium.ts';
import { openIdentityBench } from './support/identity-bench.ts';
import { callTool, linkOf } from './support/mcp-call.ts';
import type { IdentityBench } from './support/identity-bench.ts';
import {
  authorizationRequest,
  openAuthorizedApp,
  postForm,
  registerPublic,
  USER,
} from './support/oauth-client.ts';
import { describeApi, openUpstream } from './support/upstream.ts';

describe.skipIf(CHROMIUM === undefined)('a consent in Chromium', () => {
  let bench: IdentityBench;
  let page: ChromiumPage;
  beforeAll(async () => {
    [bench, page] = await Promise.all([openIdentityBench(), openChromium()]);
  });
  afterAll(() => Promise.all([bench.close(), page.close()]));

  it('goes from the link to the provider, back, and to a call as that user', async () => {
    const providerArn = await bench.credentialProvider('browser');
    const { url } = await bench.gateway({
      app: { providerArn, scopes: ['read', 'offline_access'], grantType: 'AUTHORIZATION_CODE' },
    });
    const token = await bench.issuer.token({ sub: 'alice' });
    const link = linkOf(await bench.call(url, token, 'app'));
    await page.go(link);
    await page.until(`document.title === 'Allow access?'`);
    await page.evaluate(`document.querySelector('button').click()`);
    // The provider's own two forms.
    await page.until(`document.querySelector('[name=login]') !== null`);
    await page.evaluate(
      `document.querySelector('[name=login]').value = 'alice-at-provider';
       document.querySelector('[name=password]').value = 'any';
       document.querySelector('[type=submit]').click()`,
    );
    await page.until(`document.querySelector('[name=prompt][value=consent]') !== null`);
    await page.evaluate(`document.querySelector('[type=submit]').click()`);
    await page.until(`location.pathname.startsWith('/identities/') && document.readyState === 'complete'`);
    expect(await page.evaluate('location.pathname + location.search')).toBe('/identities/done');
    expect(await page.evaluate('document.referrer')).not.toContain('code=');
    expect((await bench.call(url, token, 'app')).result).toMatchObject({ isError: false });
    expect(await bench.callers()).toEqual(['alice-at-provider']);
  });
});

describe.skipIf(CHROMIUM === undefined)('a sign-in in Chromium', () => {
  it('goes from the client’s request through password and consent back to the client, which then may call', async () => {
    const [page, app, upstream] = await Promise.all([openChromium(), openAuthorizedApp(), openUpstream()]);
    try {
      const gateway = await app.guarded({ targets: { app: describeApi(upstream.url, { whoami: {} }) } });
      // The client is a page of the upstream's server.
      const callback = `${upstream.url}/callback`;
      const name = '<img src=x onerror="document.title=1">';
      const clientId = await registerPublic(app.issuer, { client_name: name, redirect_uris: [callback] });
      const { verifier, url } = authorizationRequest(app.issuer, {
        client_id: clientId,
        resource: gateway.url,
        redirect_uri: callback,
      });
      await page.go(url);
      await page.until(`document.title === 'Sign in' || document.querySelector('#password') !== null`);
      await page.evaluate(
        `document.querySelector('#username').value = ${JSON.stringify(USER.userName)};
         document.querySelector('#password').value = ${JSON.stringify(USER.password)};
         document.querySelector('[value=sign-in]').click()`,
      );
      await page.until(`document.querySelector('[value=allow]') !== null`);
      // What the client calls itself is text, whatever it is.
      expect(await page.evaluate('document.body.textContent')).toContain(name);
      expect(await page.evaluate('document.images.length')).toBe(0);
      await page.evaluate(`document.querySelector('[value=allow]').click()`);
      await page.until(`location.pathname === '/callback'`);
      const back = new URLSearchParams(await page.evaluate<string>('location.search'));
      expect([back.get('state'), back.get('iss')]).toEqual(['state-1', app.issuer]);
      expect(await page.evaluate('document.referrer')).toBe('');
      const { body } = await postForm(`${app.issuer}/token`, {
        grant_type: 'authorization_code',
        code: back.get('code') ?? '',
        redirect_uri: callback,
        client_id: clientId,
        code_verifier: verifier,
        resource: gateway.url,
      });
      const answer = await callTool(gateway.url, String(body['access_token']), 'app___whoami');
      expect(answer.result).toMatchObject({ isError: false });
    } finally {
      await Promise.all([page.close(), app.close(), upstream.close()]);
    }
  });
});

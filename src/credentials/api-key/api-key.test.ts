import { describe, expect, it } from 'vitest';
import type { CallContext } from '../../core/call.ts';
import type { JsonObject } from '../../core/json.ts';
import { credentialServices } from '../../../test/support/target-services.ts';
import { Secret } from '../../lib/secret.ts';
import { apiKeyCredential } from './index.ts';

const ctx = {} as CallContext;
const request = (url = 'https://api.example.com/pets?limit=2', headers = {}) => ({
  method: 'GET',
  url: new URL(url),
  headers,
});
const provider = (more: JsonObject = {}): JsonObject => ({
  apiKeyCredentialProvider: { providerArn: 'arn:x', ...more },
});
const credential = (more: JsonObject = {}, key = 'k/1+2=3 long') =>
  apiKeyCredential.prepare(provider(more), credentialServices({ openSecret: () => new Secret(key) }));

describe('API key', () => {
  it('goes where the configuration says, before what the document says', async () => {
    const header = credential({ credentialLocation: 'HEADER', credentialParameterName: 'X-API-Key' });
    expect((await header.apply(request(), ctx, { in: 'query', name: 'key' })).headers).toEqual({
      'x-api-key': 'k/1+2=3 long',
    });
    const query = credential({ credentialLocation: 'QUERY_PARAMETER', credentialParameterName: 'api key' });
    expect((await query.apply(request(), ctx, undefined)).url.href).toBe(
      'https://api.example.com/pets?limit=2&api%20key=k%2F1%2B2%3D3%20long',
    );
  });

  it('goes where the document says, else into Authorization', async () => {
    const plain = credential();
    expect(
      (await plain.apply(request(), ctx, { in: 'header', name: 'Authorization', prefix: 'Bearer' })).headers,
    ).toEqual({
      authorization: 'Bearer k/1+2=3 long',
    });
    expect(
      (await plain.apply(request(undefined, { cookie: 'a=1' }), ctx, { in: 'cookie', name: 'sid' })).headers,
    ).toEqual({
      cookie: 'a=1; sid=k/1+2=3 long',
    });
    expect((await plain.apply(request(), ctx, undefined)).headers).toEqual({ authorization: 'k/1+2=3 long' });
  });

  it.each(['Bearer', 'Bearer ', 'Bearer  '])(
    'sets the prefix %j apart by one space',
    async (credentialPrefix) => {
      expect((await credential({ credentialPrefix }).apply(request(), ctx, undefined)).headers).toEqual({
        authorization: 'Bearer k/1+2=3 long',
      });
    },
  );

  it('wins over what an argument put in its place, whatever the spelling', async () => {
    const header = credential({ credentialLocation: 'HEADER', credentialParameterName: 'X-API-Key' });
    expect(
      (await header.apply(request(undefined, { 'X-Api-KEY': 'mine', b: '1' }), ctx, undefined)).headers,
    ).toEqual({
      b: '1',
      'x-api-key': 'k/1+2=3 long',
    });
    const query = credential(
      { credentialLocation: 'QUERY_PARAMETER', credentialParameterName: 'key' },
      'real',
    );
    const sent = await query.apply(request('https://a.example/?%6bey=mine&b=%2F&key=again'), ctx, undefined);
    expect(sent.url.search).toBe('?b=%2F&key=real');
  });

  it('refuses headers that frame the request, bad names, and a query without a name', () => {
    for (const credentialParameterName of [
      'Host',
      'content-length',
      'Transfer-Encoding',
      'X\r\nY',
      'a b',
      'é',
    ])
      expect(
        apiKeyCredential.check(provider({ credentialParameterName })),
        credentialParameterName,
      ).toHaveLength(1);
    expect(apiKeyCredential.check(provider({ credentialLocation: 'QUERY_PARAMETER' }))).toHaveLength(1);
    expect(apiKeyCredential.check(provider({ credentialPrefix: 'a\nb' }))).toHaveLength(1);
    expect(apiKeyCredential.check(undefined)).toHaveLength(1);
    expect(apiKeyCredential.check(provider({ credentialParameterName: 'X-API-Key' }))).toEqual([]);
  });

  it('is taken out of answers that echo it, in every usual spelling', () => {
    const key = 'k/1+2=3"long';
    const echo = { status: 200, headers: { location: `/x?key=${encodeURIComponent(key)}`, other: 'same' } };
    const body = Buffer.from(
      `plain ${key} json ${JSON.stringify({ key })} url ${encodeURIComponent(key)} b64 ${Buffer.from(key).toString('base64')} ü`,
    );
    const shown = credential({}, key).conceal({ ...echo, body }, undefined);
    expect(shown.body.toString()).toBe('plain [secret] json {"key":"[secret]"} url [secret] b64 [secret] ü');
    expect(shown.headers).toEqual({ location: '/x?key=[secret]', other: 'same' });
    const clean = { ...echo, headers: {}, body: Buffer.from('nothing here') };
    expect(credential({}, key).conceal(clean, undefined)).toBe(clean);
    const short = { ...clean, body: Buffer.from('1 2 3') };
    expect(credential({}, '2').conceal(short, undefined)).toBe(short);
  });

  it('takes the place of a cookie of its name', async () => {
    const { headers } = await credential().apply(
      request(undefined, { cookie: 'sid=theirs; a=1; sid=b' }),
      ctx,
      {
        in: 'cookie',
        name: 'sid',
      },
    );
    expect(headers).toEqual({ cookie: 'a=1; sid=k/1+2=3 long' });
  });

  it('is concealed in the spellings of other JSON writers, of URLs, of base64 and of UTF-16', () => {
    const key = 'ab/cd+ef&gh<ij==';
    const base64 = Buffer.from(key).toString('base64');
    for (const echo of [
      String.raw`ab\/cd+ef&gh<ij==`,
      String.raw`ab/cd+ef\u0026gh\u003cij==`,
      String.raw`ab/cd\u002Bef\u0026gh\u003Cij==`,
      encodeURIComponent(key).replaceAll(/%../g, (triple) => triple.toLowerCase()),
      base64.replace(/=+$/, ''),
      Buffer.from(key).toString('base64url'),
      Buffer.from(key, 'utf16le').toString('latin1'),
      Buffer.from(key, 'utf16le').swap16().toString('latin1'),
    ]) {
      const body = Buffer.from(`<${echo}>`, 'latin1');
      const shown = credential({}, key)
        .conceal({ status: 200, headers: {}, body }, undefined)
        .body.toString('latin1');
      expect(shown, echo).toBe('<[secret]>');
    }
  });
});

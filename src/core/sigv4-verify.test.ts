// The verifier against two independent signers, and against every change somebody on the way could make.

import { createHash, createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import { SignatureV4 } from '@smithy/signature-v4';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GatewayError } from './errors.ts';
import { Secret } from '../lib/secret.ts';
import { SigningKeys, verifySigV4 } from './sigv4-verify.ts';
import type { AccessKey, SignedRequest, SigV4Options } from './sigv4-verify.ts';

// aws4 comes without types.
const aws4 = createRequire(import.meta.url)('aws4') as {
  sign(request: object, credentials: object): { headers: Record<string, string | number> };
};
const NOW = Date.parse('2026-03-04T05:06:07Z');
const ID = 'AKIDEXAMPLE';
const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const HOST = 'localhost:8080';

class Hash {
  #hash: ReturnType<typeof createHash>;
  constructor(key?: string | Uint8Array) {
    this.#hash = (key === undefined ? createHash('sha256') : createHmac('sha256', key)) as ReturnType<
      typeof createHash
    >;
  }
  update(data: string | Uint8Array) {
    this.#hash.update(data);
  }
  digest() {
    return Promise.resolve(new Uint8Array(this.#hash.digest()));
  }
}

const keys: Record<string, AccessKey> = {
  [ID]: { secret: new Secret(SECRET) },
  ASIATEMP: { secret: new Secret(SECRET), sessionToken: new Secret('a-session-token') },
};
const options = (change: Partial<SigV4Options> = {}): SigV4Options => ({
  region: 'us-east-1',
  services: ['bedrock-agentcore'],
  accessKeys: (id) => Promise.resolve(Object.hasOwn(keys, id) ? keys[id] : undefined),
  now: () => NOW,
  signingKeys: new SigningKeys(),
  ...change,
});

interface Draft {
  readonly method: string;
  readonly segments: readonly string[];
  readonly query: Readonly<Record<string, string | string[]>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const pathOf = (draft: Draft) => `/${draft.segments.map(encode).join('/')}`;
const targetOf = (draft: Draft) => {
  const query = Object.entries(draft.query)
    .flatMap(([name, value]) => [value].flat().map((item) => `${encode(name)}=${encode(item)}`))
    .join('&');
  return pathOf(draft) + (query ? `?${query}` : '');
};
const received = (draft: Draft, headers: Record<string, string | number>): SignedRequest => ({
  method: draft.method,
  target: targetOf(draft),
  headers: Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      // What node:http makes of the bytes on the wire.
      [Buffer.from(String(value).trim(), 'utf8').toString('latin1')],
    ]),
  ),
  body: Buffer.from(draft.body),
});

interface SignWith {
  accessKeyId?: string;
  secret?: string;
  sessionToken?: string;
  region?: string;
  service?: string;
  at?: number;
}
async function signed(draft: Draft, by: SignWith = {}): Promise<SignedRequest> {
  const signer = new SignatureV4({
    credentials: {
      accessKeyId: by.accessKeyId ?? ID,
      secretAccessKey: by.secret ?? SECRET,
      ...(by.sessionToken === undefined ? {} : { sessionToken: by.sessionToken }),
    },
    region: by.region ?? 'us-east-1',
    service: by.service ?? 'bedrock-agentcore',
    sha256: Hash as never,
  });
  const request = (await signer.sign(
    {
      method: draft.method,
      protocol: 'http:',
      hostname: 'localhost',
      path: pathOf(draft),
      query: { ...draft.query },
      headers: { ...draft.headers, host: HOST },
      body: draft.body,
    } as never,
    { signingDate: new Date(by.at ?? NOW) },
  )) as unknown as { headers: Record<string, string> };
  return received(draft, request.headers);
}

const segment = fc
  .string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
  .filter((text) => text !== '.' && text !== '..' && text.isWellFormed());
const name = fc.stringMatching(/^[a-zA-Z0-9._~ !*'()-]{1,8}$/).filter((text) => text !== '__proto__');
const headerValue = fc.stringMatching(/^[!-~\u00a1-\u00ff][ -~\u00a1-\u00ff]{0,20}$/);
const draft: fc.Arbitrary<Draft> = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH'),
  segments: fc.array(segment, { minLength: 1, maxLength: 5 }),
  query: fc.dictionary(name, fc.oneof(segment, fc.array(segment, { minLength: 1, maxLength: 3 })), {
    maxKeys: 4,
  }),
  headers: fc.dictionary(
    fc.constantFrom('content-type', 'x-amz-user-agent', 'x-amz-target', 'x-other', 'accept'),
    headerValue,
  ),
  body: fc.string({ maxLength: 60 }).filter((text) => text.isWellFormed()),
});

const PLAIN: Draft = {
  method: 'POST',
  segments: ['gateways', 'a b', ''],
  query: { maxResults: '5' },
  headers: { 'content-type': 'application/json' },
  body: '{"name":"x"}',
};
const refusal = async (request: SignedRequest, change: Partial<SigV4Options> = {}): Promise<string> => {
  const outcome = await verifySigV4(request, options(change)).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(GatewayError);
  expect((outcome as GatewayError).code).toBe('Unauthenticated');
  return (outcome as GatewayError).message;
};
const withHeader = (
  request: SignedRequest,
  header: string,
  values: readonly string[] | undefined,
): SignedRequest => ({
  ...request,
  headers: { ...request.headers, [header]: values },
});

describe('verifySigV4', () => {
  it('verifies what @smithy/signature-v4 signs', async () => {
    const same = options();
    await fc.assert(
      fc.asyncProperty(draft, async (request) => {
        await expect(verifySigV4(await signed(request), same)).resolves.toMatchObject({ accessKeyId: ID });
      }),
      { numRuns: 3000 },
    );
  });

  it('verifies what aws4 signs', async () => {
    await fc.assert(
      fc.asyncProperty(draft, async (request) => {
        const headers: Record<string, string> = {
          ...request.headers,
          host: HOST,
          'X-Amz-Date': '20260304T050607Z',
        };
        const out = aws4.sign(
          {
            host: HOST,
            method: request.method,
            path: targetOf(request),
            headers,
            body: request.body,
            service: 'bedrock-agentcore',
            region: 'us-east-1',
          },
          { accessKeyId: ID, secretAccessKey: SECRET },
        );
        const result = verifySigV4(received(request, out.headers), options());
        await expect(result).resolves.toMatchObject({ accessKeyId: ID });
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses any change of method, target, signed header or body', async () => {
    const change = fc.constantFrom('method', 'path', 'query', 'header', 'body', 'host', 'extra', 'dropped');
    const keep = new SigningKeys();
    await fc.assert(
      fc.asyncProperty(draft, change, fc.nat(), async (request, what, where) => {
        const good = await signed({ ...request, headers: { ...request.headers, 'x-amz-meta': 'm' } });
        const flip = (text: string) => {
          const at = where % text.length;
          return text.slice(0, at) + (text[at] === 'x' ? 'y' : 'x') + text.slice(at + 1);
        };
        const [path = '', query] = good.target.split('?');
        const bad: Record<typeof what, () => SignedRequest> = {
          method: () => ({ ...good, method: good.method === 'PUT' ? 'POST' : 'PUT' }),
          path: () => ({
            ...good,
            target: `/${flip(path.slice(1))}${query === undefined ? '' : `?${query}`}`,
          }),
          query: () => ({ ...good, target: `${good.target}${query === undefined ? '?' : '&'}added` }),
          header: () => withHeader(good, 'x-amz-meta', ['n']),
          host: () => withHeader(good, 'host', ['localhost:8081']),
          extra: () => withHeader(good, 'x-amz-extra', ['1']),
          dropped: () => withHeader(good, 'x-amz-meta', undefined),
          body: () => ({ ...good, body: Buffer.concat([good.body, Buffer.from('x')]) }),
        };
        const outcome = verifySigV4(bad[what](), options({ signingKeys: keep }));
        await expect(outcome).rejects.toMatchObject({ code: 'Unauthenticated' });
      }),
      { numRuns: 2000 },
    );
  });

  it('reads the raw target: slashes, dots and encodings are not normalised', async () => {
    const good = await signed(PLAIN);
    for (const target of [
      '//gateways/a%20b/',
      '/./gateways/a%20b/',
      '/x/../gateways/a%20b/',
      '/gateways/a b/',
    ])
      await refusal({ ...good, target: `${target}?maxResults=5` });
    await refusal({ ...good, target: good.target.replace('%20', '+') });
    await refusal({ ...good, target: good.target.replace('gateways', '%67ateways') });
    await refusal({ ...good, target: `http://localhost:8080${good.target}` });
    await refusal({ ...good, target: `${good.target}#x` });
    await refusal({ ...good, target: '/%zz?%zz' });
    await refusal({ ...good, target: good.target.replace('=5', '=%ff') });
  });

  it('wants what matters signed, once each', async () => {
    const good = await signed(PLAIN);
    expect(await refusal(withHeader(good, 'authorization', undefined))).toBe('Missing Authentication Token');
    expect(await refusal(withHeader(good, 'host', [HOST, HOST]))).toBe("The header 'host' must come once.");
    expect(await refusal(withHeader(good, 'x-amz-date', undefined))).toContain('X-Amz-Date');
    const { 'content-type': type } = (await signed(PLAIN)).headers;
    const unsigned = await signed({ ...PLAIN, headers: {} });
    expect(await refusal(withHeader(unsigned, 'content-type', type))).toContain(
      "'content-type' must be among",
    );
    await expect(verifySigV4(withHeader(good, 'x-forwarded-for', ['1']), options())).resolves.toBeDefined();

    const authorization = good.headers['authorization']?.[0] ?? '';
    const edits: [string | RegExp, string][] = [
      ['AWS4-HMAC-SHA256', 'aws4-hmac-sha256'],
      ['AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256'],
      [/Signature=[0-9a-f]{4}/, 'Signature=ABCD'],
      [/Signature=[0-9a-f]{4}/, 'Signature='],
      [/SignedHeaders=[^,]+/, 'SignedHeaders=x-amz-date;host;content-type'],
      [/SignedHeaders=[^,]+/, 'SignedHeaders=content-type;host;host;x-amz-date'],
      [/SignedHeaders=[^,]+/, 'SignedHeaders=content-type;host;x-absent;x-amz-date'],
      [/SignedHeaders=[^,]+/, 'SignedHeaders=content-type;x-amz-date'],
      [/SignedHeaders=[^,]+/, 'SignedHeaders=__proto__;host'],
      ['aws4_request', 'aws4_request/more'],
      ['AKIDEXAMPLE', ''],
    ];
    for (const [from, to] of edits) {
      const edited = authorization.replace(from, to);
      expect(edited).not.toBe(authorization);
      await refusal(withHeader(good, 'authorization', [edited]));
    }
  });

  it('refuses payloads that are not signed, and presigned requests', async () => {
    for (const special of [
      'UNSIGNED-PAYLOAD',
      'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
    ])
      expect(
        await refusal(await signed({ ...PLAIN, headers: { 'x-amz-content-sha256': special } })),
      ).toContain('must be the SHA-256');
    const wrong = { ...PLAIN, headers: { 'x-amz-content-sha256': 'a'.repeat(64) } };
    expect(await refusal(await signed(wrong))).toContain('does not match what was computed');
    expect(await refusal(await signed({ ...PLAIN, query: { 'X-Amz-Signature': 'ab' } }))).toContain(
      'Presigned',
    );
  });

  it('takes five minutes either way and no more', async () => {
    const minute = 60_000;
    await verifySigV4(await signed(PLAIN, { at: NOW - 5 * minute }), options());
    await verifySigV4(await signed(PLAIN, { at: NOW + 5 * minute }), options());
    expect(await refusal(await signed(PLAIN, { at: NOW - 5 * minute - 1000 }))).toBe(
      'Signature expired: 20260304T050106Z is now earlier than 20260304T050107Z (20260304T050607Z - 5 min.)',
    );
    expect(await refusal(await signed(PLAIN, { at: NOW + 5 * minute + 1000 }))).toBe(
      'Signature not yet current: 20260304T051108Z is still later than 20260304T051107Z (20260304T050607Z + 5 min.)',
    );
  });

  it('keeps to its region and service', async () => {
    expect(await refusal(await signed(PLAIN, { region: 'us-west-2' }))).toContain(
      "valid region: 'us-east-1'",
    );
    expect(await refusal(await signed(PLAIN, { service: 'lambda' }))).toContain('correct service');
    const both = ['bedrock-agentcore', 'lambda'];
    await verifySigV4(await signed(PLAIN, { service: 'lambda' }), options({ services: both }));
  });

  it('knows its keys and their session tokens', async () => {
    const invalid = 'The security token included in the request is invalid.';
    expect(await refusal(await signed(PLAIN, { secret: 'wrong' }))).toMatch(
      /^The request signature we calculated/,
    );
    expect(await refusal(await signed(PLAIN, { accessKeyId: 'AKIDUNKNOWN' }))).toBe(invalid);
    expect(await refusal(await signed(PLAIN, { accessKeyId: 'AKIDUNKNOWN', secret: '' }))).toBe(invalid);
    expect(await refusal(await signed(PLAIN, { accessKeyId: '__proto__' }))).toBe(invalid);
    expect(await refusal(await signed(PLAIN, { accessKeyId: 'ASIATEMP' }))).toBe(invalid);
    expect(await refusal(await signed(PLAIN, { accessKeyId: 'ASIATEMP', sessionToken: 'other' }))).toBe(
      invalid,
    );
    expect(await refusal(await signed(PLAIN, { sessionToken: 'a-session-token' }))).toBe(invalid);
    const good = await signed(PLAIN, { accessKeyId: 'ASIATEMP', sessionToken: 'a-session-token' });
    await expect(verifySigV4(good, options())).resolves.toMatchObject({ accessKeyId: 'ASIATEMP' });
  });

  it('takes a changed secret at once, and keeps few signing keys', async () => {
    const signingKeys = new SigningKeys(2);
    await verifySigV4(await signed(PLAIN), options({ signingKeys }));
    const accessKeys = () => Promise.resolve({ secret: new Secret('new') });
    expect(await refusal(await signed(PLAIN), { signingKeys, accessKeys })).toMatch(/^The request signature/);
    await verifySigV4(await signed(PLAIN, { secret: 'new' }), options({ signingKeys, accessKeys }));
    for (const id of ['a', 'b', 'c'])
      await verifySigV4(
        await signed(PLAIN, { accessKeyId: id, secret: 'new' }),
        options({ signingKeys, accessKeys }),
      );
    await verifySigV4(await signed(PLAIN, { secret: 'new' }), options({ signingKeys, accessKeys }));
  });
});

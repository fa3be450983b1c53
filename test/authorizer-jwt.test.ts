// Which bearer tokens are believed: signatures, headers, claims, and everything known to fool careless verifiers
// (RFC 8725, RFC 6750, RFC 9068). Every refusal looks the same from outside.

import { KeyObject, createHmac, createSign } from 'node:crypto';
import { CompactEncrypt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assemble, createSigningKey, openIssuer } from './support/issuer.ts';
import type { Issuer, SigningKey } from './support/issuer.ts';
import { openAuthorizer } from './support/issuer-authorizer.ts';
import type { AuthorizerBench } from './support/issuer-authorizer.ts';

let issuer: Issuer;
let bench: AuthorizerBench;
let key: SigningKey;
let ecKey: SigningKey;
let edKey: SigningKey;
let stranger: SigningKey;

beforeAll(async () => {
  issuer = await openIssuer();
  key = await createSigningKey('key-1');
  ecKey = await createSigningKey('ec', 'ES256');
  edKey = await createSigningKey('ed', 'EdDSA');
  stranger = await createSigningKey('key-1');
  issuer.keys = [key, ecKey, edKey];
  bench = openAuthorizer(issuer);
});
afterAll(async () => {
  await bench.close();
  await issuer.close();
});

const nowS = (): number => Math.floor(bench.now() / 1000);
const payload = (change: Record<string, unknown> = {}): Record<string, unknown> => ({
  iss: issuer.url,
  sub: 'alice',
  aud: 'gateway',
  client_id: 'app',
  iat: nowS(),
  exp: nowS() + 300,
  ...change,
});
const HEADER = { alg: 'RS256', kid: 'key-1' };
/** Signed with the published key, whatever header and payload say. */
const signed = (header: unknown, body: unknown): string =>
  assemble(header, body, (input) =>
    createSign('RSA-SHA256').update(input).sign(KeyObject.from(key.privateKey)),
  );

test('tokens of every published kind of key are believed', async () => {
  for (const signing of [key, ecKey, edKey])
    expect(await bench.verdict(await issuer.token({}, { key: signing })), signing.alg).toBe('ok');
  expect(await bench.authorize(`Bearer ${await issuer.token()}`)).toMatchObject({
    principal: { type: 'oauth-user', id: 'alice', issuer: issuer.url, clientId: 'app', scopes: ['read'] },
  });
  // The one RSA key is the only one that fits a token without a key id.
  expect(await bench.verdict(signed({ alg: 'RS256' }, payload()))).toBe('ok');
});

describe('forged tokens', () => {
  /** Name → token. Made when the keys are there. */
  const forgeries = async (): Promise<Record<string, string>> => {
    const good = await issuer.token();
    const [head = '', body = '', signature = ''] = good.split('.');
    const hmac = (secret: string | Buffer) => (input: string) =>
      createHmac('sha256', secret).update(input).digest();
    const der = KeyObject.from(key.privateKey);
    const embedded = (header: object): string =>
      assemble({ alg: 'RS256', kid: 'key-1', ...header }, payload(), (input) =>
        createSign('RSA-SHA256').update(input).sign(KeyObject.from(stranger.privateKey)),
      );
    const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const malleable = (part: string): string =>
      part.slice(0, -1) + (last[last.indexOf(part.at(-1) ?? '') ^ 1] ?? '');
    const jwe = await new CompactEncrypt(Buffer.from(good))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .encrypt(new Uint8Array(32));
    const repeated = '{"alg":"RS256","alg":"RS256","kid":"key-1"}';
    return {
      ...Object.fromEntries(
        ['none', 'None', 'NONE', 'nOnE', ''].map((alg) => [
          `alg ${alg || 'empty'}`,
          assemble({ alg, kid: 'key-1' }, payload()),
        ]),
      ),
      'alg none with the signature kept': `${assemble({ alg: 'none' }, payload())}${signature}`,
      'no alg': signed({ kid: 'key-1' }, payload()),
      'alg a list': signed({ alg: ['RS256'], kid: 'key-1' }, payload()),
      'HS256 keyed by the PEM': assemble({ alg: 'HS256', kid: 'key-1' }, payload(), hmac(key.publicPem)),
      'HS256 keyed by the trimmed PEM': assemble(
        { alg: 'HS256', kid: 'key-1' },
        payload(),
        hmac(key.publicPem.trim()),
      ),
      'HS256 keyed by the JWK': assemble(
        { alg: 'HS256', kid: 'key-1' },
        payload(),
        hmac(JSON.stringify(key.publicJwk)),
      ),
      'HS256 keyed by nothing': assemble({ alg: 'HS256', kid: 'key-1' }, payload(), hmac('')),
      'another algorithm than the key is for': signed({ alg: 'RS512', kid: 'key-1' }, payload()),
      'an EC key id with an RSA algorithm': signed({ alg: 'RS256', kid: 'ec' }, payload()),
      'signed by a stranger under a known key id': await issuer.token({}, { key: stranger }),
      'embedded jwk': embedded({ jwk: stranger.publicJwk }),
      jku: embedded({ jku: `${issuer.url}/canary` }),
      x5u: embedded({ x5u: `${issuer.url}/canary` }),
      x5c: embedded({ x5c: ['MIIB'] }),
      'jku under an unknown key id': embedded({ kid: 'mine', jku: `${issuer.url}/canary` }),
      ...Object.fromEntries(
        ['../../etc/passwd', "' OR 1=1 --", '__proto__', 'constructor', '', '\0', 'k'.repeat(300)].map(
          (kid) => [`kid ${JSON.stringify(kid.slice(0, 20))}`, signed({ alg: 'RS256', kid }, payload())],
        ),
      ),
      'kid a number': signed({ alg: 'RS256', kid: 1 }, payload()),
      'unknown crit': signed({ ...HEADER, crit: ['exp'], exp: 1 }, payload()),
      'unencoded payload': signed({ ...HEADER, crit: ['b64'], b64: false }, payload()),
      'a flipped signature bit': `${head}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
      'no signature': `${head}.${body}.`,
      'unused bits set in the signature': `${head}.${body}.${malleable(signature)}`,
      padding: `${good}=`,
      'standard base64': `${head}.${body}.${signature.slice(0, -2)}+/`,
      'trailing junk': `${good} junk`,
      'trailing dot': `${good}.`,
      'two tokens': `${good},${good}`,
      'five parts': jwe,
      'compressed five parts': `${assemble({ alg: 'dir', enc: 'A256GCM', zip: 'DEF' }, 'x')}..`,
      'an all-zero EC signature': assemble({ alg: 'ES256', kid: 'ec' }, payload(), () => Buffer.alloc(64)),
      'an EC signature as DER': assemble({ alg: 'ES256', kid: 'ec' }, payload(), () =>
        Buffer.from('3006020101020101', 'hex'),
      ),
      'a repeated claim': signed(HEADER, JSON.stringify(payload()).replace('"sub":', '"sub":"bob","sub":')),
      'a repeated header member': signed(repeated, payload()),
      'a payload that is no object': signed(HEADER, '[]'),
      'a payload that is no JSON': signed(HEADER, 'x'),
      'a payload nested 20 deep': signed(
        HEADER,
        payload({ deep: JSON.parse(`${'['.repeat(20)}${']'.repeat(20)}`) as unknown }),
      ),
      'more than 8 KiB': signed(HEADER, payload({ fill: 'x'.repeat(9_000) })),
      'more than 64 audiences': signed(
        HEADER,
        payload({ aud: Array.from({ length: 100 }, () => 'gateway') }),
      ),
      ...Object.fromEntries(
        ['logout+jwt', 'secevent+jwt', 'dpop+jwt', 'application/DPoP+JWT'].map((typ) => [
          `typ ${typ}`,
          signed({ ...HEADER, typ }, payload()),
        ]),
      ),
      'key material as the token': der.asymmetricKeyType ?? '',
    };
  };

  test('are all refused, all alike, and none makes the gateway fetch what it names', async () => {
    const usual = await bench.authorize(`Bearer ${await issuer.token({ aud: 'other' })}`);
    for (const [name, token] of Object.entries(await forgeries())) {
      const outcome = await bench.authorize(`Bearer ${token}`);
      expect({ ...outcome, internal: '' }, name).toEqual({ ...usual, internal: '' });
      expect(outcome, name).not.toMatchObject({ internal: '' });
    }
    expect(issuer.hits.filter((path) => path === '/canary')).toEqual([]);
  });
});

describe('claims', () => {
  const other = async (change: Record<string, unknown>): Promise<string> =>
    bench.verdict(await issuer.token(change, { now: bench.now() }));

  test.each([
    ['a slash more', (iss: string) => `${iss}/`],
    ['a letter in another case', (iss: string) => iss.replace('http', 'HTTP')],
    ['another port', (iss: string) => iss.replace(/\d+$/, '1')],
    ['https', (iss: string) => iss.replace('http:', 'https:')],
    ['a host name for the address', (iss: string) => iss.replace('127.0.0.1', 'localhost')],
    ['a path', (iss: string) => `${iss}/realms/other`],
    ['a longer name', (iss: string) => `${iss}0`],
    ['a shorter name', (iss: string) => iss.slice(0, -1)],
    ['a list', (iss: string) => [iss]],
    ['nothing', () => undefined],
  ])('issuer: %s is another issuer', async (_name, change) => {
    expect(await other({ iss: change(issuer.url) })).toBe('Unauthenticated');
  });

  test.each([
    ['an expiry just inside the tolerance', { exp: -29 }, 'ok'],
    ['an expiry at the tolerance', { exp: -31 }, 'Unauthenticated'],
    ['a beginning just inside the tolerance', { nbf: 29 }, 'ok'],
    ['a beginning after the tolerance', { nbf: 32 }, 'Unauthenticated'],
    ['issued a little in the future', { iat: 29 }, 'ok'],
    ['issued later than the tolerance', { iat: 32 }, 'Unauthenticated'],
  ])('time: %s', async (_name, offsets, verdict) => {
    const times = Object.fromEntries(
      Object.entries(offsets).map(([name, offset]) => [name, nowS() + offset]),
    );
    expect(await other(times)).toBe(verdict);
  });

  test.each([
    ['exp missing', { exp: undefined }],
    ['exp text', { exp: '9999999999' }],
    ['exp endless', { exp: 1e308 }],
    ['exp negative', { exp: -1 }],
    ['exp null', { exp: null }],
    ['exp a list', { exp: [9_999_999_999] }],
    ['nbf text', { nbf: '0' }],
    ['nbf negative', { nbf: -1 }],
    ['iat text', { iat: 'yesterday' }],
    ['an ID token', { at_hash: 'x', nonce: 'n' }],
    ['an ID token without nonce', { at_hash: 'x' }],
    ['an ID token with a code hash', { c_hash: 'x' }],
    ['an ID token of Keycloak', { typ: 'ID' }],
    ['an ID token of Cognito', { token_use: 'id' }],
    ['a refresh token', { typ: 'Refresh' }],
    ['bound to a proof of possession', { cnf: { jkt: 'x' } }],
    ['bound to a certificate', { cnf: { 'x5t#S256': 'x' } }],
    ['bound to a key', { cnf: { jwk: { kty: 'OKP', crv: 'Ed25519', x: 'x' } } }],
    ['bound to a key id', { cnf: { kid: 'x' } }],
    [
      'a logout token without a type',
      { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
    ],
    ['an audience that only begins alike', { aud: 'gateway2' }],
    ['an audience object', { aud: { gateway: true } }],
    ['no audience', { aud: undefined }],
    ['nobody', { sub: undefined, client_id: undefined }],
    ['an empty subject', { sub: '', client_id: '' }],
  ])('refused: %s', async (_name, change) => {
    expect(await other(change)).toBe('Unauthenticated');
  });

  test('a repeated audience among others, and a client as the subject, are fine', async () => {
    expect(await other({ aud: ['other', 'gateway'] })).toBe('ok');
    expect(await other({ sub: undefined })).toBe('ok');
    expect(await other({ typ: 'Bearer', token_use: 'access' })).toBe('ok');
  });
});

test('of the configured constraints all must hold: the whole truth table', async () => {
  const constraints = {
    audience: {
      config: { allowedAudience: ['gateway', 'second'] },
      good: { aud: ['x', 'second'] },
      bad: { aud: 'x' },
    },
    client: {
      config: { allowedClients: ['app'] },
      good: { client_id: undefined, azp: 'app' },
      bad: { client_id: 'App', azp: 'app' },
    },
    scope: {
      config: { allowedScopes: ['admin', 'write'] },
      good: { scope: 'read write' },
      bad: { scope: 'writer' },
    },
    claim: {
      config: {
        customClaims: [
          rule('team', 'STRING', 'EQUALS', { matchValueString: 'blue' }),
          rule('groups', 'STRING_ARRAY', 'CONTAINS', { matchValueString: 'dev' }),
          rule('roles', 'STRING_ARRAY', 'CONTAINS_ANY', { matchValueStringList: ['a', 'b'] }),
        ],
      },
      good: { team: 'blue', groups: ['ops', 'dev'], roles: ['b'] },
      bad: { team: 'blue', groups: 'dev', roles: ['b'] },
    },
  };
  const names = Object.keys(constraints) as (keyof typeof constraints)[];
  for (let configured = 1; configured < 16; configured += 1) {
    const active = names.filter((_name, bit) => configured & (1 << bit));
    const config = Object.assign(
      { allowedAudience: [] },
      ...active.map((name) => constraints[name].config),
    ) as Record<string, never>;
    const own = openAuthorizer(issuer, config);
    for (let met = 0; met < 16; met += 1) {
      const holds = names.filter((_name, bit) => met & (1 << bit));
      const change = Object.assign(
        {},
        ...names.map((name) => constraints[name][holds.includes(name) ? 'good' : 'bad']),
      ) as Record<string, unknown>;
      const missing = active.filter((name) => !holds.includes(name));
      const expected =
        missing.length === 0 ? 'ok' : missing.join() === 'scope' ? 'Forbidden' : 'Unauthenticated';
      expect(
        await own.verdict(await issuer.token(change)),
        `${active.join('+')} with ${holds.join('+')}`,
      ).toBe(expected);
    }
    await own.close();
  }
});

test.each([
  ['a list where text is wanted', { team: ['blue'] }],
  ['another letter case', { team: 'Blue' }],
  ['a list with a number in it', { groups: ['dev', 1] }],
  ['an inherited name', { team: undefined, groups: undefined }],
])('custom claims do not match %s', async (_name, change) => {
  const own = openAuthorizer(issuer, {
    customClaims: [
      rule('team', 'STRING', 'EQUALS', { matchValueString: 'blue' }),
      rule('groups', 'STRING_ARRAY', 'CONTAINS', { matchValueString: 'dev' }),
    ],
  });
  expect(await own.verdict(await issuer.token({ team: 'blue', groups: ['dev'] }))).toBe('ok');
  expect(await own.verdict(await issuer.token({ team: 'blue', groups: ['dev'], ...change }))).toBe(
    'Unauthenticated',
  );
  await own.close();
});

describe('the header field', () => {
  test('the scheme is read in any letter case, and nothing but one bearer token counts', async () => {
    const token = await issuer.token();
    for (const scheme of ['Bearer', 'bearer', 'BEARER', 'bEaReR'])
      expect(await bench.authorize(`${scheme} ${token}`)).toHaveProperty('principal');
    expect(await bench.authorize(`Bearer   ${token}`)).toHaveProperty('principal');
    for (const value of [
      '',
      'Bearer',
      'Bearer ',
      'Basic YTpi',
      `DPoP ${token}`,
      token,
      `Token ${token}`,
      `Bearer\t${token}`,
      `Bearer${token}`,
    ])
      expect(await bench.authorize(value), value).toMatchObject({ code: 'Unauthenticated', challenge: '{}' });
    expect(await bench.authorize()).toMatchObject({
      code: 'Unauthenticated',
      challenge: '{}',
      message: 'Missing Bearer token',
    });
    expect(await bench.authorize(`Bearer ${token}`, `Bearer ${token}`)).toMatchObject({
      code: 'Malformed',
      challenge: '{"error":"invalid_request"}',
    });
  });
});

function rule(name: string, valueType: string, operator: string, value: Record<string, string | string[]>) {
  return {
    inboundTokenClaimName: name,
    inboundTokenClaimValueType: valueType,
    authorizingClaimMatchValue: { claimMatchOperator: operator, claimMatchValue: value },
  };
}

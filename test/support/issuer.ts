// An OpenID Connect provider on a free port that can be made to misbehave: the other side of the token tests.
// Keys are made with jose; tokens are assembled by hand where a proper library would refuse to.

import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT, base64url, exportJWK, exportSPKI, generateKeyPair } from 'jose';
import type { CryptoKey, JWK } from 'jose';

export type IssuerMode =
  | 'ok'
  | 'wrong-issuer'
  | 'hang'
  | 'html'
  | 'endless'
  | 'many-keys'
  | 'redirect'
  | 'private-keys'
  | 'symmetric-keys'
  | 'same-kid-twice'
  | 'jwks-elsewhere'
  | 'error';

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
  readonly publicPem: string;
}

export async function createSigningKey(kid: string, alg = 'RS256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return {
    kid,
    alg,
    privateKey,
    publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' },
    publicPem: await exportSPKI(publicKey),
  };
}

export interface Issuer {
  /** What tokens name as `iss`. */
  readonly url: string;
  readonly discoveryUrl: string;
  mode: IssuerMode;
  /** The keys that are published. */
  keys: SigningKey[];
  /** Where `jwks_uri` points in mode `jwks-elsewhere`. */
  elsewhere: string;
  /** Paths that were asked for. */
  readonly hits: string[];
  jwksFetches(): number;
  /** A token that this issuer would give: valid for five minutes, changed as told. `undefined` removes a claim. */
  token(
    claims?: Record<string, unknown>,
    options?: { key?: SigningKey; header?: Record<string, unknown>; now?: number },
  ): Promise<string>;
  /** Refuses connections from now on, until `up`. */
  down(): Promise<void>;
  up(): Promise<void>;
  close(): Promise<void>;
}

const DISCOVERY = '/.well-known/openid-configuration';

export async function openIssuer(): Promise<Issuer> {
  const first = await createSigningKey('key-1');
  const hits: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    hits.push(path);
    if (path === DISCOVERY || path === '/jwks') misbehave(issuer, path, response);
    else response.writeHead(404).end();
  });
  const listenOn = (port: number): Promise<void> =>
    new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  const down = async (): Promise<void> => {
    if (!server.listening) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  await listenOn(0);
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const issuer: Issuer = {
    url,
    discoveryUrl: `${url}${DISCOVERY}`,
    mode: 'ok',
    keys: [first],
    elsewhere: '',
    hits,
    jwksFetches: () => hits.filter((path) => path === '/jwks').length,
    async token(claims = {}, { key = issuer.keys[0] ?? first, header = {}, now = Date.now() } = {}) {
      const nowS = Math.floor(now / 1000);
      const all = {
        iss: url,
        sub: 'alice',
        aud: 'gateway',
        client_id: 'app',
        scope: 'read',
        iat: nowS,
        exp: nowS + 300,
        ...claims,
      };
      const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
      return new SignJWT(kept)
        .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'at+jwt', ...header })
        .sign(key.privateKey);
    },
    down,
    up: () => listenOn(port),
    close: down,
  };
  return issuer;
}

function misbehave(issuer: Issuer, path: string, response: ServerResponse): void {
  const json = (value: unknown): void =>
    void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  const { mode } = issuer;
  if (mode === 'hang') return;
  if (mode === 'error') return void response.writeHead(500).end();
  if (mode === 'redirect') return void response.writeHead(302, { location: `${issuer.url}/stolen` }).end();
  if (mode === 'html')
    return void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in</html>');
  if (mode === 'endless') {
    response.writeHead(200, { 'content-type': 'application/json' });
    const chunk = Buffer.alloc(64 * 1024, ' ');
    const pour = (): void => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on('drain', pour);
    pour();
    return;
  }
  if (path === DISCOVERY)
    return json({
      issuer: mode === 'wrong-issuer' ? 'https://elsewhere.example' : issuer.url,
      jwks_uri: mode === 'jwks-elsewhere' ? issuer.elsewhere : `${issuer.url}/jwks`,
    });
  const keys = issuer.keys.map((key) => key.publicJwk);
  if (mode === 'many-keys')
    return json({ keys: Array.from({ length: 10_000 }, (_, index) => ({ ...keys[0], kid: `k${index}` })) });
  if (mode === 'private-keys') return json({ keys: keys.map((key) => ({ ...key, d: 'AQAB' })) });
  if (mode === 'symmetric-keys')
    return json({
      keys: [{ kty: 'oct', kid: 'key-1', k: base64url.encode('secret-secret-secret-secret-secret') }],
    });
  if (mode === 'same-kid-twice') return json({ keys: [...keys, ...keys] });
  return json({ keys });
}

/** A compact token assembled from any header and payload text; the signature is made by `sign` or left empty. */
export function assemble(header: unknown, payload: unknown, sign?: (input: string) => Buffer): string {
  const part = (value: unknown): string =>
    base64url.encode(typeof value === 'string' ? value : JSON.stringify(value));
  const input = `${part(header)}.${part(payload)}`;
  return `${input}.${sign ? base64url.encode(sign(input)) : ''}`;
}

// Client ID metadata documents (draft-ietf-oauth-client-id-metadata-document): the client's id is the address of what it
// says of itself. The documents are served by a stand-in at the door outwards; what the door itself refuses is tested with
// the real one.

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { OAuthClientProvider } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openApp } from '../src/app.ts';
import type { OutboundRequest } from '../src/core/outbound.ts';
import { openBrowser } from './support/browser.ts';
import {
  CALLBACK,
  authorizationRequest,
  createApplication,
  openAuthorizedApp,
  signInAndAllow,
} from './support/oauth-client.ts';
import type { AuthorizedApp } from './support/oauth-client.ts';
import type { TestGateway } from './support/app.ts';

const HOST = 'https://client.example';
const document = (id: string, change: object = {}) => ({
  client_id: id,
  client_name: 'Documented',
  redirect_uris: [CALLBACK],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
  ...change,
});

interface Answer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body: string;
}

const answers = new Map<string, Answer>();
const fetched: OutboundRequest[] = [];
let app: AuthorizedApp;
let gateway: TestGateway;

beforeAll(async () => {
  app = await openAuthorizedApp({}, (config, log) =>
    openApp(config, log, {
      egress: (client) => ({
        ...client,
        request(request, options) {
          if (request.url.origin !== HOST) return client.request(request, options);
          fetched.push(request);
          const answer = answers.get(request.url.href);
          return Promise.resolve({
            status: answer ? (answer.status ?? 200) : 404,
            headers: answer?.headers ?? {},
            body: Buffer.from(answer?.body ?? ''),
          });
        },
      }),
    }),
  );
  gateway = await app.guarded({});
});
afterAll(() => app.close());

const put = (path: string, answer: Answer | object): string => {
  const id = `${HOST}${path}`;
  answers.set(id, 'body' in answer ? answer : { body: JSON.stringify(answer) });
  return id;
};
const open = (clientId: string, change: Record<string, string> = {}) =>
  openBrowser(app.publicUrl).open(
    authorizationRequest(app.issuer, { client_id: clientId, resource: gateway.url, ...change }).url,
  );

test('the official client connects with a document instead of a registration', async () => {
  const id = `${HOST}/app.json`;
  put('/app.json', document(id));
  const application = createApplication({}, id);
  const first = new StreamableHTTPClientTransport(new URL(gateway.url), {
    authProvider: application.provider as unknown as OAuthClientProvider,
  });
  const client = new Client({ name: 'test', version: '1' });
  await expect(client.connect(first)).rejects.toThrow(/unauthorized/i);
  const browser = openBrowser(app.publicUrl);
  const page = await signInAndAllow(String(application.memory.sentTo), browser);
  await first.finishAuth(new URL(page.url).searchParams);
  expect(application.memory.client).toMatchObject({ client_id: id });
  const second = new Client({ name: 'test', version: '1' });
  await second.connect(
    new StreamableHTTPClientTransport(new URL(gateway.url), {
      authProvider: application.provider as unknown as OAuthClientProvider,
    }),
  );
  expect((await second.listTools()).tools).toEqual([]);
  await second.close();
  // Fetched once: what is cached is not asked for again.
  expect(fetched.filter(({ url }) => url.href === id)).toHaveLength(1);
  expect(Object.keys(fetched[0]?.headers ?? {})).toEqual(['accept']);
  const consent = await browser.open(String(application.memory.sentTo));
  expect(consent.body).toContain('client.example');
});

test.each([
  ['names another client', document(`${HOST}/other.json`)],
  ['has no redirect address', document(`${HOST}/a.json`, { redirect_uris: [] })],
  [
    'has a redirect address that is not allowed',
    document(`${HOST}/a.json`, { redirect_uris: ['http://evil.example/'] }),
  ],
  ['wants a secret', document(`${HOST}/a.json`, { token_endpoint_auth_method: 'client_secret_post' })],
  ['holds a secret', document(`${HOST}/a.json`, { client_secret: 'x' })],
  ['is not JSON', { body: '<html>' }],
  ['is a list', { body: '[]' }],
  ['is not there', { status: 404, body: '{}' }],
  ['is a redirect', { status: 302, headers: { location: `${HOST}/app.json` }, body: '' }],
  ['is too long', { body: `${JSON.stringify(document(`${HOST}/a.json`))}${' '.repeat(70_000)}` }],
] as const)('a document that %s makes no client', async (_name, answer) => {
  const page = await open(put('/a.json', answer));
  expect(page.status).toBeGreaterThanOrEqual(400);
  expect(page.body).not.toContain('name="password"');
});

test.each([
  'http://client.example/app.json',
  'https://user@client.example/app.json',
  'https://client.example/app.json#x',
  'https://client.example/a/../app.json',
  'https://client.example/%2e%2e/app.json',
  'https://127.0.0.1/app.json',
  'https://localhost/app.json',
  'https://169.254.169.254/latest/meta-data',
  'https://[::1]/app.json',
  'https://10.0.0.1/app.json',
])('%s is no client, and nothing behind it is told', async (id) => {
  const before = fetched.length;
  const page = await open(id);
  expect(page.status).toBe(400);
  expect(page.body).not.toMatch(/ECONN|blocked|EGRESS|address/i);
  expect(fetched.length).toBe(before);
});

test('redirect addresses are those of the document, exactly', async () => {
  const id = put('/web.json', document(`${HOST}/web.json`, { redirect_uris: ['https://client.example/cb'] }));
  expect((await open(id, { redirect_uri: 'https://client.example/cb' })).body).toContain('name="password"');
  for (const uri of ['https://client.example/cb/', 'https://client.example/', 'https://evil.example/cb'])
    expect((await open(id, { redirect_uri: uri })).status).toBe(400);
});

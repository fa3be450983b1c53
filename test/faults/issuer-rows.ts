// F17 to F19: the identity provider of those who call is down, or silent while its keys change; the token endpoint that calls
// leave with is down. Whoever is known goes on; others are refused soon, and nobody is asked for each of them.

import {
  CreateGatewayTargetCommand,
  CreateOauth2CredentialProviderCommand,
  GetGatewayTargetCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import { CLIENT_ID, CLIENT_SECRET, openIdentityProvider } from '../support/identity-provider.ts';
import { createSigningKey, openIssuer } from '../support/issuer.ts';
import type { Issuer, SigningKey } from '../support/issuer.ts';
import { closing, startServer } from '../support/process.ts';
import type { RunningServer } from '../support/process.ts';
import {
  EGRESS,
  addTargets,
  apiOf,
  call,
  callWith,
  calls,
  controlOf,
  goodShare,
  makeGateway,
  makeTokenGateway,
  metric,
} from './house.ts';
import type { Answer } from './house.ts';
import { openHostileUpstream } from './hostile-upstream.ts';
import { atLeast, atMost, exactly, pause, until } from './row.ts';
import type { Check, Row } from './row.ts';

/** The product's: for one answer of the provider, between two looks for an unknown key, and the whole of a token endpoint. */
const FETCH_MS = 5_000;
const COOLDOWN_MS = 30_000;

interface Scene {
  readonly issuer: Issuer;
  readonly server: RunningServer;
  /** A call with a token of its own, signed with a key. */
  readonly ask: (key?: SigningKey) => Promise<Answer>;
}

async function openScene(): Promise<Scene> {
  const issuer = await openIssuer();
  closing.push(() => issuer.close());
  const upstream = await openHostileUpstream();
  const server = await startServer({ env: EGRESS });
  const control = controlOf(server);
  const { gatewayId, path } = await makeTokenGateway(control, 'known', issuer.discoveryUrl);
  await addTargets(control, gatewayId, { api: apiOf(upstream.url, 'find') });
  const url = `${server.url}${path}`;
  let turn = 0;
  const ask = async (key?: SigningKey): Promise<Answer> => {
    const token = await issuer.token({ sub: `u${(turn += 1)}` }, key ? { key } : {});
    return callWith(url, 'api___find', '{"q":"x"}', false, { authorization: `Bearer ${token}` });
  };
  await until('served', async () => (await ask()).isGood);
  return { issuer, server, ask };
}

const longest = (answers: readonly Answer[]): number => Math.max(...answers.map(({ ms }) => ms));
const refused = (answers: readonly Answer[]): number => answers.filter(({ status }) => status === 401).length;
const tokenRequests = (server: RunningServer): Promise<number> =>
  metric(server, 'gatewright_token_requests_total');
const fetches = (server: RunningServer): Promise<number> => metric(server, 'gatewright_jwks_fetches_total');

async function issuerDown(): Promise<() => Promise<readonly Check[]>> {
  const { issuer, server, ask } = await openScene();
  const strangers = await Promise.all(
    Array.from({ length: 8 }, (_, at) => createSigningKey(`stranger${at}`)),
  );
  const stranger = (turn: number): Promise<Answer> => ask(strangers[turn % strangers.length]);
  const before = await fetches(server);
  await issuer.down();
  return async () => {
    const [known, unknown] = await Promise.all([calls(100, 4, () => ask()), calls(100, 4, stranger)]);
    await pause(COOLDOWN_MS + 1_000);
    const [later, unknownLater] = await Promise.all([calls(100, 4, () => ask()), calls(100, 4, stranger)]);
    const tried = (await fetches(server)) - before;
    await issuer.up();
    const next = await createSigningKey('next');
    issuer.keys = [...issuer.keys, next];
    await until('its new key is known', async () => (await ask(next)).isGood, COOLDOWN_MS * 2);
    return [
      exactly('known keys: calls', goodShare([...known, ...later]), 1),
      exactly('unknown keys: 401', refused([...unknown, ...unknownLater]), 200),
      atMost(
        'the slowest of all, to the fetch limit (5 s)',
        longest([...unknown, ...unknownLater, ...known, ...later]) / FETCH_MS,
        1.2,
      ),
      atLeast('fetches tried', tried, 1),
      atMost('and no more', tried, 4),
      exactly('calls after it', goodShare(await calls(20, 4, () => ask(next))), 1),
    ];
  };
}

async function issuerSilent(): Promise<() => Promise<readonly Check[]>> {
  const { issuer, ask } = await openScene();
  return async () => {
    await pause(COOLDOWN_MS + 1_000);
    const next = await createSigningKey('next');
    const hits = issuer.hits.length;
    issuer.mode = 'hang';
    const [known, rotated] = await Promise.all([calls(200, 4, () => ask()), calls(40, 40, () => ask(next))]);
    const asked = issuer.hits.length - hits;
    issuer.mode = 'ok';
    issuer.keys = [...issuer.keys, next];
    await until('the new key is known', async () => (await ask(next)).isGood, COOLDOWN_MS * 2);
    const after = await calls(40, 4, (turn) => ask(turn % 2 === 0 ? next : undefined));
    return [
      exactly('old keys meanwhile: calls', goodShare(known), 1),
      exactly(
        'new key meanwhile: 401 or 503',
        rotated.filter(({ status }) => [401, 503].includes(status)).length,
        40,
      ),
      atMost('the slowest, to the fetch limit (5 s)', longest(rotated) / FETCH_MS, 1.5),
      atLeast('requests of the provider', asked, 1),
      atMost('and no more', asked, 2),
      exactly('both keys after it', goodShare(after), 1),
    ];
  };
}

async function tokensDown(): Promise<readonly Check[]> {
  const provider = await openIdentityProvider();
  closing.push(() => provider.close());
  const upstream = await openHostileUpstream();
  const server = await startServer({ env: EGRESS });
  const control = controlOf(server);
  const { credentialProviderArn } = await control.send(
    new CreateOauth2CredentialProviderCommand({
      name: 'tokens',
      credentialProviderVendor: 'CustomOauth2',
      oauth2ProviderConfigInput: {
        customOauth2ProviderConfig: {
          oauthDiscovery: { discoveryUrl: provider.discoveryUrl },
          clientId: CLIENT_ID,
          clientSecret: CLIENT_SECRET,
        },
      },
    }),
  );
  const { gatewayId, path } = await makeGateway(control, 'leaving');
  await addTargets(control, gatewayId, { plain: apiOf(upstream.url, 'find') });
  for (const [name, scope] of [
    ['kept', 'read'],
    ['ended', 'write'],
  ] as const) {
    const { targetId } = await control.send(
      new CreateGatewayTargetCommand({
        gatewayIdentifier: gatewayId,
        name,
        targetConfiguration: apiOf(upstream.url, name),
        credentialProviderConfigurations: [
          {
            credentialProviderType: 'OAUTH',
            credentialProvider: {
              oauthCredentialProvider: { providerArn: credentialProviderArn, scopes: [scope] },
            },
          },
        ],
      }),
    );
    const get = new GetGatewayTargetCommand({ gatewayIdentifier: gatewayId, targetId });
    await until(`target ${name} READY`, async () => (await control.send(get)).status === 'READY');
  }
  const url = `${server.url}${path}`;
  const ask = (target: string, q: string): Promise<Answer> =>
    call(url, `${target}___${target === 'plain' ? 'find' : target}`, q);
  const sent = (path: string, q: string): number => upstream.asked.get(`/${path}?${q}`) ?? 0;
  await until('served', async () => (await ask('kept', 'first')).isGood);
  const livesS = 2;
  provider.accessTokenSeconds = livesS;
  await until('served', async () => (await ask('ended', 'first')).isGood);
  await pause(livesS * 1_000 + 200);

  const checks: Check[] = [];
  let silence = 0;
  for (const mode of ['error', 'html', 'hang'] as const) {
    provider.mode = mode;
    const count = mode === 'hang' ? 16 : 60;
    // A failure is remembered for a second.
    await pause(1_200);
    const before = await tokenRequests(server);
    const [kept, plain, ended] = await Promise.all([
      calls(60, 4, () => ask('kept', mode)),
      calls(60, 4, () => ask('plain', mode)),
      calls(count, 8, () => ask('ended', mode)),
    ]);
    if (mode === 'hang') silence = longest(ended);
    checks.push(
      exactly(`${mode}: calls with a token that holds`, goodShare(kept), 1),
      exactly('calls without', goodShare(plain), 1),
      exactly(
        'calls that need another: tool errors',
        ended.filter(({ isToolError }) => isToolError).length,
        count,
      ),
      exactly('of them sent', sent('ended', mode), 0),
      atLeast('requests for tokens', (await tokenRequests(server)) - before, 1),
      atMost('and no more', (await tokenRequests(server)) - before, 4),
      atMost('seconds of the slowest', longest(ended) / 1_000, 15),
    );
  }
  checks.push(atLeast('of them silence', silence / 1_000, 5));
  provider.mode = 'ok';
  provider.accessTokenSeconds = 3_600;
  await until('tokens come again', async () => (await ask('ended', 'again')).isGood);
  return [
    ...checks,
    exactly('calls after it', goodShare(await calls(40, 4, () => ask('ended', 'after'))), 1),
  ];
}

export const ISSUER_ROWS: readonly Row[] = [
  { id: 'F17', words: 'identity provider down, its keys known', begin: issuerDown },
  { id: 'F18', words: 'identity provider silent while its keys change', begin: issuerSilent },
  { id: 'F19', words: 'token endpoint down', run: tokensDown },
];

// F20, F21: the master key cannot be had: KMS is down while the server runs, in the middle of a rotation, and when one
// starts; the key file is missing, damaged or another. What needs no secret goes on; no key is made up, nothing is lost.

import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateApiKeyCredentialProviderCommand } from '@aws-sdk/client-bedrock-agentcore-control';
import { runGatewright, spawnGatewright, startServer, temporaryFolder } from '../support/process.ts';
import type { Finished, RunningServer } from '../support/process.ts';
import { EGRESS, apiOf, call, calls, controlOf, goodShare, make, makeSecretTarget } from './house.ts';
import type { Answer } from './house.ts';
import { openHostileUpstream } from './hostile-upstream.ts';
import type { HostileUpstream } from './hostile-upstream.ts';
import { atLeast, exactly } from './row.ts';
import type { Check, Row } from './row.ts';
import { openKms } from './stand-in-kms.ts';
import type { KmsState } from './stand-in-kms.ts';

const KEY = 'planted-secret-51c7';
const DOWN: readonly KmsState[] = ['reset', 'broken', 'denied', 'empty'];

interface Scene {
  readonly server: RunningServer;
  readonly upstream: HostileUpstream;
  /** Paths of the gateways with a secret and without one. */
  readonly secret: string;
  readonly plain: string;
}

/** A server with a target that needs a secret and one that needs none. */
async function openScene(env: Readonly<Record<string, string>> = {}): Promise<Scene> {
  const upstream = await openHostileUpstream();
  const server = await startServer({ env: { ...EGRESS, ...env } });
  const control = controlOf(server);
  const secret = await makeSecretTarget(control, 'secret', apiOf(upstream.url, 'find'), KEY);
  const plain = await make(control, 'plain', { api: apiOf(upstream.url, 'find') });
  return { server, upstream, secret, plain: plain.path };
}

const ask = (server: RunningServer, path: string, q: string, count = 20): Promise<readonly Answer[]> =>
  calls(count, 4, () => call(`${server.url}${path}`, 'api___find', q));

/** Tries to have a secret kept; what it was refused with, or `kept`. */
const keep = (server: RunningServer): Promise<string> =>
  controlOf(server)
    .send(
      new CreateApiKeyCredentialProviderCommand({
        name: `p${randomBytes(6).toString('hex')}`,
        apiKey: 'another',
      }),
    )
    .then(
      () => 'kept',
      (thrown: Error & { $metadata?: { httpStatusCode?: number } }) =>
        `${thrown.name} ${thrown.$metadata?.httpStatusCode}`,
    );

const rotate = ({ controlEndpoint, dataDir }: RunningServer): Promise<Finished> =>
  runGatewright(['vault', 'rotate', '--endpoint-url', controlEndpoint, '--data-dir', dataDir]);

const readiness = async ({ url }: RunningServer): Promise<string> => {
  const answer = await fetch(`${url}/readyz`);
  return `${answer.status}${(await answer.text()).includes('degraded') ? ' degraded' : ''}`;
};

/** Whether each call came to its result, and with the secret. */
const isServed = (upstream: HostileUpstream, q: string, answers: readonly Answer[]): boolean =>
  goodShare(answers) === 1 && upstream.keys.get(q)?.has(KEY) === true;

async function kmsDown(): Promise<readonly Check[]> {
  const [kms, silent] = [await openKms(), await openKms()];
  silent.state = 'silent';
  const hanging = runGatewright(
    ['serve', '--listen', '127.0.0.1:0', '--data-dir', join(temporaryFolder(), 'data')],
    { env: { ...EGRESS, ...silent.env } },
  );
  const { server, upstream, secret, plain } = await openScene(kms.env);
  const file = join(server.dataDir, 'master.key.kms');
  const wrapped = readFileSync(file, 'utf8');
  let [served, kept, rotations, files] = [0, 0, 0, 0];
  for (const state of DOWN) {
    kms.state = state;
    const before = kms.asked();
    if (isServed(upstream, state, await ask(server, secret, state)) && kms.asked() === before) served += 1;
    if ((await keep(server)) === 'kept') kept += 1;
    const rotated = await rotate(server);
    if (rotated.code === 1 && rotated.stderr.includes('AWS KMS') && kms.asked() > before) rotations += 1;
    if (readFileSync(file, 'utf8') === wrapped) files += 1;
  }
  // A rotation that breaks off in its middle: the new key is there, and nobody can open it.
  kms.state = 'dying';
  const half = await rotate(server);
  const halfFile = readFileSync(file, 'utf8').trim().split('\n').length;
  const halfServed = isServed(upstream, 'half', await ask(server, secret, 'half'));
  const halfKept = await keep(server);
  kms.state = 'well';
  const whole = await rotate(server);
  const again = await keep(server);
  await server.stop();

  // A start without KMS: none with another key, none without one.
  const sealed = readFileSync(file, 'utf8');
  const starts: string[] = [];
  for (const state of DOWN) {
    kms.state = state;
    const ended = await runGatewright(['serve', '--listen', '127.0.0.1:0', '--data-dir', server.dataDir], {
      env: { ...EGRESS, ...kms.env },
    });
    const isTyped = ended.code === 1 && ended.stdout.includes('AWS KMS') && !ended.stdout.includes('"ready"');
    if (!isTyped || readFileSync(file, 'utf8') !== sealed || existsSync(join(server.dataDir, 'master.key')))
      starts.push(`${state}: ${ended.code} ${ended.stdout.slice(-300)}${ended.stderr.slice(-300)}`);
  }
  const empty = join(temporaryFolder(), 'data');
  for (const state of ['denied', 'empty'] as const) {
    kms.state = state;
    const ended = await runGatewright(['serve', '--listen', '127.0.0.1:0', '--data-dir', empty], {
      env: { ...EGRESS, ...kms.env },
    });
    if (
      ended.code !== 1 ||
      existsSync(join(empty, 'master.key.kms')) ||
      existsSync(join(empty, 'master.key'))
    )
      starts.push(`first start, ${state}: ${ended.code} ${ended.stdout.slice(-300)}`);
  }
  kms.state = 'other';
  const other = await startServer({ dataDir: server.dataDir, env: { ...EGRESS, ...kms.env } });
  const otherReady = await readiness(other);
  const otherPlain = goodShare(await ask(other, plain, 'plain'));
  const otherSecret = await ask(other, secret, 'other');
  await other.stop();
  kms.state = 'well';
  const last = await startServer({ dataDir: server.dataDir, env: { ...EGRESS, ...kms.env } });
  const hung = await hanging;
  const lastServed = isServed(upstream, 'last', await ask(last, secret, 'last'));
  const { code } = await last.stop();
  return [
    exactly('ways of being down in which calls go on, KMS not asked', served, DOWN.length),
    exactly('and new secrets are kept', kept, DOWN.length),
    exactly('and rotations are refused, typed', rotations, DOWN.length),
    exactly('and the wrapped key is left alone', files, DOWN.length),
    exactly(
      'a rotation broken off: exit code, keys, calls',
      `${half.code} ${halfFile} ${halfServed}`,
      '1 2 true',
    ),
    exactly('new secrets meanwhile, under no retired key', halfKept, 'InternalServerException 503'),
    exactly('KMS is back: rotation, new secrets', `${whole.code} ${again}`, '0 kept'),
    exactly(
      'a start with a silent KMS is given up',
      `${hung.code} ${hung.stdout.includes('AWS KMS')}`,
      '1 true',
    ),
    exactly(
      `of ${DOWN.length + 2} starts without KMS not refused, or with traces`,
      starts.join(' | ') || 0,
      0,
    ),
    exactly(
      'a start with another key, calls without secrets',
      `${otherReady}, ${otherPlain}`,
      '200 degraded, 1',
    ),
    exactly(
      'calls that need one: tool errors',
      otherSecret.filter(({ isToolError }) => isToolError).length,
      20,
    ),
    exactly('of them sent', upstream.asked.get('/find?other') ?? 0, 0),
    exactly('a start with KMS: calls with their secret', String(lastServed), 'true'),
    exactly('exit code', code ?? -1, 0),
  ];
}

/** What may have become of the key file; undefined: it is missing. */
const FILES: Readonly<Record<string, string | undefined>> = {
  missing: undefined,
  empty: '',
  another: `${Buffer.alloc(32, 7).toString('base64')}\n`,
};
/** Contents that are no keys: nobody can mean that. */
const DAMAGED: Readonly<Record<string, string>> = {
  half: `${Buffer.alloc(16, 7).toString('base64')}\n`,
  words: 'this is no key\n',
};

async function keyFileGone(): Promise<readonly Check[]> {
  const { server, upstream, secret, plain } = await openScene();
  const { dataDir } = server;
  const file = join(dataDir, 'master.key');
  const whole = readFileSync(file, 'utf8');
  await server.stop();
  let [degraded, plainGood, typed, refused, untouched] = [0, 0, 0, 0, 0];
  for (const [name, text] of Object.entries(FILES)) {
    if (text === undefined) rmSync(file);
    else writeFileSync(file, text, { mode: 0o600 });
    const other = await startServer({ dataDir, env: EGRESS });
    if ((await readiness(other)) === '200 degraded') degraded += 1;
    plainGood += goodShare(await ask(other, plain, name));
    typed += (await ask(other, secret, `secret-${name}`)).filter(({ isToolError }) => isToolError).length;
    // With another key secrets can be entered anew; without one they cannot.
    const outcome = await keep(other);
    if (outcome === (name === 'another' ? 'kept' : 'InternalServerException 503')) refused += 1;
    await other.stop();
    const now = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
    if (now === text) untouched += 1;
  }
  let unstarted = 0;
  for (const text of Object.values(DAMAGED)) {
    writeFileSync(file, text, { mode: 0o600 });
    const run = spawnGatewright(['serve', '--listen', '127.0.0.1:0', '--data-dir', dataDir], { env: EGRESS });
    const { code } = await run.ended;
    if (code === 1 && run.stdout().includes('32 bytes') && readFileSync(file, 'utf8') === text)
      unstarted += 1;
  }
  writeFileSync(file, whole, { mode: 0o600 });
  const again = await startServer({ dataDir, env: EGRESS });
  const ready = await readiness(again);
  const served = isServed(upstream, 'again', await ask(again, secret, 'again'));
  const { code } = await again.stop();
  const count = Object.keys(FILES).length;
  const sent = Object.keys(FILES).filter((name) => upstream.asked.has(`/find?secret-${name}`));
  return [
    exactly('starts that say they are degraded', degraded, count),
    exactly('calls that need no secret', plainGood / count, 1),
    exactly('calls that need one: tool errors', typed, count * 20),
    exactly('of them sent', sent.join(' ') || 0, 0),
    exactly('new secrets as the key allows', refused, count),
    exactly('key files as they were', untouched, count),
    exactly('files that hold no key: refused, left alone', unstarted, Object.keys(DAMAGED).length),
    exactly('the key is back: readyz, calls with their secret', `${ready} ${served}`, '200 true'),
    atLeast('calls with the secret', upstream.asked.get('/find?again') ?? 0, 20),
    exactly('exit code', code ?? -1, 0),
  ];
}

export const KEY_ROWS: readonly Row[] = [
  { id: 'F20', words: 'KMS down: running, in a rotation, at a start', run: kmsDown },
  { id: 'F21', words: 'master key missing, damaged or another', run: keyFileGone },
];

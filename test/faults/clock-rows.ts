// F29: the wall clock is set while the server runs, ten minutes ahead, two hours back, and right again. Tokens and signatures are
// judged by it; what waits, and what was begun, is not touched; the audit log stays one chain.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BedrockAgentCoreControlClient,
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  DeleteGatewayTargetCommand,
  GetGatewayTargetCommand,
  ListGatewaysCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import { auditRecords } from '../support/audit.ts';
import { openIssuer } from '../support/issuer.ts';
import { closing, runGatewright, startServer, temporaryFolder } from '../support/process.ts';
import { mcpClient, operatorCredentials, textOf } from '../support/process-clients.ts';
import { EGRESS, apiOf, callWith, calls, goodShare } from './house.ts';
import type { Answer } from './house.ts';
import { openHostileUpstream, well } from './hostile-upstream.ts';
import { atLeast, atMost, exactly, pause, until } from './row.ts';
import type { Check, Row } from './row.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
const SHIFTED = join(import.meta.dirname, 'shifted-clock.ts');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** How long the answer of a slow tool takes (milliseconds): the clock is set in the middle of it. */
const SLOW_MS = 1_500;

/** Where the clock stands, and which tokens hold by it. */
const PHASES: readonly { readonly shift: number; readonly short: boolean; readonly born: boolean }[] = [
  { shift: 0, short: true, born: true },
  { shift: 10 * MINUTE, short: false, born: true },
  { shift: -2 * HOUR, short: true, born: false },
  { shift: 0, short: true, born: true },
];

async function clockJumps(): Promise<readonly Check[]> {
  const issuer = await openIssuer();
  closing.push(() => issuer.close());
  const upstream = await openHostileUpstream();
  upstream.on('/slow', (socket, q, turn) => void setTimeout(() => well(socket, q, turn), SLOW_MS));
  const shiftFile = join(temporaryFolder(), 'shift');
  const set = async (shift: number): Promise<void> => {
    writeFileSync(shiftFile, String(shift));
    // The module looks every 20 ms.
    await pause(200);
  };
  await set(0);
  const server = await startServer({
    env: { ...EGRESS, GATEWRIGHT_AUDIT: 'required', SHIFT_FILE: shiftFile },
    program: [process.execPath, '--import', SHIFTED, MAIN],
  });
  // A client for one request: it sets its clock by what it is answered, and the HTTP server of Node by none but the real one.
  const control = (systemClockOffset = 0): BedrockAgentCoreControlClient => {
    const client = new BedrockAgentCoreControlClient({
      endpoint: server.controlEndpoint,
      region: 'us-east-1',
      maxAttempts: 1,
      credentials: operatorCredentials(server.dataDir),
      systemClockOffset,
    });
    closing.push(() => client.destroy());
    return client;
  };
  const { gatewayId = '', gatewayUrl = '' } = await control().send(
    new CreateGatewayCommand({
      name: 'timed',
      roleArn: 'arn:aws:iam::000000000000:role/gateway',
      protocolType: 'MCP',
      authorizerType: 'CUSTOM_JWT',
      authorizerConfiguration: {
        customJWTAuthorizer: { discoveryUrl: issuer.discoveryUrl, allowedAudience: ['gateway'] },
      },
    }),
  );
  const url = `${server.url}${new URL(gatewayUrl).pathname}`;
  const nowS = Math.floor(Date.now() / 1_000);
  const old = { iat: nowS - 4 * 3_600, nbf: nowS - 4 * 3_600 };
  const tokens = {
    long: await issuer.token({ ...old, exp: nowS + 24 * 3_600 }),
    // By the real clock it holds for five minutes more: longer than the row takes.
    short: await issuer.token({ ...old, exp: nowS + 300 }),
    born: '',
  };
  const ask = (tool: string, token: keyof typeof tokens, q = 'x'): Promise<Answer> =>
    callWith(url, `api___${tool}`, JSON.stringify({ q }), false, {
      authorization: `Bearer ${tokens[token]}`,
    });
  /** A target that is made now serves; how long that takes. */
  const makeTarget = async (shift: number, name: string): Promise<[string, number]> => {
    const from = performance.now();
    const { targetId = '' } = await control(shift).send(
      new CreateGatewayTargetCommand({
        gatewayIdentifier: gatewayId,
        name,
        targetConfiguration: apiOf(upstream.url, 'find', 'slow'),
      }),
    );
    const get = new GetGatewayTargetCommand({ gatewayIdentifier: gatewayId, targetId });
    await until(`target ${name} READY`, async () => (await control(shift).send(get)).status === 'READY');
    return [targetId, performance.now() - from];
  };
  await makeTarget(0, 'api');
  await until('served', async () => (await ask('find', 'long')).isGood);
  const session = await mcpClient(url, tokens.long);

  const judged: string[] = [];
  const skewed: string[] = [];
  const answers: Answer[] = [];
  const spanning: Answer[] = [];
  const made: number[] = [];
  let sessionCalls = 0;
  for (const [at, { shift, short, born }] of PHASES.entries()) {
    // These are under way when the clock is set.
    const during = Promise.all(Array.from({ length: 4 }, (_, turn) => ask('slow', 'long', `s${at}x${turn}`)));
    await until('they are under way', () => upstream.asked.has(`/slow?s${at}x3`));
    await set(shift);
    spanning.push(...(await during));
    // One that nobody has seen: what was found valid once has begun to be, whatever the clock says later.
    const jti = `born${at}`;
    tokens.born = await issuer.token({ jti, iat: nowS - 60, nbf: nowS - 60, exp: nowS + 24 * 3_600 });
    const verdicts: string[] = [];
    for (const token of ['long', 'short', 'born'] as const)
      for (let turn = 0; turn < 2; turn += 1) {
        const { status, isGood } = await ask('find', token);
        verdicts.push(isGood ? 'good' : String(status));
      }
    const wanted = ['good', short ? 'good' : '401', born ? 'good' : '401'].flatMap((one) => [one, one]);
    if (verdicts.join() !== wanted.join()) judged.push(`${shift / MINUTE} min: ${verdicts.join()}`);
    answers.push(...(await calls(40, 4, (turn) => ask('find', 'long', `p${at}x${turn}`))));
    // A signature of the real time, and one of the server's.
    const real = await control()
      .send(new ListGatewaysCommand({}))
      .then(
        () => 'taken',
        (thrown: Error & { $metadata?: { httpStatusCode?: number } }) =>
          /^Signature (expired|not yet current)/.test(thrown.message)
            ? `skew ${thrown.$metadata?.httpStatusCode}`
            : `${thrown.name} ${thrown.message}`,
      );
    if (real !== (shift === 0 ? 'taken' : 'skew 403')) skewed.push(`${shift / MINUTE} min: ${real}`);
    const [targetId, ms] = await makeTarget(shift, `late${at}`);
    made.push(ms);
    await control(shift).send(new DeleteGatewayTargetCommand({ gatewayIdentifier: gatewayId, targetId }));
    await until('it is deleted', () =>
      control(shift)
        .send(new GetGatewayTargetCommand({ gatewayIdentifier: gatewayId, targetId }))
        .then(
          () => false,
          (thrown: Error) => thrown.name === 'ResourceNotFoundException',
        ),
    );
    const told = textOf(await session.callTool({ name: 'api___find', arguments: { q: `session${at}` } }));
    if (told.includes(`session${at}`)) sessionCalls += 1;
  }
  const health = await fetch(`${server.url}/healthz`);
  const { code } = await server.stop();
  const records = auditRecords(join(server.dataDir, 'audit'));
  const verified = await runGatewright(['audit', 'verify', '--data-dir', server.dataDir]);
  const recorded = new Set(records.map(({ requestID }) => requestID));
  const seqs = records.map(({ seq }) => seq);
  const times = records.map(({ eventTime }) => Date.parse(eventTime) - Date.now());
  return [
    exactly('tokens not judged by the clock', judged.join(' | ') || 0, 0),
    exactly('signatures not judged by the clock', skewed.join(' | ') || 0, 0),
    exactly('calls with a token that holds', goodShare(answers), 1),
    exactly(`calls under way when it was set (${spanning.length})`, goodShare(spanning), 1),
    atMost('longest of them, to their answer’s time', Math.max(...spanning.map(({ ms }) => ms)) / SLOW_MS, 3),
    exactly('targets made and deleted', made.length, PHASES.length),
    atMost('slowest to the first', Math.max(...made) / (made[0] ?? 1), 10),
    exactly('calls of a session begun before', sessionCalls, PHASES.length),
    exactly('health', health.status, 200),
    exactly('exit code', code ?? -1, 0),
    atLeast('audit records', records.length, answers.length + spanning.length),
    exactly('calls without one', answers.filter(({ requestId }) => !recorded.has(requestId)).length, 0),
    exactly(
      'records out of sequence',
      seqs.filter((seq, at) => at > 0 && seq !== (seqs[at - 1] ?? 0) + 1).length,
      0,
    ),
    exactly(
      'records ten minutes ahead, two hours back',
      `${times.some((ms) => ms > 5 * MINUTE)}, ${times.some((ms) => ms < -HOUR)}`,
      'true, true',
    ),
    exactly('audit verify', verified.code ?? -1, 0),
  ];
}

export const CLOCK_ROWS: readonly Row[] = [
  { id: 'F29', words: 'the clock is set ahead, back and right', run: clockJumps },
];

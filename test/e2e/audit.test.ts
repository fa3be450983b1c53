// The audit log of the real process: killed, stopped under load, and on a full disk. What was acknowledged is in it, and
// it verifies.

import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  CreateWorkloadIdentityCommand,
  GetGatewayCommand,
  GetGatewayTargetCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import type { BedrockAgentCoreControlClient } from '@aws-sdk/client-bedrock-agentcore-control';
import { describe, expect, it } from 'vitest';
import { auditRecords } from '../support/audit.ts';
import { sdkFor, startUpstream } from '../support/process-clients.ts';
import type { Upstream } from '../support/process-clients.ts';
import { closing, runGatewright, startServer, temporaryFolder } from '../support/process.ts';
import type { RunningServer } from '../support/process.ts';

const ROLE = 'arn:aws:iam::000000000000:role/r';

const environment = (upstream: Upstream, mode: string): Record<string, string> => ({
  GATEWRIGHT_EGRESS_ALLOW: new URL(upstream.url).host,
  GATEWRIGHT_AUDIT: mode,
});

/** A gateway that anybody may call, with one tool; gives the path of its endpoint. */
async function makeGateway(sdk: BedrockAgentCoreControlClient, upstream: Upstream): Promise<string> {
  const gateway = await sdk.send(
    new CreateGatewayCommand({ name: 'g', roleArn: ROLE, protocolType: 'MCP', authorizerType: 'NONE' }),
  );
  const document = {
    openapi: '3.0.3',
    info: {},
    servers: [{ url: upstream.url }],
    paths: { '/ask': { get: { operationId: 'ask' } } },
  };
  const gatewayIdentifier = gateway.gatewayId;
  const { targetId } = await sdk.send(
    new CreateGatewayTargetCommand({
      gatewayIdentifier,
      name: 'api',
      targetConfiguration: { mcp: { openApiSchema: { inlinePayload: JSON.stringify(document) } } },
    }),
  );
  await expect
    .poll(async () => (await sdk.send(new GetGatewayTargetCommand({ gatewayIdentifier, targetId }))).status, {
      timeout: 30_000,
    })
    .toBe('READY');
  return new URL(gateway.gatewayUrl ?? '').pathname;
}

async function ask(
  server: RunningServer,
  path: string,
): Promise<{ status: number; requestId: string; text: string }> {
  const response = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'api___ask', arguments: {} },
    }),
  });
  return {
    status: response.status,
    requestId: response.headers.get('x-amzn-requestid') ?? '',
    text: await response.text(),
  };
}

const verify = (dataDir: string) => runGatewright(['audit', 'verify', join(dataDir, 'audit')]);

describe('kill -9', () => {
  it('in a storm of writes and calls: the chain verifies, and holds everything that was acknowledged', async () => {
    const upstream = await startUpstream();
    const dataDir = join(temporaryFolder(), 'data');
    const made = new Set<string>();
    const called = new Set<string>();
    let path: string | undefined;
    for (let round = 0; round < 4; round += 1) {
      const server = await startServer({ dataDir, env: environment(upstream, 'required') });
      const sdk = sdkFor(server);
      path ??= await makeGateway(sdk, upstream);
      const endpoint = path;
      const enough = made.size + called.size + randomInt(40, 120);
      let isDead = false;
      const note = (set: Set<string>, value: string): void => {
        set.add(value);
        if (made.size + called.size >= enough) isDead = server.child.kill('SIGKILL');
      };
      await Promise.all([
        ...Array.from({ length: 3 }, async (_, lane) => {
          for (let index = 0; !isDead; index += 1) {
            const name = `w-${round}-${lane}-${index}`;
            await sdk.send(new CreateWorkloadIdentityCommand({ name })).then(
              () => note(made, name),
              () => undefined,
            );
          }
        }),
        ...Array.from({ length: 3 }, async () => {
          while (!isDead)
            await ask(server, endpoint).then(
              ({ status, requestId }) => (status === 200 ? note(called, requestId) : undefined),
              () => undefined,
            );
        }),
      ]);
      expect((await server.ended).signal).toBe('SIGKILL');
      // Also before anybody has gone on with it.
      expect(await verify(dataDir)).toMatchObject({ code: 0 });
    }
    const last = await startServer({ dataDir, env: environment(upstream, 'required') });
    expect(await last.stop()).toEqual({ code: 0, signal: null });
    const verdict = await verify(dataDir);
    expect(verdict, verdict.stdout).toMatchObject({ code: 0, stdout: expect.stringContaining('OK: ') });
    const records = auditRecords(join(dataDir, 'audit'));
    const recorded = new Set(
      records
        .filter(({ additionalEventData }) => additionalEventData['phase'] === 'outcome')
        .map(({ eventName, responseElements }) => `${eventName} ${String(responseElements?.['name'])}`),
    );
    for (const name of made) expect(recorded).toContain(`CreateWorkloadIdentity ${name}`);
    // Of a call the intent is durable before it leaves.
    const intended = new Set(
      records
        .filter(({ additionalEventData }) => additionalEventData['phase'] === 'intent')
        .map(({ requestID }) => requestID),
    );
    expect(called.size).toBeGreaterThan(0);
    for (const requestId of called) expect(intended).toContain(requestId);
    expect(upstream.received.length).toBeLessThanOrEqual(
      records.filter(
        ({ eventName, additionalEventData }) =>
          eventName === 'InvokeGateway' && additionalEventData['phase'] === 'intent',
      ).length,
    );
    const resumed = records.filter(({ eventName }) => eventName === 'ResumeAuditLog');
    expect(resumed.map(({ requestParameters }) => requestParameters?.['isClean'])).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });
});

describe('SIGTERM under load', () => {
  it.each(['required', 'best-effort'])('loses no record of an answered call (%s)', async (mode) => {
    const upstream = await startUpstream();
    const dataDir = join(temporaryFolder(), 'data');
    const answered = new Set<string>();
    let path: string | undefined;
    for (let round = 0; round < 3; round += 1) {
      const server = await startServer({ dataDir, env: environment(upstream, mode) });
      path ??= await makeGateway(sdkFor(server), upstream);
      const endpoint = path;
      let isStopping = false;
      const enough = answered.size + 60;
      const lanes = Array.from({ length: 6 }, async () => {
        while (!isStopping) {
          const answer = await ask(server, endpoint).catch(() => undefined);
          if (answer?.status === 200) answered.add(answer.requestId);
          if (answered.size >= enough) isStopping = true;
        }
      });
      await Promise.race(lanes);
      const ended = server.stop();
      await Promise.all(lanes);
      expect(await ended).toEqual({ code: 0, signal: null });
    }
    const verdict = await verify(dataDir);
    expect(verdict, verdict.stdout).toMatchObject({ code: 0 });
    const records = auditRecords(join(dataDir, 'audit'));
    const calls = new Set(
      records.filter(({ responseElements }) => responseElements !== null).map(({ requestID }) => requestID),
    );
    for (const requestId of answered) expect(calls).toContain(requestId);
    expect(records.at(-1)?.eventName).toBe('StopServer');
    expect(
      records
        .filter(({ eventName }) => eventName === 'ResumeAuditLog')
        .map((record) => record.requestParameters?.['isClean']),
    ).toEqual([true, true]);
  });
});

describe('verify', () => {
  it('is not content with a folder in which there is no log', async () => {
    const folder = temporaryFolder();
    const empty = await runGatewright(['audit', 'verify', folder]);
    expect([empty.code, empty.stdout]).toEqual([1, expect.stringContaining('There are no records')]);
    const missing = await runGatewright(['audit', 'verify', join(folder, 'no')]);
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('There is no audit log at')]);
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const other = await runGatewright(['audit', 'verify', file]);
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('cannot be read: ENOTDIR')]);
  });
});

describe('settings', () => {
  it('off writes nothing; switched off after it was on, the last record says so', async () => {
    const dataDir = join(temporaryFolder(), 'data');
    const off = await startServer({ dataDir, env: { GATEWRIGHT_AUDIT: 'off' } });
    await off.stop();
    expect(auditRecords(join(dataDir, 'audit'))).toEqual([]);
    expect((await verify(dataDir)).code).toBe(1);
    await (await startServer({ dataDir })).stop();
    await (await startServer({ dataDir, env: { GATEWRIGHT_AUDIT: 'off' } })).stop();
    const records = auditRecords(join(dataDir, 'audit'));
    expect(records.map(({ eventName }) => eventName)).toEqual([
      'StartAuditLog',
      'StartServer',
      'StopServer',
      'ResumeAuditLog',
      'ChangeAuditSettings',
      'StopServer',
    ]);
    expect(records[4]?.requestParameters).toMatchObject({
      from: { mode: 'best-effort' },
      settings: { mode: 'off' },
    });
    await (await startServer({ dataDir, env: { GATEWRIGHT_AUDIT: 'off' } })).stop();
    expect(auditRecords(join(dataDir, 'audit'))).toHaveLength(records.length);
    expect((await verify(dataDir)).code).toBe(0);
    const wrong = await runGatewright(['serve'], {
      env: { GATEWRIGHT_AUDIT: 'sometimes', GATEWRIGHT_AUDIT_RETENTION_DAYS: '0' },
    });
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/GATEWRIGHT_AUDIT: “sometimes” must be off, best-effort or required/);
    expect(wrong.stderr).toMatch(/GATEWRIGHT_AUDIT_RETENTION_DAYS/);
  });

  it('several workers have a chain each; figures count all of them', async () => {
    const upstream = await startUpstream();
    const server = await startServer({
      env: { ...environment(upstream, 'required'), GATEWRIGHT_WORKERS: '2' },
    });
    const path = await makeGateway(sdkFor(server), upstream);
    for (let index = 0; index < 10; index += 1) expect((await ask(server, path)).status).toBe(200);
    const metrics = await (await fetch(`${server.controlEndpoint}/metrics`)).text();
    expect(
      Number(/^gatewright_audit_records_total(?:\{[^}]*\})? (\d+)$/m.exec(metrics)?.[1]),
    ).toBeGreaterThan(20);
    for (const figure of ['dropped_total', 'failed_writes_total', 'queue'])
      expect(metrics).toContain(`\ngatewright_audit_${figure} 0\n`);
    await server.stop();
    const verdict = await verify(server.dataDir);
    expect(verdict.stdout).toMatch(/OK: \d+ records in 2 chains verify/);
  });
});

describe('a full disk', () => {
  const folder = process.platform === 'linux' && process.getuid?.() === 0 ? smallDisk() : undefined;

  it.skipIf(folder === undefined).each(['required', 'best-effort'])('in mode %s', async (mode) => {
    const upstream = await startUpstream();
    const disk = folder ?? '';
    const dataDir = join(disk, mode);
    const server = await startServer({ dataDir, env: environment(upstream, mode) });
    const sdk = sdkFor(server);
    const path = await makeGateway(sdk, upstream);
    expect((await ask(server, path)).status).toBe(200);
    const filler = join(disk, 'filler');
    try {
      writeFileSync(filler, Buffer.alloc(64 * 1024 * 1024));
    } catch {
      // Full, as it should be.
    }
    // What fits into the last page of the file still does.
    const before = upstream.received.length;
    let refused: Awaited<ReturnType<typeof ask>> | undefined;
    let calls = 0;
    for (; calls < 40 && refused === undefined; calls += 1) {
      const answer = await ask(server, path);
      if (answer.status !== 200) refused = answer;
    }
    if (mode === 'required') {
      expect(refused).toMatchObject({
        status: 503,
        text: expect.stringContaining('audit log cannot be written'),
      });
      // What was refused has not left.
      expect(upstream.received.length).toBe(before + calls - 1);
      await expect(sdk.send(new CreateWorkloadIdentityCommand({ name: 'refused' }))).rejects.toMatchObject({
        $metadata: { httpStatusCode: 503 },
        message: expect.stringContaining('audit log cannot be written'),
      });
    } else {
      expect(refused).toBeUndefined();
      expect(upstream.received.length).toBe(before + calls);
    }
    await server.line(({ msg }) => msg === 'the audit log cannot be written');
    // What changes nothing is answered in both.
    await sdk.send(new GetGatewayCommand({ gatewayIdentifier: path.split('/')[2] }));
    rmSync(filler);
    expect((await ask(server, path)).status).toBe(200);
    await sdk.send(new CreateWorkloadIdentityCommand({ name: 'after' }));
    await server.line(({ msg }) => msg === 'the audit log can be written again');
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    const verdict = await verify(dataDir);
    expect(verdict, verdict.stdout).toMatchObject({ code: 0 });
    const records = auditRecords(join(dataDir, 'audit'));
    const names = records.map(({ eventName }) => eventName);
    expect(names).toContain('RecoverAuditLog');
    expect(records.find(({ responseElements }) => responseElements?.['name'] === 'after')).toBeDefined();
    if (mode === 'required')
      // Written late, but written: that it was refused.
      expect(records.find(({ requestID }) => requestID === refused?.requestId)).toMatchObject({
        errorCode: 'Unavailable',
        additionalEventData: { decision: 'deny' },
      });
    else expect(names.filter((name) => name === 'InvokeGateway')).toHaveLength(upstream.received.length);
    rmSync(dataDir, { recursive: true, force: true });
  });

  function smallDisk(): string | undefined {
    const path = temporaryFolder();
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', path], { stdio: 'ignore' });
    } catch {
      return undefined;
    }
    closing.push(() => execFileSync('umount', ['-l', path]));
    return path;
  }
});

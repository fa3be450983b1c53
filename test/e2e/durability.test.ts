// What was acknowledged is there after kill -9, and whatever is damaged or missing afterwards costs only itself.

import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes, randomInt } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  CreateApiKeyCredentialProviderCommand,
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  GetApiKeyCredentialProviderCommand,
  GetGatewayCommand,
  GetGatewayTargetCommand,
  ListGatewayTargetsCommand,
  ListGatewaysCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import type { BedrockAgentCoreControlClient } from '@aws-sdk/client-bedrock-agentcore-control';
import { describe, expect, it } from 'vitest';
import { sdkFor, startUpstream } from '../support/process-clients.ts';
import type { Upstream } from '../support/process-clients.ts';
import { closing, runGatewright, startServer, temporaryFolder } from '../support/process.ts';

const ROLE = 'arn:aws:iam::000000000000:role/r';

interface Made {
  readonly name: string;
  readonly key: string;
  gatewayIdentifier?: string;
  gatewayPath?: string;
  targetId?: string;
}

/** A provider, a gateway and a target that uses it; each step is noted only when it was acknowledged. */
async function make(
  sdk: BedrockAgentCoreControlClient,
  upstream: Upstream,
  name: string,
  note: (made: Made) => void,
): Promise<void> {
  const key = `key-of-${name}-${randomBytes(6).toString('hex')}`;
  const { credentialProviderArn: providerArn } = await sdk.send(
    new CreateApiKeyCredentialProviderCommand({ name, apiKey: key }),
  );
  const made: Made = { name, key };
  note(made);
  const gateway = await sdk.send(
    new CreateGatewayCommand({ name, roleArn: ROLE, protocolType: 'MCP', authorizerType: 'NONE' }),
  );
  Object.assign(made, {
    gatewayIdentifier: gateway.gatewayId,
    gatewayPath: new URL(gateway.gatewayUrl ?? '').pathname,
  });
  const document = {
    openapi: '3.0.3',
    info: {},
    servers: [{ url: upstream.url }],
    paths: { [`/${name}`]: { get: { operationId: 'ask' } } },
  };
  const target = await sdk.send(
    new CreateGatewayTargetCommand({
      gatewayIdentifier: gateway.gatewayId,
      name: 'api',
      targetConfiguration: { mcp: { openApiSchema: { inlinePayload: JSON.stringify(document) } } },
      credentialProviderConfigurations: [
        {
          credentialProviderType: 'API_KEY',
          credentialProvider: {
            apiKeyCredentialProvider: {
              providerArn,
              credentialLocation: 'HEADER',
              credentialParameterName: 'x-key',
            },
          },
        },
      ],
    }),
  );
  Object.assign(made, { targetId: target.targetId });
}

async function ask(base: string, made: Made): Promise<string> {
  const response = await fetch(`${base}${made.gatewayPath}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'api___ask', arguments: {} },
    }),
  });
  return response.text();
}

const settled = (sdk: BedrockAgentCoreControlClient, { gatewayIdentifier, targetId }: Made) =>
  expect.poll(
    async () => (await sdk.send(new GetGatewayTargetCommand({ gatewayIdentifier, targetId }))).status,
    { timeout: 30_000 },
  );

const allowed = (upstream: Upstream) => ({ GATEWRIGHT_EGRESS_ALLOW: new URL(upstream.url).host });

describe('kill -9', () => {
  it('in a storm of writes loses nothing that was acknowledged', async () => {
    const upstream = await startUpstream();
    const dataDir = join(temporaryFolder(), 'data');
    const acknowledged: Made[] = [];
    for (let round = 0; round < 4; round += 1) {
      const server = await startServer({ dataDir, env: allowed(upstream) });
      const sdk = sdkFor(server);
      const enough = acknowledged.length + randomInt(4, 14);
      let isDead = false;
      const storm = Array.from({ length: 4 }, async (_, lane) => {
        for (let index = 0; !isDead; index += 1)
          await make(sdk, upstream, `r${round}-${lane}-${index}`, (made) => {
            acknowledged.push(made);
            if (acknowledged.length >= enough) isDead = server.child.kill('SIGKILL');
          }).catch(() => undefined);
      });
      await Promise.all(storm);
      expect((await server.ended).signal).toBe('SIGKILL');
    }
    const server = await startServer({ dataDir, env: allowed(upstream) });
    const sdk = sdkFor(server);
    const listed = new Set<string | undefined>();
    let nextToken: string | undefined;
    do {
      const page = await sdk.send(new ListGatewaysCommand({ maxResults: 7, nextToken }));
      for (const { gatewayId } of page.items ?? []) listed.add(gatewayId);
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    let calls = 0;
    for (const made of acknowledged) {
      await expect(
        sdk.send(new GetApiKeyCredentialProviderCommand({ name: made.name })),
      ).resolves.toBeDefined();
      const { gatewayIdentifier } = made;
      if (gatewayIdentifier === undefined) continue;
      await expect
        .poll(async () => (await sdk.send(new GetGatewayCommand({ gatewayIdentifier }))).status)
        .toBe('READY');
      expect(listed).toContain(gatewayIdentifier);
      if (made.targetId === undefined) continue;
      // What was interrupted while CREATING is taken up again.
      await settled(sdk, made).toBe('READY');
      expect(
        (await sdk.send(new ListGatewayTargetsCommand({ gatewayIdentifier }))).items?.map(
          ({ targetId }) => targetId,
        ),
      ).toEqual([made.targetId]);
      expect(await ask(server.url, made)).toContain('\\"ok\\":true');
      expect(upstream.received.at(-1)).toMatchObject({
        target: `/${made.name}`,
        headers: { 'x-key': made.key },
      });
      calls += 1;
    }
    expect(calls).toBeGreaterThan(0);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  });
});

describe('after damage', () => {
  const prepare = async (...names: string[]) => {
    const upstream = await startUpstream();
    const server = await startServer({ env: allowed(upstream) });
    const made: Made[] = [];
    for (const name of names) await make(sdkFor(server), upstream, name, (one) => made.push(one));
    for (const one of made) await settled(sdkFor(server), one).toBe('READY');
    await server.stop();
    return { upstream, dataDir: server.dataDir, made };
  };

  it('a missing master key locks the vault, and none is made up: what needs no secret goes on', async () => {
    const { dataDir, made, upstream } = await prepare('a');
    rmSync(join(dataDir, 'master.key'));
    const server = await startServer({ dataDir, env: allowed(upstream) });
    expect(server.stdout()).toMatch(/vault is locked: its master key is missing from .*master\.key/);
    expect(existsSync(join(dataDir, 'master.key'))).toBe(false);
    const [one] = made as [Made];
    expect(await ask(server.url, one)).not.toContain('Unknown tool');
    expect(await ask(server.url, one)).toMatch(/credential for this target is not available/);
    expect(upstream.received).toHaveLength(0);
    const sealing = sdkFor(server).send(
      new CreateApiKeyCredentialProviderCommand({ name: 'another', apiKey: 'k-123' }),
    );
    await expect(sealing).rejects.toThrow(/vault is locked/);
    await server.stop();
  });

  it('another master key costs the calls that need its secrets, and says so', async () => {
    const { dataDir, made, upstream } = await prepare('a');
    writeFileSync(join(dataDir, 'master.key'), `${randomBytes(32).toString('base64')}\n`);
    const server = await startServer({ dataDir, env: allowed(upstream) });
    await make(sdkFor(server), upstream, 'new', (one) => made.push(one));
    await settled(sdkFor(server), made[1] ?? made[0]!).toBe('READY');
    const answer = await ask(server.url, made[0]!);
    expect(answer).toMatch(/"isError":true|"error"/);
    expect(upstream.received).toHaveLength(0);
    expect(server.stdout()).toContain('a secret does not open');
    expect(await ask(server.url, made[1]!)).toContain('\\"ok\\":true');
    await server.stop();
  });

  it('a row that cannot be read costs only its own gateway or target', async () => {
    const { dataDir, made, upstream } = await prepare('a', 'b', 'c');
    const [a, b, c] = made as [Made, Made, Made];
    const database = new DatabaseSync(join(dataDir, 'gatewright.db'));
    database.prepare(`update gateway set document = '{"half' where id = ?`).run(a.gatewayIdentifier ?? '');
    database.prepare(`update gateway_target set document = '[]' where id = ?`).run(b.targetId ?? '');
    database.close();
    const server = await startServer({ dataDir, env: allowed(upstream) });
    expect(await ask(server.url, c)).toContain('\\"ok\\":true');
    const sdk = sdkFor(server);
    await expect(sdk.send(new ListGatewaysCommand({}))).resolves.toBeDefined();
    await make(sdk, upstream, 'd', (one) => made.push(one));
    await settled(sdk, made[3]!).toBe('READY');
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  });

  it('a database of a newer version is refused by name', async () => {
    const { dataDir } = await prepare();
    const database = new DatabaseSync(join(dataDir, 'gatewright.db'));
    database.exec(`insert into kysely_migration (name, timestamp) values ('9999-later', '2099-01-01')`);
    database.close();
    const run = await runGatewright(['serve', '--listen', '127.0.0.1:0', '--data-dir', dataDir]);
    expect(run.code).toBe(1);
    expect(run.stdout).toMatch(/gatewright\.db was written by a newer version/);
  });
});

describe('a full disk', () => {
  const folder = process.platform === 'linux' && process.getuid?.() === 0 ? smallDisk() : undefined;

  it.skipIf(folder === undefined)(
    'is a clear error, and what was there before goes on being served',
    async () => {
      const upstream = await startUpstream();
      const dataDir = join(folder ?? '', 'data');
      const server = await startServer({ dataDir, env: allowed(upstream) });
      const sdk = sdkFor(server);
      const made: Made[] = [];
      await make(sdk, upstream, 'before', (one) => made.push(one));
      await settled(sdk, made[0]!).toBe('READY');
      const filler = join(folder ?? '', 'filler');
      try {
        writeFileSync(filler, Buffer.alloc(64 * 1024 * 1024));
      } catch {
        // Full, as it should be.
      }
      let failure: unknown;
      for (let index = 0; index < 200 && failure === undefined; index += 1)
        await sdk
          .send(
            new CreateApiKeyCredentialProviderCommand({ name: `fill-${index}`, apiKey: 'k'.repeat(2000) }),
          )
          .catch((thrown: unknown) => (failure = thrown));
      expect(failure).toMatchObject({
        name: 'InternalServerException',
        message: expect.stringContaining('disk is full'),
      });
      expect(await ask(server.url, made[0]!)).toContain('\\"ok\\":true');
      expect(server.stdout()).toContain('database or disk is full');
      // Room again: no restart is needed, and nothing is lost.
      rmSync(filler);
      await sdk.send(new CreateApiKeyCredentialProviderCommand({ name: 'after', apiKey: 'k' }));
      expect(await server.stop()).toEqual({ code: 0, signal: null });
      const again = await startServer({ dataDir, env: allowed(upstream) });
      expect(await ask(again.url, made[0]!)).toContain('\\"ok\\":true');
      await expect(
        sdkFor(again).send(new GetApiKeyCredentialProviderCommand({ name: 'after' })),
      ).resolves.toBeDefined();
      await again.stop();
    },
  );

  function smallDisk(): string | undefined {
    const path = temporaryFolder();
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', path], { stdio: 'ignore' });
    } catch {
      return undefined;
    }
    closing.push(() => execFileSync('umount', ['-l', path]));
    return path;
  }
});

// Settings, listeners and signals of the real process: what is wrong is said at once and all together, and a process
// that is told to stop finishes what it has begun.

import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ListGatewaysCommand } from '@aws-sdk/client-bedrock-agentcore-control';
import { describe, expect, it } from 'vitest';
import { mcpClient, sdkFor, startUpstream, textOf } from '../support/process-clients.ts';
import { closing, runGatewright, spawnGatewright, startServer, temporaryFolder } from '../support/process.ts';

const ONE_TOOL = JSON.stringify({
  openapi: '3.0.3',
  info: { title: 'Slow', version: '1' },
  paths: { '/slow': { get: { operationId: 'slow', responses: { 200: { description: 'ok' } } } } },
});

function slowDocument(): string {
  const path = join(temporaryFolder(), 'slow.json');
  writeFileSync(path, ONE_TOOL);
  return path;
}

describe('settings', () => {
  it('that are wrong are all named at once, with exit code 2 and nothing started', async () => {
    const dataDir = join(temporaryFolder(), 'data');
    const run = await runGatewright(['serve', '--data-dir', dataDir, '--workers', 'many'], {
      env: {
        GATEWRIGHT_LISTNE: '127.0.0.1:1',
        GATEWRIGHT_LISTEN: 'nowhere',
        GATEWRIGHT_ACCOUNT_ID: '12',
        GATEWRIGHT_EGRESS_ALLOW: 'fine.example.com,http://x',
        GATEWRIGHT_SECRET_ACCESS_KEY: 'short-secret',
        GATEWRIGHT_DATABASE_URL: 'mysql://u:database-password@db/x',
        AWS_ENDPOINT_URL_S3: 'not a url',
      },
    });
    expect(run).toMatchObject({ code: 2, stdout: '' });
    for (const name of [
      'GATEWRIGHT_LISTNE',
      'GATEWRIGHT_LISTEN:',
      'GATEWRIGHT_ACCOUNT_ID',
      'GATEWRIGHT_EGRESS_ALLOW',
      'GATEWRIGHT_SECRET_ACCESS_KEY',
      'GATEWRIGHT_DATABASE_URL',
      '--workers',
      'AWS_ENDPOINT_URL_S3',
    ])
      expect(run.stderr).toContain(name);
    expect(run.stderr).not.toContain('short-secret');
    expect(run.stderr).not.toContain('database-password');
    expect(existsSync(dataDir)).toBe(false);
  });

  it('come from flag, environment and file, in this order, and `config` says which', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'gatewright.yaml');
    writeFileSync(
      file,
      `account-id: 000000000012\nregion: eu-west-1\nlog-level: warn\nGATEWRIGHT_EGRESS_ALLOW: [a.example.com, 10.0.0.0/8]\n`,
    );
    const env = {
      GATEWRIGHT_REGION: 'eu-central-1',
      GATEWRIGHT_LOG_LEVEL: 'debug',
      GATEWRIGHT_ACCESS_KEY_ID: 'AKIAOWNKEY0123456789',
      GATEWRIGHT_SECRET_ACCESS_KEY: 'a-secret-of-my-own',
    };
    const { code, stdout } = await runGatewright(['config', '--config', file, '--log-level', 'error'], {
      env,
      cwd: folder,
    });
    expect(code).toBe(0);
    const values = Object.fromEntries(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(/ += /)),
    );
    expect(values).toMatchObject({
      GATEWRIGHT_ACCOUNT_ID: expect.stringMatching(/^000000000012 .*gatewright\.yaml/),
      GATEWRIGHT_REGION: expect.stringMatching(/^eu-central-1 .*GATEWRIGHT_REGION/),
      GATEWRIGHT_LOG_LEVEL: expect.stringMatching(/^error .*--log-level/),
      GATEWRIGHT_EGRESS_ALLOW: expect.stringMatching(/^a\.example\.com,10\.0\.0\.0\/8 /),
      GATEWRIGHT_DATA_DIR: expect.stringContaining(join(folder, '.gatewright')),
      GATEWRIGHT_WORKERS: expect.stringMatching(/^1 .*default/),
    });
    expect(stdout).not.toContain('a-secret-of-my-own');
  });

  it('in a file are checked like the others', async () => {
    const file = join(temporaryFolder(), 'settings.json');
    writeFileSync(file, '{"listne": "127.0.0.1:1", "account-id": "x", "region": {"a": "b"}}');
    const run = await runGatewright(['serve', '--config', file]);
    expect(run.code).toBe(2);
    for (const name of ['listne', 'account-id', 'region']) expect(run.stderr).toContain(name);
    const missing = await runGatewright(['serve', '--config', `${file}.not`]);
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain('settings.json.not');
  });

  it('and commands that do not exist are refused, and help is there for those that do', async () => {
    const unknown = await runGatewright(['serve', '--listne', 'x']);
    expect(unknown).toMatchObject({ code: 2, stdout: '' });
    expect(unknown.stderr).toMatch(/--listne.*\n.*--listen/);
    const misspelt = await runGatewright(['srve']);
    expect(misspelt).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('“srve” is no command'),
    });
    for (const args of [
      ['--help'],
      ['serve', '--help'],
      ['config', '--help'],
      ['create-gateway', '--help'],
      ['check-openapi', '--help'],
    ]) {
      const help = await runGatewright(args);
      expect(help.code, args.join(' ')).toBe(0);
      expect(help.stdout).toMatch(/^Usage: gatewright/);
    }
    expect((await runGatewright(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('leave the ready line at every log level', async () => {
    const server = await startServer({ args: ['--log-level', 'error'] });
    expect(server.ready).toMatchObject({
      url: server.url,
      consoleUrl: `${server.url}/console/`,
      controlEndpoint: server.url,
    });
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  });
});

describe('listeners', () => {
  it('are two when control plane and data plane are kept apart', async () => {
    const server = await startServer({
      args: ['--openapi', slowDocument()],
      env: { GATEWRIGHT_ADMIN_LISTEN: '127.0.0.1:0' },
    });
    const { url, controlEndpoint } = server;
    expect(controlEndpoint).not.toBe(url);
    const mcpPath = new URL(String(server.lines.find(({ msg }) => msg === 'imported')?.['mcpUrl'])).pathname;
    await expect(sdkFor(server).send(new ListGatewaysCommand())).resolves.toMatchObject({
      items: [{ name: 'slow' }],
    });
    await expect(
      sdkFor({ ...server, controlEndpoint: url }).send(new ListGatewaysCommand()),
    ).rejects.toMatchObject({ $metadata: { httpStatusCode: 404 } });
    expect((await fetch(`${url}/console/`)).status).toBe(404);
    expect((await fetch(`${controlEndpoint}/console/`)).status).toBe(200);
    expect(
      (
        await fetch(`${controlEndpoint}${mcpPath}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: '{}',
        })
      ).status,
    ).toBe(404);
    for (const base of [url, controlEndpoint]) expect((await fetch(`${base}/healthz`)).status).toBe(200);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  });

  it('that are taken end the start with the address and the cure', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    closing.push(() => other.close());
    const taken = `127.0.0.1:${(other.address() as AddressInfo).port}`;
    for (const args of [
      ['--listen', taken],
      ['--listen', '127.0.0.1:0', '--admin-listen', taken],
    ]) {
      const run = await runGatewright(['serve', '--data-dir', join(temporaryFolder(), 'data'), ...args]);
      expect(run.code).toBe(1);
      expect(run.stdout).toMatch(new RegExp(`${taken}.*another program.*--listen`));
      expect(run.stdout).not.toContain('"ready"');
    }
  });
});

describe('signals', () => {
  it('let a running call finish, and take no new one', async () => {
    const waiting: ServerResponse[] = [];
    const upstream = await startUpstream((_request, response) => waiting.push(response));
    const server = await startServer({ args: ['--openapi', slowDocument(), '--upstream', upstream.url] });
    const client = await mcpClient(String(server.lines.find(({ msg }) => msg === 'imported')?.['mcpUrl']));
    const call = client.callTool({ name: 'slow___slow', arguments: {} });
    await expect.poll(() => waiting.length).toBe(1);
    server.child.kill('SIGTERM');
    await server.line(({ msg }) => msg === 'stopping');
    await expect
      .poll(() =>
        fetch(`${server.url}/healthz`).then(
          () => 'open',
          () => 'closed',
        ),
      )
      .toBe('closed');
    waiting[0]?.writeHead(200, { 'content-type': 'application/json' }).end('{"late":true}');
    expect(textOf(await call)).toBe('{"late":true}');
    expect(await server.ended).toEqual({ code: 0, signal: null });
    expect(server.lines.at(-1)).toMatchObject({ msg: 'stopped' });
  });

  it('end the process at once when they come twice', async () => {
    const upstream = await startUpstream(() => undefined);
    const server = await startServer({ args: ['--openapi', slowDocument(), '--upstream', upstream.url] });
    const client = await mcpClient(String(server.lines.find(({ msg }) => msg === 'imported')?.['mcpUrl']));
    const call = client.callTool({ name: 'slow___slow', arguments: {} }).catch(() => 'broken off');
    await expect.poll(() => upstream.received.length).toBe(1);
    server.child.kill('SIGINT');
    await server.line(({ msg }) => msg === 'stopping');
    server.child.kill('SIGINT');
    expect(await server.ended).toEqual({ code: 1, signal: null });
    expect(await call).toBe('broken off');
  });

  it('break off an import at the start', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    closing.push(() => {
      silent.closeAllConnections();
      silent.close();
    });
    const asked = new Promise((resolve) => silent.once('request', resolve));
    const document = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/openapi.json`;
    const run = spawnGatewright([
      'serve',
      '--listen',
      '127.0.0.1:0',
      '--data-dir',
      join(temporaryFolder(), 'data'),
      '--openapi',
      document,
    ]);
    await asked;
    expect(await run.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(run.stdout()).not.toContain('"ready"');
  });
});

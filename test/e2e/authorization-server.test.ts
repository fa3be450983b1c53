// The real process: one command makes a gateway for people who sign in, another one adds the people, and two processes over
// one store are one authorization server.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { obtainTokens, postForm, registerPublic } from '../support/oauth-client.ts';
import { allTools, mcpClient, startUpstream } from '../support/process-clients.ts';
import { runGatewright, startServer } from '../support/process.ts';
import type { RunningServer } from '../support/process.ts';

const LIBRARY = join(import.meta.dirname, '../fixtures/openapi/library-3.0.yaml');
const PASSWORD = 'correct horse battery';

const run = (server: RunningServer, input: string, ...args: string[]) =>
  runGatewright([...args, '--endpoint-url', server.controlEndpoint, '--data-dir', server.dataDir], { input });

test('serve --users makes a gateway for those whom users add lets in', async () => {
  const upstream = await startUpstream();
  const server = await startServer({
    args: ['--openapi', LIBRARY, '--name', 'library', '--upstream', upstream.url, '--users'],
  });
  const imported = server.lines.find(({ msg }) => msg === 'imported');
  const mcpUrl = String(imported?.['mcpUrl']);
  expect(String(imported?.['mcpClientConfiguration'])).not.toContain('Authorization');
  expect((await run(server, '', 'users', 'list')).stdout).toContain('no users yet');
  const short = await run(server, 'short\n', 'users', 'add', 'alice');
  expect(short.code).toBe(1);
  expect(short.stderr).toContain('ValidationException');
  expect(short.stderr).not.toContain('short\n');
  expect(await run(server, `${PASSWORD}\n`, 'users', 'add', 'alice')).toMatchObject({ code: 0, stderr: '' });
  expect((await run(server, `${PASSWORD}\n`, 'users', 'add', 'ALICE')).stderr).toContain('ConflictException');
  expect((await run(server, '', 'users', 'list')).stdout).toBe('alice\n');

  const issuer = `${server.url}/oauth`;
  const clientId = await registerPublic(issuer);
  const { body } = await obtainTokens(issuer, clientId, mcpUrl);
  const client = await mcpClient(mcpUrl, String(body['access_token']));
  expect(await allTools(client)).toHaveLength(4);

  // A new password ends what the old one began; a removed user has nothing left.
  expect(await run(server, 'another long password', 'users', 'passwd', 'alice')).toMatchObject({ code: 0 });
  const refresh = {
    grant_type: 'refresh_token',
    refresh_token: String(body['refresh_token']),
    client_id: clientId,
  };
  expect(await postForm(`${issuer}/token`, refresh)).toMatchObject({
    status: 400,
    body: { error: 'invalid_grant' },
  });
  expect(await run(server, '', 'users', 'remove', 'alice')).toMatchObject({ code: 0 });
  expect((await run(server, '', 'users', 'remove', 'alice')).stderr).toContain('ResourceNotFoundException');
  const log = server.stdout();
  for (const secret of [PASSWORD, String(body['access_token']), String(body['refresh_token'])])
    expect(log).not.toContain(secret);
  await server.stop();
});

test('two processes over one store are one server: what one began the other goes on with, once', async () => {
  const first = await startServer({
    args: ['--authorization-server', 'local', '--openapi', LIBRARY, '--users'],
  });
  const mcpUrl = String(first.lines.find(({ msg }) => msg === 'imported')?.['mcpUrl']);
  expect((await run(first, PASSWORD, 'users', 'add', 'alice')).code).toBe(0);
  const second = await startServer({
    dataDir: first.dataDir,
    args: ['--authorization-server', 'local', '--public-url', first.url],
  });
  const [here, there] = [`${first.url}/oauth`, `${second.url}/oauth`];
  const clientId = await registerPublic(there);
  const browser = openBrowser(first.url);
  const tokens = (await obtainTokens(here, clientId, mcpUrl, browser)).body;
  const keys = async (issuer: string): Promise<unknown> => (await fetch(`${issuer}/jwks`)).json();
  expect(await keys(here)).toEqual(await keys(there));
  const refresh = {
    grant_type: 'refresh_token',
    refresh_token: String(tokens['refresh_token']),
    client_id: clientId,
  };
  const answers = await Promise.all(
    [here, there, here, there].map((issuer) => postForm(`${issuer}/token`, refresh)),
  );
  expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
  // Used by two: nothing that came of it lives on.
  for (const { body } of answers.filter(({ status }) => status === 200))
    expect(
      (await postForm(`${there}/token`, { ...refresh, refresh_token: String(body['refresh_token']) })).status,
    ).toBe(400);
  await second.stop();
  await first.stop();
});

// `gatewright add mcp`: the real command against a real server process. A protected MCP server becomes a target by its
// address alone, while its operator gives consent in a browser.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConsentBrowser } from '../support/consent-browser.ts';
import { openFixtureServer } from '../support/fixture-server.ts';
import { openIssuer } from '../support/issuer.ts';
import type { Issuer } from '../support/issuer.ts';
import { callTool, linkOf } from '../support/mcp-call.ts';
import { runGatewright, spawnGatewright, startServer } from '../support/process.ts';
import type { RunningServer } from '../support/process.ts';
import { wordsOf } from '../support/protected-bench.ts';
import { openProtectedServer, openServerIssuer } from '../support/protected-server.ts';
import type { ProtectedServer, ServerIssuer } from '../support/protected-server.ts';

const CLIENT = { id: 'by-hand', secret: 'by-hand-secret' };

describe('gatewright add mcp', () => {
  let gatewright: RunningServer;
  let users: Issuer;
  let issuer: ServerIssuer;
  let protectedServer: ProtectedServer;
  let gatewayUrl: string;
  beforeAll(async () => {
    [users, issuer] = await Promise.all([openIssuer(), openServerIssuer({ client: CLIENT })]);
    protectedServer = await openProtectedServer(issuer);
    gatewright = await startServer({ env: { GATEWRIGHT_EGRESS_ALLOW: '127.0.0.1' } });
    const made = await run(
      'create-gateway',
      '--name=front',
      '--role-arn=arn:aws:iam::000000000000:role/r',
      '--protocol-type=MCP',
      '--authorizer-type=CUSTOM_JWT',
      `--authorizer-configuration=${JSON.stringify({ customJWTAuthorizer: { discoveryUrl: users.discoveryUrl, allowedAudience: ['gateway'] } })}`,
    );
    gatewayUrl = String((JSON.parse(made.stdout) as Record<string, unknown>)['gatewayUrl']);
  });
  afterAll(async () => {
    await protectedServer.close();
    await Promise.all([users.close(), issuer.close()]);
  });
  const where = (): string[] => ['--endpoint-url', gatewright.url, '--data-dir', gatewright.dataDir];
  const run = (...args: string[]) => runGatewright([...args, ...where()]);

  it('asks for the consent that the tools are read with, waits for it, and says what there is', async () => {
    const adding = spawnGatewright([
      'add',
      'mcp',
      protectedServer.url,
      '--gateway=front',
      '--name=mine',
      ...where(),
    ]);
    const link = await new Promise<string>((resolve, reject) => {
      adding.child.stdout?.on('data', () => {
        const found = /http\S+\/identities\/authorize\S+/.exec(adding.stdout())?.[0];
        if (found !== undefined) resolve(found);
      });
      void adding.ended.then(() => reject(new Error(adding.stderr())));
    });
    expect((await new ConsentBrowser().consent(link, 'operator')).pathname).toBe('/identities/done');
    expect(await adding.ended).toMatchObject({ code: 0 });
    expect(adding.stdout()).toContain(`mine: 2 tools at ${gatewayUrl}`);

    const token = await users.token({ sub: 'alice' });
    const asked = await callTool(gatewayUrl, token, 'mine___whoami');
    await new ConsentBrowser().consent(linkOf(asked), 'alice');
    expect(wordsOf(await callTool(gatewayUrl, token, 'mine___whoami'))).toBe('whoami as alice');
  });

  it('adds one as the gateway itself, with a client that was registered by hand', async () => {
    const added = await run(
      'add',
      'mcp',
      protectedServer.url,
      '--gateway=front',
      '--name=own',
      '--auth=gateway',
      `--client-id=${CLIENT.id}`,
      `--client-secret=${CLIENT.secret}`,
    );
    expect(added).toMatchObject({ code: 0, stderr: '' });
    const answer = await callTool(gatewayUrl, await users.token(), 'own___whoami');
    expect(wordsOf(answer)).toBe('whoami as by-hand');
  });

  it('leaves no credential provider behind when the target cannot be made', async () => {
    const refused = await run('add', 'mcp', 'https://mcp.example.com/#here', '--gateway=front', '--name=no');
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/fragment/) });
    expect(await run('get-oauth2-credential-provider', '--name=no')).toMatchObject({ code: 1 });
  });

  it('is what a server that wants a credential leads to', async () => {
    const refused = await run(
      'add',
      'mcp',
      protectedServer.url,
      '--gateway=front',
      '--name=bare',
      '--auth=none',
    );
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/401 .*gatewright add mcp/) });
  });

  it('adds one that is not protected', async () => {
    const open = await openFixtureServer({ record: false });
    const added = await run('add', 'mcp', open.url, '--gateway=front', '--auth=none');
    await open.close();
    expect(added).toMatchObject({ code: 0, stderr: '' });
    expect(added.stdout).toMatch(/^127-0-0-1-\d+: \d+ tools at /);
  });

  it.each([
    [['add', 'mcp', 'https://mcp.example.com', '--gateway=none'], 1, /There is no gateway none/],
    [['add', 'mcp', 'mcp.example.com', '--gateway=front'], 1, /must be a URL/],
    [['add', 'mcp', 'https://mcp.example.com'], 2, /--gateway/],
    [
      ['add', 'mcp', 'https://mcp.example.com', '--gateway=front', '--client-secret=env:NOT_SET'],
      1,
      /NOT_SET is not set/,
    ],
  ])('%j ends with code %i and says why', async (args, code, reason) => {
    const ended = await run(...args);
    expect(ended.code).toBe(code);
    expect(ended.stderr).toMatch(reason);
  });
});

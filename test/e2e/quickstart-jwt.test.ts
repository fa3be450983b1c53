// `serve --openapi … --jwt-…`: the gateway of the one-line main job asks who calls, against a real OpenID provider.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allTools, mcpClient, startUpstream } from '../support/process-clients.ts';
import { startProvider } from '../support/process-provider.ts';
import { runGatewright, startServer } from '../support/process.ts';

const LIBRARY = join(import.meta.dirname, '../fixtures/openapi/library-3.0.yaml');

describe('serve with --jwt flags', () => {
  it('lets in who has a token of the provider, and tells others where to get one', async () => {
    const provider = await startProvider();
    const upstream = await startUpstream();
    const server = await startServer({
      args: [
        '--openapi',
        LIBRARY,
        '--name',
        'library',
        '--upstream',
        upstream.url,
        '--jwt-discovery-url',
        provider.discoveryUrl,
        '--jwt-audience',
        'library-api',
        'other-api',
        '--jwt-scope',
        'read',
      ],
    });
    const imported = server.lines.find(({ msg }) => msg === 'imported');
    const mcpUrl = String(imported?.['mcpUrl']);
    expect(String(imported?.['mcpClientConfiguration'])).toContain('Authorization');

    const refused = await fetch(mcpUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect(refused.status).toBe(401);
    const metadataUrl =
      /resource_metadata="([^"]+)"/.exec(refused.headers.get('www-authenticate') ?? '')?.[1] ?? '';
    const metadata = (await (await fetch(metadataUrl)).json()) as Record<string, unknown>;
    expect(metadata).toMatchObject({ resource: mcpUrl, authorization_servers: [provider.issuer] });

    const good = await provider.token({ sub: 'ann', aud: 'library-api', scope: 'read write' });
    const client = await mcpClient(mcpUrl, good);
    expect(await allTools(client)).toHaveLength(4);
    await client.callTool({ name: 'library___listBooks', arguments: {} });
    expect(upstream.received).toHaveLength(1);
    // The caller's token is the gateway's, not the upstream's.
    expect(JSON.stringify(upstream.received)).not.toContain(good);
    expect(server.stdout()).not.toContain(good);

    for (const claims of [
      { aud: 'stranger', scope: 'read' },
      { aud: 'library-api', scope: 'write' },
      { aud: 'library-api', scope: 'read', exp: 1 },
    ]) {
      const token = await provider.token({ sub: 'ann', ...claims });
      const answer = await fetch(mcpUrl, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: '{}',
      });
      expect([401, 403], JSON.stringify(claims)).toContain(answer.status);
    }

    // The provider goes away: who is known stays known, and the process goes on.
    await provider.server.stop();
    expect(await allTools(client)).toHaveLength(4);
    await server.stop();
  });

  it('needs to know who is meant', async () => {
    const answer = await runGatewright([
      'serve',
      '--openapi',
      LIBRARY,
      '--jwt-discovery-url',
      'https://idp.example.com/.well-known/openid-configuration',
    ]);
    expect(answer.code).toBe(2);
    expect(answer.stdout + answer.stderr).toContain('--jwt-audience');
  });

  it('cannot be switched on a gateway that exists, and says what to do', async () => {
    const first = await startServer({ args: ['--openapi', LIBRARY] });
    await first.stop();
    const answer = await runGatewright([
      'serve',
      '--listen',
      '127.0.0.1:0',
      '--data-dir',
      first.dataDir,
      '--openapi',
      LIBRARY,
      '--jwt-discovery-url',
      'https://idp.example.com/.well-known/openid-configuration',
      '--jwt-audience',
      'a',
    ]);
    expect(answer.code).toBe(1);
    expect(answer.stdout + answer.stderr).toMatch(/--name.*delete-gateway/);
  });
});

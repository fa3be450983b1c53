// Figures of several workers: whichever is asked gives those of all, added up where they are counts, and once where they
// are the same in each.

import { request } from 'node:http';
import { expect, it, vi } from 'vitest';
import {
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  GetGatewayTargetCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import { openIssuer } from '../support/issuer.ts';
import { sdkFor } from '../support/process-clients.ts';
import { closing, startServer } from '../support/process.ts';
import { toolTarget } from '../support/search.ts';

const CALLS = 24;

/** On a connection of its own: workers take turns with connections. */
function list(url: string, token: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method: 'POST',
      agent: false,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    });
    sent.on('response', (answer) => resolve(answer.resume().statusCode));
    sent.on('error', reject);
    sent.end('{"jsonrpc":"2.0","id":1,"method":"tools/list"}');
  });
}

it('counts of all workers are added up, and what is the same in each is not', async () => {
  const issuer = await openIssuer();
  closing.push(() => issuer.close());
  const server = await startServer({
    env: { GATEWRIGHT_EGRESS_ALLOW: '127.0.0.1', GATEWRIGHT_WORKERS: '2' },
  });
  const sdk = sdkFor(server);
  const { gatewayId: gatewayIdentifier = '', gatewayUrl = '' } = await sdk.send(
    new CreateGatewayCommand({
      name: 'counted',
      roleArn: 'arn:aws:iam::000000000000:role/r',
      protocolType: 'MCP',
      protocolConfiguration: { mcp: { searchType: 'SEMANTIC' } },
      authorizerType: 'CUSTOM_JWT',
      authorizerConfiguration: {
        customJWTAuthorizer: { discoveryUrl: issuer.discoveryUrl, allowedAudience: ['gateway'] },
      },
      tags: { 'gatewright:search-embedder': 'none' },
    }),
  );
  const { targetId } = await sdk.send(
    new CreateGatewayTargetCommand({
      gatewayIdentifier,
      name: 'kitchen',
      targetConfiguration: {
        mcp: { mcpServer: toolTarget([{ name: 'bake' }, { name: 'cook' }]) as never },
      },
    }),
  );
  const get = new GetGatewayTargetCommand({ gatewayIdentifier, targetId });
  await vi.waitFor(async () => expect((await sdk.send(get)).status).toBe('READY'), { timeout: 20_000 });
  const figures = async (): Promise<(series: string) => number> => {
    const text = await (await fetch(`${server.controlEndpoint}/metrics`)).text();
    return (series) =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${series} `))
          ?.slice(series.length + 1),
      );
  };
  // Both have heard of it.
  const token = await issuer.token();
  const url = `${server.url}${new URL(gatewayUrl).pathname}`;
  await vi.waitFor(
    async () => {
      const seen = await figures();
      expect(seen('gatewright_search_tools')).toBe(2);
      for (let count = 0; count < 4; count += 1) expect(await list(url, token)).toBe(200);
    },
    { timeout: 20_000 },
  );
  const before = await figures();
  for (let count = 0; count < CALLS; count += 1) expect(await list(url, token)).toBe(200);
  const after = await figures();
  const name = 'gatewright_verified_token_cache_requests_total';
  const asked = (seen: (series: string) => number): number =>
    seen(`${name}{result="hit"}`) + seen(`${name}{result="miss"}`);
  expect(asked(after) - asked(before)).toBe(CALLS);
  // Each worker has fetched the keys for itself, and has them for as long.
  expect(after('gatewright_jwks_fetches_total{outcome="success"}')).toBe(2);
  expect(after(`gatewright_jwks_age_seconds{gateway_id="${gatewayIdentifier}"}`)).toBeLessThan(60);
  expect(after('gatewright_search_tools')).toBe(2);
  expect(after('gatewright_search_index_bytes')).toBeGreaterThan(0);
  await server.stop();
}, 60_000);

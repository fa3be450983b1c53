// One dead or hung server of many: the lists of the others are whole, what is wrong is said in the result's `_meta` and
// on the target, and nobody is made to wait twice.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { isJsonObject } from '../src/core/json.ts';
import type { JsonObject } from '../src/core/json.ts';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';
import { openFixtureServer } from './support/fixture-server.ts';
import type { FixtureServer } from './support/fixture-server.ts';
import { messagesOf, postModern } from './support/mcp-stream.ts';

const TARGETS = 20;
let app: TestApp;
const fixtures: FixtureServer[] = [];

beforeAll(async () => {
  app = await openTestApp();
  for (let index = 0; index < TARGETS; index += 1) fixtures.push(await openFixtureServer({ eras: 'modern' }));
}, 60_000);
afterAll(async () => {
  await app.close();
  await Promise.all(fixtures.map((fixture) => fixture.close()));
});

async function listAll(url: string): Promise<{ names: string[]; troubles: JsonObject[] }> {
  const names: string[] = [];
  const troubles: JsonObject[] = [];
  let cursor: string | undefined;
  do {
    const [message] = await messagesOf(
      await postModern(url, 'tools/list', cursor === undefined ? {} : { cursor }),
    );
    const result = message?.['result'] as JsonObject;
    names.push(...(result['tools'] as { name: string }[]).map(({ name }) => name));
    const meta = isJsonObject(result['_meta']) ? result['_meta'] : {};
    troubles.push(...((meta['gatewright/targets'] ?? []) as JsonObject[]));
    cursor = result['nextCursor'] as string | undefined;
  } while (cursor !== undefined);
  return { names, troubles };
}

test.each(['DEFAULT', 'DYNAMIC'])(
  'twenty servers with %s listing, one dead and one hung',
  async (listingMode) => {
    for (const fixture of fixtures) fixture.behave('serve');
    const servers = Object.fromEntries(
      fixtures.map(({ url }, index) => [`s${index}`, { endpoint: url, listingMode }]),
    );
    const gateway = await app.gateway({
      mcp: { disableMcpListToolsPagination: true, streamingConfiguration: { enableResponseStreaming: true } },
      servers,
    });
    const whole = await listAll(gateway.url);
    expect(whole.troubles).toEqual([]);
    expect(new Set(whole.names.map((name) => name.split('___')[0])).size).toBe(TARGETS);

    fixtures[3]?.behave('refuse');
    fixtures[7]?.behave('hang');
    const first = await listAll(gateway.url);
    // Nothing is missing: what the two last said stands in for them.
    expect(first.names.toSorted()).toEqual(whole.names.toSorted());
    const second = await listAll(gateway.url);
    expect(second.names.toSorted()).toEqual(whole.names.toSorted());
    if (listingMode === 'DYNAMIC')
      expect(second.troubles).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ target: 's3' }),
          expect.objectContaining({ target: 's7' }),
        ]),
      );

    // A call to the dead one says so at once, and from the second on everybody can see it.
    for (let call = 0; call < 2; call += 1) {
      const [failed] = await messagesOf(
        await postModern(gateway.url, 'tools/call', { name: 's3___test_simple_text', arguments: {} }),
      );
      expect(failed).toMatchObject({ result: { isError: true } });
    }
    expect((await listAll(gateway.url)).troubles).toEqual(
      expect.arrayContaining([expect.objectContaining({ target: 's3' })]),
    );
    const { items } = (await app.app.control.invoke('ListGatewayTargets', {
      gatewayIdentifier: gateway.id,
    })) as { items: readonly { name: string; targetId: string; status: string }[] };
    const dead = items.find(({ name }) => name === 's3');
    const target = await app.app.control.invoke('GetGatewayTarget', {
      gatewayIdentifier: gateway.id,
      targetId: dead?.targetId,
    });
    expect(target).toMatchObject({ status: 'READY', statusReasons: [expect.stringMatching(/./)] });

    // The others are called as ever; the dead one serves again as soon as it is back.
    const [fine] = await messagesOf(
      await postModern(gateway.url, 'tools/call', { name: 's4___test_simple_text', arguments: {} }),
    );
    expect(fine).toMatchObject({ result: { content: [{ type: 'text' }] } });
    fixtures[3]?.behave('serve');
    fixtures[7]?.behave('serve');
    const [back] = await messagesOf(
      await postModern(gateway.url, 'tools/call', { name: 's3___test_simple_text', arguments: {} }),
    );
    expect(back).toMatchObject({ result: { content: [{ type: 'text' }] } });
    await expect
      .poll(async () => (await listAll(gateway.url)).troubles.filter(({ target: of }) => of === 's3'), {
        timeout: 20_000,
      })
      .toEqual([]);
  },
  60_000,
);

// A control plane on a fresh SQLite store, served over HTTP, with the SDK's client: what each test starts from.

import type { BedrockAgentCoreControlClient } from '@aws-sdk/client-bedrock-agentcore-control';
import { afterEach } from 'vitest';
import { createControlPlane } from '../../src/control/pipeline.ts';
import type { ControlPlane, ControlServices } from '../../src/control/pipeline.ts';
import { openSqliteStore } from '../../src/stores/sqlite/open.ts';
import type { Store } from '../../src/stores/store.ts';
import { serveControl } from './control-server.ts';
import type { ControlServer } from './control-server.ts';
import { controlServices } from './control-services.ts';
import type { Recorded } from './control-services.ts';

const ROLE = 'arn:aws:iam::123456789012:role/gateway';
/** What every gateway of the tests is made of. */
export const GATEWAY = { name: 'Pets', roleArn: ROLE, protocolType: 'MCP', authorizerType: 'NONE' } as const;
/** Two operations. */
export const DOCUMENT = JSON.stringify({
  openapi: '3.0.0',
  paths: { '/pets': { get: { operationId: 'listPets' }, post: { operationId: 'addPet' } } },
});
/** A target configuration with the document in it. */
export const inline = (inlinePayload = DOCUMENT) => ({ mcp: { openApiSchema: { inlinePayload } } });

export interface Bench {
  readonly store: Store;
  readonly plane: ControlPlane;
  readonly server: ControlServer;
  readonly sdk: BedrockAgentCoreControlClient;
  readonly recorded: Recorded;
}
/** Run after the test, the last one first. */
export const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
/** Everything started and closed after the test. */
export async function bench(change: Partial<ControlServices> = {}): Promise<Bench> {
  const store = await openSqliteStore(':memory:');
  const { services, recorded } = controlServices(store, change);
  const plane = createControlPlane(services);
  await plane.start();
  const server = await serveControl(plane);
  closing.push(
    () => store.close(),
    () => plane.stop(),
    () => server.close(),
  );
  return { store, plane, server, sdk: server.client(), recorded };
}
/** Polls as the starter toolkit does: any state but the two is a failure. */
export async function ready(read: () => Promise<{ status?: string | undefined }>): Promise<string[]> {
  const seen: string[] = [];
  for (let tries = 0; tries < 200; tries++) {
    const { status = '' } = await read();
    seen.push(status);
    if (status === 'READY') return seen;
    if (!['CREATING', 'UPDATING'].includes(status)) throw new Error(`poller saw ${seen.join(' → ')}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`never ready: ${seen.join(' → ')}`);
}
/** What the promise rejects with. */
export const failure = async (promise: Promise<unknown>): Promise<Error & Record<string, never>> => {
  try {
    await promise;
  } catch (error) {
    return error as Error & Record<string, never>;
  }
  throw new Error('did not fail');
};

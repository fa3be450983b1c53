// The whole product in this process, on a free port, with a folder of its own: what data-plane tests start from.
// Gateways are made through the control plane, as a user would make them.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openApp } from '../../src/app.ts';
import type { App } from '../../src/app.ts';
import type { Config } from '../../src/config.ts';
import type { LogFields } from '../../src/core/call.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { ProcessLog } from '../../src/telemetry/log.ts';
import { parseAllowRule } from '../../src/upstream/guard.ts';

export interface LogLine extends LogFields {
  readonly level: string;
  readonly msg: string;
}

/** A log that keeps its lines instead of writing them. */
export function createRecordingLog(): { log: ProcessLog; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: string) => (fields: LogFields, msg: string) =>
    void lines.push({ ...fields, level, msg });
  return {
    lines,
    log: {
      error: at('error'),
      warn: at('warn'),
      info: at('info'),
      debug: at('debug'),
      flush: () => undefined,
    },
  };
}

export interface TestGateway {
  readonly id: string;
  /** Its MCP endpoint. */
  readonly url: string;
}

export interface GatewayWish {
  readonly name?: string;
  readonly tags?: Record<string, string>;
  /** `protocolConfiguration.mcp`. */
  readonly mcp?: JsonObject;
  /** `customJWTAuthorizer`; without it everybody may call. */
  readonly jwt?: JsonObject;
  /** Target name → OpenAPI document. */
  readonly targets?: Record<string, object>;
  /** Target name → endpoint of an MCP server, or all of its `mcpServer` configuration. */
  readonly servers?: Record<string, string | object>;
}

export interface TestApp {
  readonly app: App;
  readonly lines: LogLine[];
  readonly port: number;
  /** Makes a gateway with its targets, ready to be called. */
  gateway(wish: GatewayWish): Promise<TestGateway>;
  close(): Promise<void>;
}

/** Opens the product with everything local allowed as an upstream. */
export async function openTestApp(
  change: Partial<Config> = {},
  open: (config: Config, log: ProcessLog) => Promise<App> = openApp,
): Promise<TestApp> {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatewright-test-'));
  const { log, lines } = createRecordingLog();
  const app = await open(
    {
      listen: { host: '127.0.0.1', port: 0 },
      dataDir,
      masterKeyFile: join(dataDir, 'master.key'),
      region: 'us-east-1',
      accountId: '000000000000',
      egressAllow: ['127.0.0.1', 'localhost'].map(parseAllowRule),
      logLevel: 'debug',
      ...change,
    },
    log,
  );
  let made = 0;
  return {
    app,
    lines,
    port: Number(new URL(app.controlUrl).port),
    async gateway({ name, tags, mcp, jwt, targets = {}, servers = {} }) {
      const gateway = await app.control.invoke('CreateGateway', {
        name: name ?? `gateway-${(made += 1)}`,
        roleArn: 'arn:aws:iam::000000000000:role/gateway',
        protocolType: 'MCP',
        authorizerType: jwt ? 'CUSTOM_JWT' : 'NONE',
        ...(jwt ? { authorizerConfiguration: { customJWTAuthorizer: jwt } } : {}),
        ...(mcp ? { protocolConfiguration: { mcp } } : {}),
        ...(tags ? { tags } : {}),
      });
      const configurations = [
        ...Object.entries(targets).map(([target, document]) => ({
          target,
          mcp: { openApiSchema: { inlinePayload: JSON.stringify(document) } },
        })),
        ...Object.entries(servers).map(([target, server]) => ({
          target,
          mcp: { mcpServer: typeof server === 'string' ? { endpoint: server } : server },
        })),
      ];
      for (const { target, mcp } of configurations)
        await app.control.invoke('CreateGatewayTarget', {
          gatewayIdentifier: gateway['gatewayId'],
          name: target,
          targetConfiguration: { mcp: mcp as JsonObject },
        });
      await app.control.settled();
      return { id: gateway['gatewayId'] as string, url: gateway['gatewayUrl'] as string };
    },
    async close() {
      await app.close(1_000);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

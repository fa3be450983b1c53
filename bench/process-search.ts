// Gateways with 1,000 and 10,000 tools and a search, for search-cost.ts. The tools are made of lists of words.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openApp } from '../src/app.ts';
import { createLog } from '../src/telemetry/log.ts';
import { parseAllowRule } from '../src/upstream/guard.ts';

const [upstreamPort] = process.argv.slice(2);
const dataDir = mkdtempSync(join(tmpdir(), 'gatewright-bench-'));
const app = await openApp(
  {
    listen: { host: '127.0.0.1', port: 0 },
    dataDir,
    masterKeyFile: join(dataDir, 'master.key'),
    region: 'us-east-1',
    accountId: '000000000000',
    egressAllow: ['127.0.0.1', 'localhost'].map(parseAllowRule),
    logLevel: 'info',
  },
  createLog('info'),
);
const { control } = app;
const rssBefore = process.memoryUsage.rss();

const VERBS =
  'create list get update delete cancel archive export import approve reject search send share rename copy move lock verify rotate'.split(
    ' ',
  );
const NOUNS =
  'invoice customer ticket flight hotel booking account subscription payment refund order product warehouse shipment message channel contact calendar event document folder image video song playlist recipe restaurant weather forecast translation key certificate user role group policy report dashboard alert metric deployment'.split(
    ' ',
  );
const KINDS =
  'draft pending monthly shared public archived regional internal external scheduled premium trial'.split(
    ' ',
  );

function document(first: number, count: number): object {
  const paths: Record<string, object> = {
    '/pets': {
      post: {
        operationId: 'callMe',
        summary: 'The tool that is called',
        responses: { 200: { description: 'ok' } },
      },
    },
  };
  for (let at = first; at < first + count - 1; at += 1) {
    const verb = VERBS[at % VERBS.length] ?? '';
    const noun = NOUNS[Math.floor(at / VERBS.length) % NOUNS.length] ?? '';
    const kind = KINDS[Math.floor(at / VERBS.length / NOUNS.length) % KINDS.length] ?? '';
    paths[`/${kind}/${noun}/${verb}/${at}`] = {
      post: {
        operationId: `${verb}_${kind}_${noun}_${at}`,
        summary: `${verb} a ${kind} ${noun}`,
        description: `Use this to ${verb} one ${kind} ${noun} of the organisation, and to see what came of it.`,
        parameters: ['id', 'limit', `${noun}Name`].map((name) => ({
          name,
          in: 'query',
          description: `The ${name} of the ${noun}`,
          schema: { type: 'string' },
        })),
        responses: { 200: { description: 'ok' } },
      },
    };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Bench', version: '1' },
    servers: [{ url: `http://127.0.0.1:${upstreamPort}` }],
    paths,
  };
}

async function gateway(label: string, count: number, embedder: string): Promise<object> {
  const made = await control.invoke('CreateGateway', {
    name: label.replaceAll(/[^a-z0-9]+/gi, '-'),
    roleArn: 'arn:aws:iam::000000000000:role/bench',
    protocolType: 'MCP',
    authorizerType: 'NONE',
    protocolConfiguration: { mcp: { searchType: 'SEMANTIC' } },
    tags: { 'gatewright:search-embedder': embedder, 'gatewright:search-rate': '100000' },
  });
  const gatewayIdentifier = made['gatewayId'] as string;
  for (let target = 0; target < 5; target += 1)
    await control.invoke('CreateGatewayTarget', {
      gatewayIdentifier,
      name: `part${target}`,
      targetConfiguration: {
        mcp: { openApiSchema: { inlinePayload: JSON.stringify(document((target * count) / 5, count / 5)) } },
      },
    });
  await control.settled();
  const started = performance.now();
  for (;;) {
    const metrics = await control.invoke('GetGatewaySearchMetrics', { gatewayIdentifier });
    const { tools, embedded, buildMs, indexBytes } = metrics;
    const isWhole = embedder === 'words' || embedded === tools;
    if (isWhole)
      return {
        label,
        url: made['gatewayUrl'],
        tool: 'part0___callMe',
        tools,
        buildMs,
        indexBytes,
        embedMs: embedder === 'words' ? 0 : performance.now() - started,
      };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const gateways = [
  await gateway('1,000 tools, words', 1_000, 'words'),
  await gateway('10,000 tools, words', 10_000, 'words'),
  await gateway('1,000 tools, words and sentences', 1_000, 'embedded'),
];
process.send?.({ gateways, rssBefore, rssAfter: process.memoryUsage.rss() });
process.on('disconnect', () => {
  rmSync(dataDir, { recursive: true, force: true });
  process.exit(0);
});

// The search from the command line: hits with scores and reasons from a running gateway, and its measures on one’s own
// questions, with and without a gateway.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { runGatewright, startServer, temporaryFolder } from '../support/process.ts';
import type { Finished, RunningServer } from '../support/process.ts';
import { fillerTools, toolTarget } from '../support/search.ts';

const TOOLS = [
  { name: 'send_mail', description: 'Sends an e-mail to a person', parameters: { to: 'Address' } },
  { name: 'book_flight', description: 'Books a seat on a plane' },
  ...fillerTools(20),
];
const QUESTIONS = [
  { query: 'write to my colleague by e-mail', relevant: ['post___send_mail'] },
  { query: 'fly to Rome on a plane', relevant: ['post___book_flight'] },
  { query: 'rare xylophones', relevant: ['post___filler_3'] },
];

let server: RunningServer;
let file: string;
const run = (...args: string[]): Promise<Finished> =>
  runGatewright([...args, '--endpoint-url', server.controlEndpoint, '--data-dir', server.dataDir]);

beforeAll(async () => {
  server = await startServer({ env: { GATEWRIGHT_EGRESS_ALLOW: '127.0.0.1' } });
  const made = await run(
    'create-gateway',
    '--name=mailing',
    '--role-arn=arn:aws:iam::000000000000:role/any',
    '--authorizer-type=NONE',
    '--protocol-type=MCP',
    '--protocol-configuration={"mcp":{"searchType":"SEMANTIC"}}',
  );
  const { gatewayId } = JSON.parse(made.stdout) as { gatewayId: string };
  const target = await run(
    'create-gateway-target',
    `--gateway-identifier=${gatewayId}`,
    '--name=post',
    `--target-configuration=${JSON.stringify({ mcp: { mcpServer: toolTarget(TOOLS) } })}`,
  );
  const { targetId } = JSON.parse(target.stdout) as { targetId: string };
  for (;;) {
    const shown = await run('get-gateway-target', '--gateway-identifier', gatewayId, '--target-id', targetId);
    if (shown.stdout.includes('"READY"')) break;
    if (shown.stdout.includes('FAILED')) throw new Error(shown.stdout);
  }
  file = join(temporaryFolder(), 'questions.json');
  writeFileSync(file, JSON.stringify({ queries: QUESTIONS }));
});

describe('gatewright search', () => {
  it('shows hits with scores and reasons', async () => {
    const { code, stdout } = await run('search', 'mailing', 'write an e-mail', '--max-results', '2');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ 1\. post___send_mail {2}\d+\.\d\d = words in common \d+\.\d\d \+ word vectors/);
    expect(stdout).toContain('Sends an e-mail to a person');
    expect(stdout).toContain('mail (name, description)');
    expect(stdout).toContain(' 2. ');
    expect(stdout).not.toContain(' 3. ');
    const json = await run('search', 'mailing', 'write an e-mail', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      items: [{ name: 'post___send_mail' }, ...Array.from({ length: 9 }, () => ({}))],
    });
    const nothing = await run('search', 'mailing', 'qwrtz plmok');
    expect(nothing.stdout).toMatch(/^nothing fits/);
  });

  it('says what is wrong', async () => {
    const missing = await run('search', 'nobody-0123456789', 'mail');
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringContaining('nobody-0123456789 not found'),
    ]);
    const noFile = await run('search', 'eval', 'nowhere.json');
    expect([noFile.code, noFile.stderr]).toEqual([1, expect.stringContaining('nowhere.json')]);
    const bad = join(temporaryFolder(), 'bad.json');
    writeFileSync(bad, '{"queries":[{"query":"x","relevant":[]}]}');
    const wrong = await run('search', 'eval', bad);
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('queries[0] needs')]);
    const noTools = await run('search', 'eval', file);
    expect([noTools.code, noTools.stderr]).toEqual([1, expect.stringContaining('--gateway')]);
  });
});

describe('gatewright search eval', () => {
  it('measures a gateway, and shows the questions it fails', async () => {
    const { code, stdout } = await run('search', 'eval', file, '--gateway', 'mailing');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^3 questions\nrecall@1 66\.7 %, recall@5 66\.7 %, /);
    expect(stdout).toContain('rare xylophones');
  });

  it.each(['embedded', 'words', 'none'])('measures the tools of the file (%s)', async (embedder) => {
    const own = join(temporaryFolder(), 'own.json');
    const tools = TOOLS.map((tool) => ({
      ...tool,
      name: `post___${tool.name}`,
      tool: tool.name,
      server: 'post',
    }));
    writeFileSync(own, JSON.stringify({ tools, queries: QUESTIONS.slice(0, 2) }));
    const { code, stdout } = await run('search', 'eval', own, '--embedder', embedder, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      recallAt1: 1,
      recallAt5: 1,
      recallAt10: 1,
      ndcgAt10: 1,
      queries: 2,
    });
  });
});

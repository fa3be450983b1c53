// The package as it is published: built, packed, installed into an empty folder, and started from there.

import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { allTools, mcpClient, startUpstream, textOf } from '../support/process-clients.ts';
import { startServer, temporaryFolder } from '../support/process.ts';

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);

it('holds what it needs, and runs from an empty folder', { timeout: 120_000 }, async () => {
  const folder = temporaryFolder();
  // The same Node for npm's scripts as for the tests.
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` };
  await run('npm', ['run', 'build'], { cwd: ROOT, env });
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: ROOT,
    env,
  });
  const packed = JSON.parse(stdout) as unknown;
  const [pack] = (Array.isArray(packed) ? packed : Object.values(packed as object)) as {
    filename: string;
    files: { path: string }[];
  }[];
  const paths = pack?.files.map(({ path }) => path) ?? [];
  for (const needed of [
    'package.json',
    'README.md',
    'LICENSE',
    'NOTICE',
    'CHANGELOG.md',
    'bin/gatewright.mjs',
    'dist/cli/main.js',
    'dist/targets/openapi/import-process.js',
    'dist/targets/smithy/import-process.js',
    'dist/search/embedders/embedded/worker.js',
    'dist/search/words/word-table.bin',
    'dist/functions/bootstrap/node.mjs',
    'dist/functions/bootstrap/python.py',
  ])
    expect(paths).toContain(needed);
  expect(
    paths.filter((path) => /\.test\.|^(src|test|bench|node_modules)\/|\.ts$|\.gatewright/.test(path)),
  ).toEqual([]);
  // Built from what stands in the repository, and no key in it: not a test's, nor anybody's.
  for (const path of paths.filter((path) => /\.(js|json|md|mjs)$/.test(path)))
    expect(readFileSync(join(ROOT, path), 'utf8'), path).not.toMatch(
      /-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[\w+/]{40}|\b(?:AKIA|ASIA)(?!IOSFODNN7EXAMPLE)[A-Z0-9]{16}\b/,
    );

  const empty = join(folder, 'empty');
  mkdirSync(empty);
  writeFileSync(join(empty, 'package.json'), '{"private":true}');
  await run(
    'npm',
    [
      'install',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--prefer-offline',
      join(folder, pack?.filename ?? ''),
    ],
    { cwd: empty, env },
  );

  const upstream = await startUpstream();
  const document = join(empty, 'small.json');
  writeFileSync(
    document,
    '{"openapi":"3.1.0","info":{"title":"s","version":"1"},"paths":{"/a":{"get":{"operationId":"a"}}}}',
  );
  const server = await startServer({
    program: [process.execPath, join(empty, 'node_modules/gatewright/bin/gatewright.mjs')],
    cwd: empty,
    args: ['--openapi', document, '--upstream', upstream.url],
  });
  const client = await mcpClient(String(server.lines.find(({ msg }) => msg === 'imported')?.['mcpUrl']));
  expect((await allTools(client)).map(({ name }) => name)).toEqual(['small___a']);
  expect(textOf(await client.callTool({ name: 'small___a', arguments: {} }))).toBe('{"ok":true}');
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  // The search’s data, its thread and the weights of its dependency are found where they were installed.
  const judged = join(empty, 'judged.json');
  const tools = [
    { name: 'bake', description: 'Bakes bread' },
    { name: 'fly', description: 'Books a flight' },
  ];
  writeFileSync(
    judged,
    JSON.stringify({ tools, queries: [{ query: 'an airplane ticket', relevant: ['fly'] }] }),
  );
  const measured = await run(join(empty, 'node_modules/.bin/gatewright'), ['search', 'eval', judged], {
    env,
  });
  expect(measured.stdout).toContain('recall@1 100.0 %');
  const version = await run(join(empty, 'node_modules/.bin/gatewright'), ['--version'], { env });
  expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

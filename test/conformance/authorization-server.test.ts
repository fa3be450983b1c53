// The conformance suite's part for authorization servers: metadata where clients look for it, and the whole way of a code,
// with a browser that signs in and allows.

import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { openAuthorizedApp, registerPublic, signInAndAllow } from '../support/oauth-client.ts';

const PROGRAM = join(
  dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json')),
  'dist/index.js',
);

test('the authorization server passes the suite', async () => {
  const app = await openAuthorizedApp();
  const folder = mkdtempSync(join(tmpdir(), 'gatewright-conformance-'));
  try {
    const gateway = await app.guarded({});
    const probe = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => probe.once('listening', resolve));
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    const client = await registerPublic(app.issuer, { redirect_uris: [`http://127.0.0.1:${port}/callback`] });
    const flags = ['--url', app.issuer, '--client-id', client, '--resource', gateway.url];
    const suite = spawn(
      process.execPath,
      [PROGRAM, 'authorization', ...flags, '--port', String(port), '--output-dir', folder],
      { stdio: ['ignore', 'pipe', 'pipe'], timeout: 50_000 },
    );
    let output = '';
    let journey: Promise<unknown> | undefined;
    suite.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const address = /^http\S+\/auth\?\S+$/m.exec(output)?.[0];
      // Where the browser ends is the suite's own listener.
      if (address !== undefined && output.includes('Callback server started'))
        journey ??= signInAndAllow(address, openBrowser(app.publicUrl)).then(({ url }) => fetch(url));
    });
    await new Promise((resolve) => suite.once('exit', resolve));
    await journey;
    expect(output).toMatch(/authorization-server-metadata-endpoint: [1-9]\d* passed, 0 failed/);
    expect(output).toMatch(/authorization-code-grant: [1-9]\d* passed, 0 failed/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await app.close();
  }
});

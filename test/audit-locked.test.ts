// The audit log while the vault is locked, with its own keys in there: everything is recorded and chained, nothing can be
// signed, and when the master key is put back the log takes its keys again, without a restart.

import { renameSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';
import { auditedFolder } from './support/audited-app.ts';
import type { AuditedFolder } from './support/audited-app.ts';
import { post } from './support/mcp-client.ts';
import { runGatewright } from './support/process.ts';
import { describeApi, openUpstream } from './support/upstream.ts';

type Mode = 'best-effort' | 'required';

async function open(folder: AuditedFolder, audit: Mode): Promise<TestApp> {
  const app = await openTestApp({ ...folder.settings, audit });
  let isClosed = false;
  const close = async (): Promise<void> => {
    if (!isClosed) await app.close();
    isClosed = true;
  };
  onTestFinished(close);
  return { ...app, close };
}

async function verify(folder: AuditedFolder): Promise<{ code: number | null; unsigned: number }> {
  const { code, stdout } = await runGatewright(['audit', 'verify', folder.audit, '--json']);
  const { chains } = JSON.parse(stdout) as { chains: readonly { unsigned: number }[] };
  return { code, unsigned: chains.reduce((sum, chain) => sum + chain.unsigned, 0) };
}

const call = async (app: TestApp, path: string): Promise<number> =>
  (
    await post(
      `${app.app.publicUrl}${path}`,
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"api___find","arguments":{"q":"x"}}}',
    )
  ).status;

describe.each<Mode>(['best-effort', 'required'])('in mode %s', (mode) => {
  test('what happens while the vault is locked is recorded, and signed when its key is back', async () => {
    const upstream = await openUpstream();
    onTestFinished(() => upstream.close());
    const folder = auditedFolder();
    const { masterKeyFile } = folder.settings;
    const whole = await open(folder, mode);
    const gateway = await whole.gateway({
      targets: { api: describeApi(upstream.url, { find: { query: { q: { type: 'string' } } } }) },
    });
    const { pathname } = new URL(gateway.url);
    expect(await call(whole, pathname)).toBe(200);
    await whole.close();
    expect(await verify(folder)).toEqual({ code: 0, unsigned: 0 });

    renameSync(masterKeyFile, `${masterKeyFile}.away`);
    const locked = await open(folder, mode);
    // What needs no secret goes on, and is recorded; what needs one is refused, and is recorded.
    expect(await call(locked, pathname)).toBe(200);
    const sealing = locked.app.control.invoke('CreateApiKeyCredentialProvider', { name: 'n', apiKey: 'k' });
    await expect(sealing).rejects.toMatchObject({ code: 'Unavailable' });
    await locked.close();
    const after = await verify(folder);
    expect(after.code).toBe(0);
    expect(after.unsigned).toBeGreaterThan(2);

    const again = await open(folder, mode);
    expect(await call(again, pathname)).toBe(200);
    renameSync(`${masterKeyFile}.away`, masterKeyFile);
    const signs = () =>
      folder.of('OpenAuditKeys').map(({ requestParameters }) => requestParameters?.['signs']);
    await expect.poll(signs, { timeout: 20_000 }).toEqual([false, false, true]);
    expect(await call(again, pathname)).toBe(200);
    await again.close();
    // All of it: also what a process recorded that never had the key.
    expect(await verify(folder)).toEqual({ code: 0, unsigned: 0 });

    expect(folder.of('OpenAuditKeys')[0]).toMatchObject({
      eventType: 'AwsServiceEvent',
      errorCode: 'CredentialUnavailable',
      requestParameters: { digests: 'process', signs: false },
    });
    expect(folder.of('CreateApiKeyCredentialProvider').at(-1)).toMatchObject({ errorCode: 'Unavailable' });
    const hashes = folder
      .of('InvokeGateway')
      .filter(({ additionalEventData }) => additionalEventData['phase'] !== 'intent')
      .map(({ requestParameters }) => requestParameters?.['argumentsHmac']);
    const [first, second, third, fourth] = hashes;
    expect(hashes).toHaveLength(4);
    // By the installation's key, by keys of two processes, and by the installation's again.
    expect(new Set([first, second, third]).size).toBe(3);
    expect(fourth).toBe(first);
  }, 60_000);
});

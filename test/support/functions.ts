// A server with local functions, and the official AWS SDK for Lambda pointed at it: what tests of functions start from.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { CreateFunctionCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type {
  CreateFunctionCommandInput,
  CreateFunctionCommandOutput,
  InvokeCommandInput,
} from '@aws-sdk/client-lambda';
import { afterEach } from 'vitest';
import { ZipFile } from 'yazl';
import type { Config } from '../../src/config.ts';
import { openTestApp } from './app.ts';
import type { TestApp } from './app.ts';

export const ROLE = 'arn:aws:iam::000000000000:role/lambda';

/** Run after the test, the last one first. */
export const closing: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

export type Files = Readonly<
  Record<string, string | Buffer | { readonly text: string; readonly mode: number }>
>;

/** A zip archive of these files. */
export function zipOf(files: Files): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, content] of Object.entries(files)) {
    const isPlain = typeof content === 'string' || Buffer.isBuffer(content);
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(isPlain ? content : content.text);
    zip.addBuffer(bytes, name, { mtime: new Date(0), mode: isPlain ? 0o100_644 : content.mode });
  }
  zip.end();
  return buffer(zip.outputStream as AsyncIterable<Uint8Array>);
}

export interface FunctionBench extends TestApp {
  readonly sdk: LambdaClient;
  /** A client with other credentials. */
  client(credentials: { accessKeyId: string; secretAccessKey: string }): LambdaClient;
}

/** Everything started, and closed after the test. */
export async function functionBench(change: Partial<Config> = {}): Promise<FunctionBench> {
  const app = await openTestApp({ ...interpreterPath(), ...change });
  closing.push(() => app.close());
  const text = readFileSync(app.app.credentialsFile ?? join('', 'credentials'), 'utf8');
  const member = (name: string) => new RegExp(`^${name} = (.+)$`, 'm').exec(text)?.[1] ?? '';
  const client = (credentials: { accessKeyId: string; secretAccessKey: string }): LambdaClient => {
    const made = new LambdaClient({
      endpoint: app.app.controlUrl,
      region: 'us-east-1',
      maxAttempts: 1,
      credentials,
    });
    closing.push(() => made.destroy());
    return made;
  };
  const operator = {
    accessKeyId: member('aws_access_key_id'),
    secretAccessKey: member('aws_secret_access_key'),
  };
  return { ...app, sdk: client(operator), client };
}

/** The developer's own PATH: Python may be anywhere. */
function interpreterPath(): Partial<Config> {
  const { PATH: searchPath, HOME: home } = process.env;
  return { ...(searchPath === undefined ? {} : { searchPath }), ...(home === undefined ? {} : { home }) };
}

/** A payload as JSON. */
export function jsonOf(payload: Uint8Array | undefined): unknown {
  return JSON.parse(Buffer.from(payload ?? []).toString('utf8'));
}

/** Makes a function of one handler file; `index.mjs` unless files say otherwise. */
export async function deploy(
  sdk: LambdaClient,
  source: string | Files,
  more: Partial<CreateFunctionCommandInput> = {},
): Promise<CreateFunctionCommandOutput> {
  const isPython = more.Runtime?.startsWith('python') === true;
  const files = typeof source === 'string' ? { [isPython ? 'index.py' : 'index.mjs']: source } : source;
  return sdk.send(
    new CreateFunctionCommand({
      FunctionName: 'orders',
      Runtime: 'nodejs22.x',
      Handler: 'index.handler',
      Role: ROLE,
      Code: { ZipFile: await zipOf(files) },
      ...more,
    }),
  );
}

export interface Answer {
  readonly value: unknown;
  readonly error: string | undefined;
  readonly version: string | undefined;
  readonly log: string;
}

/** Calls a function and reads what it gives as JSON. */
export async function call(
  sdk: LambdaClient,
  event: unknown = {},
  more: Partial<InvokeCommandInput> = {},
): Promise<Answer> {
  const { Payload, FunctionError, ExecutedVersion, LogResult } = await sdk.send(
    new InvokeCommand({ FunctionName: 'orders', Payload: JSON.stringify(event), ...more }),
  );
  return {
    value: jsonOf(Payload),
    error: FunctionError,
    version: ExecutedVersion,
    log: Buffer.from(LogResult ?? '', 'base64').toString('utf8'),
  };
}

/** What a command fails with: the service's own name, the status and the message. */
export async function refusal(
  promise: Promise<unknown>,
): Promise<{ readonly name: string; readonly status: number | undefined; readonly message: string }> {
  try {
    await promise;
  } catch (thrown) {
    const error = thrown as Error & { readonly $metadata?: { readonly httpStatusCode?: number } };
    return { name: error.name, status: error.$metadata?.httpStatusCode, message: error.message };
  }
  throw new Error('did not fail');
}

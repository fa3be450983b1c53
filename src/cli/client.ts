// A signed call to a control plane, as an AWS SDK would make it: for the API commands.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SignatureV4 } from '@smithy/signature-v4';
import { SignerSha256 } from '../lib/signer-hash.ts';
import { createEgressClient } from '../upstream/client.ts';
import { createEgressGuard, ruleForUrl } from '../upstream/guard.ts';
import type { Config } from '../config.ts';
import type { Environment } from './settings-flags.ts';

const TIMEOUT_MS = 120_000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export interface ControlClientOptions {
  readonly endpoint: URL;
  readonly region: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
}

export interface ControlCall {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  /** Signing name; that of AgentCore unless said. */
  readonly service?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ControlAnswer {
  readonly status: number;
  readonly errorType: string | undefined;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly bytes: Buffer;
}

/** Sends one call. @throws Error when the endpoint cannot be reached. */
export async function callControlPlane(
  call: ControlCall,
  options: ControlClientOptions,
): Promise<ControlAnswer> {
  const { endpoint, region, credentials } = options;
  const { service = 'bedrock-agentcore' } = call;
  const signer = new SignatureV4({ service, region, credentials, sha256: SignerSha256 });
  const path = `${endpoint.pathname.replace(/\/$/, '')}${call.path}`;
  const signed = await signer.sign({
    method: call.method,
    protocol: endpoint.protocol,
    hostname: endpoint.hostname,
    path,
    query: Object.fromEntries(
      Object.entries(call.query).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : [...value],
      ]),
    ),
    headers: {
      host: endpoint.host,
      ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...call.headers,
    },
    body: call.body,
  } as Parameters<typeof signer.sign>[0]);
  const url = new URL(endpoint);
  url.pathname = path;
  for (const [name, value] of Object.entries(call.query))
    for (const item of typeof value === 'string' ? [value] : value) url.searchParams.append(name, item);
  const egress = createEgressClient({ guard: createEgressGuard([ruleForUrl(endpoint)]) });
  try {
    const response = await egress.request(
      {
        method: call.method,
        url,
        headers: (signed as { headers: Record<string, string> }).headers,
        ...(call.body === undefined ? {} : { body: call.body }),
      },
      { timeoutMs: TIMEOUT_MS, maxResponseBytes: MAX_ANSWER_BYTES },
    );
    return {
      status: response.status,
      errorType: response.headers['x-amzn-errortype'],
      headers: response.headers,
      body: response.body.toString('utf8'),
      bytes: response.body,
    };
  } catch (cause) {
    throw new Error(
      `No Gatewright answers at ${endpoint.href} (${cause instanceof Error ? cause.message : String(cause)}). Is it running? Its address goes into --endpoint-url.`,
      { cause },
    );
  } finally {
    await egress.close();
  }
}

/** The server's own credentials first (settings, then its file): the AWS keys of a shell are mostly those of AWS. */
export function findCredentials(env: Environment, config: Config): ControlClientOptions['credentials'] {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = env;
  if (config.accessKeyId !== undefined && config.secretAccessKey !== undefined)
    return { accessKeyId: config.accessKeyId, secretAccessKey: config.secretAccessKey.reveal() };
  const file = env['AWS_SHARED_CREDENTIALS_FILE'] ?? join(config.dataDir, 'credentials');
  try {
    const text = readFileSync(file, 'utf8');
    const id = /^\s*aws_access_key_id\s*=\s*(\S+)/m.exec(text)?.[1];
    const secret = /^\s*aws_secret_access_key\s*=\s*(\S+)/m.exec(text)?.[1];
    if (id !== undefined && secret !== undefined) return { accessKeyId: id, secretAccessKey: secret };
  } catch {
    // No file: the environment is the other place to look.
  }
  if (accessKeyId !== undefined && secretAccessKey !== undefined)
    return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
  throw new Error(
    `No credentials: neither ${file} nor AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are there. Start the server once, or give its --data-dir.`,
  );
}

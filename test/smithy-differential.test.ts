// Generated inputs make the same requests as the official clients make of them: one service for each protocol, each
// operation that both know. What a client adds for itself (names of clients, retries, signatures) is set aside.

import * as cloudwatch from '@aws-sdk/client-cloudwatch';
import * as logs from '@aws-sdk/client-cloudwatch-logs';
import * as dynamodb from '@aws-sdk/client-dynamodb';
import * as ec2 from '@aws-sdk/client-ec2';
import * as lambda from '@aws-sdk/client-lambda';
import * as s3 from '@aws-sdk/client-s3';
import * as sns from '@aws-sdk/client-sns';
import * as sqs from '@aws-sdk/client-sqs';
import { AwsSmithyRpcV2CborProtocol } from '@aws-sdk/core/protocols';
import fc from 'fast-check';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../src/core/json.ts';
import { parseIdl } from '../src/targets/smithy/idl/parse-idl.ts';
import { inputs, toSdkInput, type ArbitraryOptions } from './support/smithy-arbitrary.ts';
import { readBody } from './support/smithy-bodies.ts';
import { openSmithy } from './support/smithy.ts';
import type { Ast } from './support/smithy-values.ts';

const corpus = join(import.meta.dirname, '../../shared/corpus/smithy-models');
const own = join(import.meta.dirname, 'fixtures/smithy/models');
const RUNS = 12;

/** What the clients add of their own, or write for the network. */
const OWN_FIELDS =
  /^(user-agent|x-amz-user-agent|amz-sdk-.*|authorization|host|content-length|x-amz-date|x-amz-content-sha256|x-amz-security-token|accept|connection|expect)$/;

interface Sdk {
  readonly client: new (config: object) => { send(command: object): Promise<unknown> };
  readonly commands: Readonly<Record<string, unknown>>;
}

interface Subject extends Sdk {
  readonly name: string;
  /** In the corpus. */
  readonly model?: string;
  /** Of this repository. */
  readonly fixture?: string;
  readonly mediaType: string;
  /** Of the client, where it would choose another way. */
  readonly config?: object;
  readonly options?: ArbitraryOptions;
  /** Operations that are not compared, with the reason. */
  readonly except?: Readonly<Record<string, string>>;
}

const client = (constructor: unknown): Sdk['client'] => constructor as Sdk['client'];

const SUBJECTS: readonly Subject[] = [
  {
    name: 'DynamoDB, awsJson1_0',
    model: 'dynamodb',
    client: client(dynamodb.DynamoDBClient),
    commands: dynamodb,
    mediaType: 'application/json',
  },
  {
    name: 'SQS, awsJson1_0',
    model: 'sqs',
    client: client(sqs.SQSClient),
    commands: sqs,
    mediaType: 'application/json',
    options: { fixed: { QueueUrl: 'https://sqs.us-east-1.amazonaws.com/123456789012/q' } },
  },
  {
    name: 'CloudWatch Logs, awsJson1_1',
    model: 'cloudwatch-logs',
    client: client(logs.CloudWatchLogsClient),
    commands: logs,
    mediaType: 'application/json',
  },
  {
    name: 'Lambda, restJson1',
    model: 'lambda',
    client: client(lambda.LambdaClient),
    commands: lambda,
    mediaType: 'application/json',
  },
  {
    name: 'S3, restXml',
    model: 's3',
    client: client(s3.S3Client),
    commands: s3,
    mediaType: 'application/xml',
    options: {
      fixed: { Bucket: 'some-bucket', RequestRoute: 'route' },
      without: new Set([
        'SSECustomerKey',
        'SSECustomerKeyMD5',
        'CopySourceSSECustomerKey',
        'CopySourceSSECustomerKeyMD5',
      ]),
    },
    except: {
      PutBucketOwnershipControls:
        'the newer client has a checksum algorithm to choose that the model does not have',
    },
  },
  {
    name: 'SNS, awsQuery',
    model: 'sns',
    client: client(sns.SNSClient),
    commands: sns,
    mediaType: 'application/x-www-form-urlencoded',
  },
  {
    name: 'EC2, ec2Query',
    fixture: 'ec2.smithy',
    client: client(ec2.EC2Client),
    commands: ec2,
    mediaType: 'application/x-www-form-urlencoded',
  },
  {
    name: 'CloudWatch, rpcv2Cbor',
    fixture: 'cloudwatch.smithy',
    client: client(cloudwatch.CloudWatchClient),
    commands: cloudwatch,
    mediaType: 'application/cbor',
    config: { protocol: AwsSmithyRpcV2CborProtocol },
  },
];

function readModel({ model, fixture }: Subject): Ast | undefined {
  if (fixture !== undefined) {
    const { ast, faults } = parseIdl([{ name: fixture, text: readFileSync(join(own, fixture), 'utf8') }]);
    if (faults.length > 0) throw new Error(JSON.stringify(faults));
    return ast as unknown as Ast;
  }
  const file = join(corpus, `${model}.json.gz`);
  return existsSync(file) ? (JSON.parse(gunzipSync(readFileSync(file)).toString('utf8')) as Ast) : undefined;
}

interface Wire {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly query: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly bytes: string;
}

class Sent extends Error {}

/** A client that sends nothing, and what it would have sent. */
function openClient({ client: Client, mediaType, config }: Subject): (command: object) => Promise<Wire> {
  let last: Wire | undefined;
  const made = new Client({
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    maxAttempts: 1,
    ...config,
    requestHandler: {
      handle(request: {
        method: string;
        hostname: string;
        path: string;
        query?: Record<string, string | string[] | null>;
        headers: Record<string, string>;
        body?: string | Uint8Array;
      }) {
        last = {
          method: request.method,
          host: request.hostname,
          path: request.path,
          query: Object.entries(request.query ?? {})
            .flatMap(([key, value]) =>
              (Array.isArray(value) ? value : [value ?? '']).map((item) => `${key}=${item}`),
            )
            .sort(),
          headers: fieldsOf(request.headers),
          bytes: Buffer.from(request.body ?? '').toString('hex'),
          body: readBody(
            Buffer.from(request.body ?? ''),
            bodyType(request.headers['content-type'], mediaType, request.body),
          ),
        };
        throw new Sent('kept');
      },
      destroy: () => undefined,
    },
  });
  return async (command) => {
    last = undefined;
    await made.send(command).catch((thrown: unknown) => {
      if (last === undefined) throw thrown;
    });
    if (last === undefined) throw new Error('nothing was sent');
    return last;
  };
}

/** What the body says, and the rest as it is; checksums are those of the bytes, and newer clients order XML anew. */
function isSame({ bytes: oneBytes, ...one }: Wire, { bytes: otherBytes, ...other }: Wire): boolean {
  if (oneBytes === otherBytes) return isDeepStrictEqual(one, other);
  const masked = (wire: typeof one): typeof one => ({
    ...wire,
    headers: Object.fromEntries(
      Object.entries(wire.headers).map(([name, value]) => [
        name,
        /^(content-md5|x-amz-checksum-(crc.*|sha.*))$/.test(name) ? 'of the body' : value,
      ]),
    ),
  });
  return isDeepStrictEqual(masked(one), masked(other));
}

const fieldsOf = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers)
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      .filter(([name]) => !OWN_FIELDS.test(name))
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  );

/** A body that is an object's own bytes is compared byte by byte. */
function bodyType(contentType: string | undefined, mediaType: string, body: unknown): string | undefined {
  if (body === undefined || body === '') return undefined;
  return contentType !== undefined && contentType.includes(mediaType.split('/')[1] ?? '')
    ? mediaType
    : contentType?.startsWith('application/x-amz-json') === true
      ? 'application/json'
      : undefined;
}

describe.each(SUBJECTS)('$name', (subject) => {
  const model = readModel(subject);
  const operations = Object.entries(model?.shapes ?? {}).flatMap(([id, shape]) => {
    const name = id.split('#')[1] ?? '';
    const command = subject.commands[`${name}Command`];
    const input = (shape as unknown as { input?: { target: string } }).input?.target;
    return shape.type === 'operation' && typeof command === 'function' && input !== undefined
      ? [{ name, input, command: command as new (input: object) => object }]
      : [];
  });

  test.skipIf(model === undefined)('makes the same requests as the official client', async () => {
    if (model === undefined) return;
    const bench = openSmithy(model);
    const sendOfficial = openClient(subject);
    const tools = new Set(bench.catalogue.entries.map(({ name }) => name));
    const compared = operations.filter(({ name }) => tools.has(name) && subject.except?.[name] === undefined);
    expect(compared.length).toBeGreaterThan(0);
    const faults: string[] = [];
    for (const { name, input, command: Command } of compared) {
      const arbitrary =
        input === 'smithy.api#Unit' ? fc.constant({}) : inputs(model, input, subject.options ?? {});
      await fc
        .assert(
          fc.asyncProperty(arbitrary, async (args) => {
            const official = await sendOfficial(new Command(toSdkInput(model, input, args) as object));
            const ours = await sendOurs(name, args);
            if (!isSame(ours, official))
              throw new Error(`ours ${JSON.stringify(ours)}, official ${JSON.stringify(official)}`);
          }),
          { numRuns: RUNS, endOnFailure: true },
        )
        .catch((thrown: unknown) => {
          const { message = String(thrown), cause } = thrown as { message?: string; cause?: unknown };
          faults.push(`${name}: ${message.slice(0, 400)} ${cause instanceof Error ? cause.message : ''}`);
        });
    }
    expect(faults).toEqual([]);

    async function sendOurs(name: string, args: JsonObject): Promise<Wire> {
      bench.sent.length = 0;
      await bench.call(name, args);
      const [request] = bench.sent;
      if (request === undefined) throw new Error('nothing was sent');
      return {
        method: request.method,
        host: request.url.hostname,
        path: request.path ?? request.url.pathname,
        query: [...request.url.searchParams].map(([key, value]) => `${key}=${value}`).sort(),
        headers: fieldsOf(request.headers),
        bytes: Buffer.from(request.body ?? '').toString('hex'),
        body: readBody(
          Buffer.from(request.body ?? ''),
          bodyType(request.headers['content-type'], subject.mediaType, request.body),
        ),
      };
    }
  });
});

test('bodies are told apart', () => {
  const one = readBody(Buffer.from('{"a":1}'), 'application/json');
  expect(isDeepStrictEqual(one, readBody(Buffer.from('{"a":2}'), 'application/json'))).toBe(false);
});

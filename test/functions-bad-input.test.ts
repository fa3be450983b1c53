// What is wrong with requests, archives and handlers: each is told in the words and with the error of AWS Lambda.

import { crc32, deflateRawSync } from 'node:zlib';
import {
  InvokeCommand,
  PublishLayerVersionCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import type { CreateFunctionCommandInput } from '@aws-sdk/client-lambda';
import { describe, expect, it } from 'vitest';
import { signRequest } from '../src/lib/sigv4-sign.ts';
import { call, deploy, functionBench, refusal, zipOf } from './support/functions.ts';

const echo = 'export const handler = async (event) => event;';

/** One entry of an archive, byte by byte: what no writer of archives would write. */
interface RawEntry {
  readonly name: string;
  readonly content?: Buffer;
  readonly mode?: number;
  readonly method?: number;
  readonly flags?: number;
  /** What the archive says of it, whatever is true. */
  readonly size?: number;
  readonly sum?: number;
  readonly packed?: Buffer;
}

function rawZip(entries: readonly RawEntry[]): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const {
    name,
    content = Buffer.from(echo),
    mode = 0o100_644,
    method = 8,
    flags = 0x800,
    ...said
  } of entries) {
    const packed = said.packed ?? (method === 8 ? deflateRawSync(content) : content);
    const bytes = Buffer.from(name);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(flags, 2);
    fields.writeUInt16LE(method, 4);
    fields.writeUInt32LE(said.sum ?? crc32(content), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(said.size ?? content.length, 18);
    fields.writeUInt16LE(bytes.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), fields, bytes, packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((mode << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    centrals.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x03', 'latin1'), fields, tail, bytes]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

const index = { name: 'index.mjs' };
const LIMIT = 250 * 1024 * 1024;

describe('archives', () => {
  it('the writer of this test writes archives that are taken', async () => {
    const { sdk } = await functionBench();
    await deploy(
      sdk,
      {},
      {
        Code: {
          ZipFile: rawZip([index, { name: 'folder/', mode: 0o040_755, content: Buffer.alloc(0), method: 0 }]),
        },
      },
    );
    expect((await call(sdk, { a: 1 })).value).toEqual({ a: 1 });
  });

  it.each<[string, Buffer, RegExp]>([
    ['no archive at all', Buffer.from('hello, this is no zip file'), /not a zip file/],
    ['half an archive', rawZip([index]).subarray(0, 60), /not a zip file/],
    ['no files', rawZip([{ name: 'a/', mode: 0o040_755, content: Buffer.alloc(0), method: 0 }]), /no files/],
    ['a way out upwards', rawZip([index, { name: '../evil.js' }]), /\.\.\/evil|invalid relative path/],
    [
      'a way out in the middle',
      rawZip([index, { name: 'a/../../evil.js' }]),
      /invalid relative path|cannot stand/,
    ],
    ['an absolute name', rawZip([index, { name: '/etc/evil' }]), /absolute path/],
    ['a drive of Windows', rawZip([index, { name: 'C:\\evil' }]), /invalid characters|no file name|absolute/],
    ['a zero byte in a name', rawZip([index, { name: 'a\0b' }]), /no file name/],
    ['a line end in a name', rawZip([index, { name: 'a\nb' }]), /no file name/],
    ['an empty segment', rawZip([index, { name: 'a//b' }]), /cannot stand/],
    ['a very long segment', rawZip([index, { name: 'a'.repeat(256) }]), /cannot stand/],
    [
      'a symbolic link',
      rawZip([index, { name: 'link', mode: 0o120_777, content: Buffer.from('/etc/passwd') }]),
      /symbolic link/,
    ],
    ['a device', rawZip([index, { name: 'null', mode: 0o020_666 }]), /special file/],
    ['a name twice', rawZip([index, index]), /comes twice/],
    ['a file as a folder', rawZip([index, { name: 'index.mjs/evil.js' }]), /is a file/],
    ['a file where a folder is', rawZip([index, { name: 'a/b' }, { name: 'a' }]), /comes twice/],
    [
      'a name that says folder and attributes that say file',
      rawZip([index, { name: 'a/', mode: 0o100_644, content: Buffer.alloc(0), method: 0 }]),
      /file by its name|folder by its attributes/,
    ],
    ['an encrypted entry', rawZip([{ ...index, flags: 0x801 }]), /encrypted/],
    ['another way of packing', rawZip([{ ...index, method: 14 }]), /other than deflate/],
    ['a wrong checksum', rawZip([{ ...index, sum: 1 }]), /damaged/],
    ['damaged content', rawZip([{ ...index, packed: Buffer.from('nothing that deflate knows') }]), /unzip/],
    ['less than it says', rawZip([{ ...index, size: 10_000 }]), /unzip/],
    ['more than it says', rawZip([{ ...index, content: Buffer.alloc(100_000), size: 10 }]), /unzip/],
    ['a promise of too much', rawZip([{ ...index, size: LIMIT + 1 }]), /must be smaller than 262144000/],
  ])('%s is refused', async (_what, ZipFile, message) => {
    const { sdk } = await functionBench();
    const fault = await refusal(deploy(sdk, {}, { Code: { ZipFile } }));
    expect(fault).toMatchObject({ name: 'InvalidParameterValueException', status: 400 });
    expect(fault.message).toMatch(message);
    expect(await refusal(call(sdk))).toMatchObject({ name: 'ResourceNotFoundException' });
  });

  it('a zip bomb is refused while it is counted, whatever it says of itself', async () => {
    const { sdk } = await functionBench();
    const content = Buffer.alloc(90 * 1024 * 1024);
    const packed = deflateRawSync(content);
    const one = { content, packed, sum: crc32(content) };
    const honest = rawZip(['a', 'b', 'c'].map((name) => ({ name, ...one })));
    expect(honest.length).toBeLessThan(1024 * 1024);
    expect(await refusal(deploy(sdk, {}, { Code: { ZipFile: honest } }))).toMatchObject({
      name: 'InvalidParameterValueException',
      message: 'Unzipped size must be smaller than 262144000 bytes',
    });
    const lying = rawZip(['a', 'b', 'c'].map((name) => ({ name, ...one, size: 10 })));
    expect(await refusal(deploy(sdk, {}, { Code: { ZipFile: lying } }))).toMatchObject({
      name: 'InvalidParameterValueException',
    });
  });

  it('too many entries are refused before they are looked at', async () => {
    const { sdk } = await functionBench();
    const zip = rawZip([index]);
    // What the end of the archive says of their number.
    const many = Buffer.from(zip);
    many.writeUInt16LE(65_535, many.length - 14);
    many.writeUInt16LE(65_535, many.length - 12);
    expect(await refusal(deploy(sdk, {}, { Code: { ZipFile: many } }))).toMatchObject({
      name: 'InvalidParameterValueException',
    });
  });

  it('an archive beyond the limit, and one beyond what a request may hold', async () => {
    const { sdk } = await functionBench();
    const content = Buffer.alloc(50 * 1024 * 1024);
    const large = await zipOf({ 'index.mjs': echo });
    const padded = Buffer.concat([content, large]);
    expect(await refusal(deploy(sdk, {}, { Code: { ZipFile: padded } }))).toMatchObject({
      name: 'RequestTooLargeException',
      status: 413,
    });
    const huge = Buffer.alloc(56 * 1024 * 1024);
    expect(await refusal(deploy(sdk, {}, { Code: { ZipFile: huge } }))).toMatchObject({
      name: 'RequestTooLargeException',
      status: 413,
    });
  });

  it('the same holds for new code and for layers', async () => {
    const { sdk } = await functionBench();
    await deploy(sdk, echo);
    const ZipFile = rawZip([index, { name: '../evil.js' }]);
    expect(
      await refusal(sdk.send(new UpdateFunctionCodeCommand({ FunctionName: 'orders', ZipFile }))),
    ).toMatchObject({ name: 'InvalidParameterValueException' });
    expect(
      await refusal(sdk.send(new PublishLayerVersionCommand({ LayerName: 'words', Content: { ZipFile } }))),
    ).toMatchObject({ name: 'InvalidParameterValueException' });
    expect((await call(sdk, { a: 1 })).value).toEqual({ a: 1 });
  });
});

describe('requests', () => {
  const wrong: readonly [string, Partial<Record<keyof CreateFunctionCommandInput, unknown>>, RegExp][] = [
    ['a runtime that nobody has', { Runtime: 'node99' }, /runtime|Runtime/],
    ['a runtime that does not run here', { Runtime: 'java21' }, /nodejs22\.x.*python3\.12.*provided\.al2023/],
    ['no runtime', { Runtime: undefined }, /Runtime and Handler are mandatory/],
    ['no handler', { Handler: undefined }, /Runtime and Handler are mandatory/],
    ['a name with a space', { FunctionName: 'my orders' }, /FunctionName/],
    ['a role that is none', { Role: 'me' }, /Role/],
    ['a time-out of sixteen minutes', { Timeout: 960 }, /Timeout/],
    ['too little memory', { MemorySize: 64 }, /MemorySize/],
    ['no code', { Code: {} }, /source for function code/],
    ['an image', { Code: { ImageUri: 'me/mine:1' }, PackageType: 'Image' }, /image/],
    [
      'a private network',
      { VpcConfig: { SubnetIds: ['subnet-1'], SecurityGroupIds: ['sg-1'] } },
      /VpcConfig/,
    ],
    [
      'a dead-letter queue',
      { DeadLetterConfig: { TargetArn: 'arn:aws:sqs:us-east-1:1:q' } },
      /DeadLetterConfig/,
    ],
    [
      'a variable of the environment itself',
      { Environment: { Variables: { AWS_REGION: 'x', LAMBDA_TASK_ROOT: 'y' } } },
      /reserved keys.*AWS_REGION, LAMBDA_TASK_ROOT/,
    ],
    [
      'a variable with a bad name',
      { Environment: { Variables: { 'A;rm -rf': 'x' } } },
      /no name of a variable/,
    ],
    ['too many variables', { Environment: { Variables: { LARGE: 'x'.repeat(4096) } } }, /4096 byte limit/],
    [
      'a layer that is not there',
      { Layers: ['arn:aws:lambda:us-east-1:000000000000:layer:none:1'] },
      /does not exist/,
    ],
    ['tags of AWS', { Tags: { 'aws:mine': '1' } }, /reserved/],
  ];
  it.each(wrong)('%s is refused', async (_what, change, message) => {
    const { sdk } = await functionBench();
    const fault = await refusal(deploy(sdk, echo, change as Partial<CreateFunctionCommandInput>));
    expect(fault).toMatchObject({ name: 'InvalidParameterValueException', status: 400 });
    expect(fault.message).toMatch(message);
  });

  it('changes of a configuration are checked like its beginning', async () => {
    const { sdk } = await functionBench();
    await deploy(sdk, echo);
    const change = { FunctionName: 'orders', Environment: { Variables: { AWS_LAMBDA_RUNTIME_API: 'x' } } };
    expect(await refusal(sdk.send(new UpdateFunctionConfigurationCommand(change)))).toMatchObject({
      name: 'InvalidParameterValueException',
    });
    expect(
      await refusal(sdk.send(new UpdateFunctionConfigurationCommand({ FunctionName: 'nobody', Timeout: 5 }))),
    ).toMatchObject({ name: 'ResourceNotFoundException', status: 404 });
  });

  it('payloads and client contexts that are none are refused before anything runs', async () => {
    const { sdk } = await functionBench();
    await deploy(sdk, echo);
    const send = (more: object) => refusal(sdk.send(new InvokeCommand({ FunctionName: 'orders', ...more })));
    expect(await send({ Payload: '{"a":' })).toMatchObject({
      name: 'InvalidRequestContentException',
      status: 400,
    });
    expect(await send({ Payload: Buffer.from([0x22, 0xff, 0x22]) })).toMatchObject({
      name: 'InvalidRequestContentException',
    });
    for (const ClientContext of ['%%%', Buffer.from('[1]').toString('base64'), 'e30'.repeat(2000)])
      expect(await send({ ClientContext, Payload: '{}' })).toMatchObject({
        name: 'InvalidRequestContentException',
      });
    expect(await send({ Payload: JSON.stringify('x'.repeat(6_291_557)) })).toMatchObject({
      name: 'RequestTooLargeException',
      status: 413,
    });
    expect(
      await send({ InvocationType: 'Event', Payload: JSON.stringify('x'.repeat(1024 * 1024)) }),
    ).toMatchObject({ name: 'RequestTooLargeException', status: 413 });
    expect(await send({ InvocationType: 'Sometime', Payload: '{}' })).toMatchObject({
      name: 'InvalidParameterValueException',
    });
  });

  it('a request that is not signed, badly signed or for another service is refused', async () => {
    const bench = await functionBench();
    const { sdk, app } = bench;
    await deploy(sdk, echo);
    const unsigned = await fetch(`${app.controlUrl}/2015-03-31/functions/`);
    expect([unsigned.status, unsigned.headers.get('x-amzn-errortype')]).toEqual([
      403,
      'MissingAuthenticationTokenException',
    ]);
    const stranger = bench.client({ accessKeyId: 'AKIAAAAAAAAAAAAAAAAA', secretAccessKey: 'x'.repeat(30) });
    expect(await refusal(call(stranger))).toMatchObject({ name: 'UnrecognizedClientException', status: 403 });
    const { accessKeyId } = await sdk.config.credentials();
    const guesser = bench.client({ accessKeyId, secretAccessKey: 'x'.repeat(30) });
    expect(await refusal(call(guesser))).toMatchObject({ name: 'InvalidSignatureException', status: 403 });
  });
});

describe('handlers', () => {
  it.each<[string, Record<string, string>, string, string, RegExp]>([
    [
      'no such file',
      { 'index.mjs': echo },
      'other.handler',
      'Runtime.ImportModuleError',
      /Cannot find module 'other'/,
    ],
    [
      'no such export',
      { 'index.mjs': echo },
      'index.other',
      'Runtime.HandlerNotFound',
      /index\.other is undefined or not exported/,
    ],
    [
      'an export that is no function',
      { 'index.mjs': 'export const handler = 1;' },
      'index.handler',
      'Runtime.HandlerNotFound',
      /not a function/,
    ],
    ['a name without a dot', { 'index.mjs': echo }, 'index', 'Runtime.MalformedHandlerName', /index/],
    [
      'a way out of its folder',
      { 'index.mjs': echo },
      '../index.handler',
      'Runtime.MalformedHandlerName',
      /index/,
    ],
    [
      'a syntax error',
      { 'index.mjs': 'export const handler = (;' },
      'index.handler',
      'Runtime.UserCodeSyntaxError',
      /SyntaxError/,
    ],
    [
      'a missing dependency',
      { 'index.mjs': 'import "left-out"; export const handler = 1;' },
      'index.handler',
      'Runtime.ImportModuleError',
      /left-out/,
    ],
    [
      'a module that throws',
      { 'index.mjs': 'throw new TypeError("at the start");' },
      'index.handler',
      'TypeError',
      /at the start/,
    ],
  ])('Node.js: %s', async (_what, files, Handler, errorType, errorMessage) => {
    const { sdk } = await functionBench();
    await deploy(sdk, files, { Handler });
    const { value, error } = await call(sdk);
    expect(error).toBe('Unhandled');
    expect(value).toMatchObject({ errorType, errorMessage: expect.stringMatching(errorMessage) });
  });

  it.each<[string, string, string, string, RegExp]>([
    [
      'no such module',
      'def handler(e, c): pass',
      'other.handler',
      'Runtime.ImportModuleError',
      /Unable to import module 'other'/,
    ],
    [
      'no such function',
      'def handler(e, c): pass',
      'index.other',
      'Runtime.HandlerNotFound',
      /Handler 'other' missing on module 'index'/,
    ],
    [
      'a name without a dot',
      'def handler(e, c): pass',
      'index',
      'Runtime.MalformedHandlerName',
      /Bad handler 'index'/,
    ],
    [
      'a syntax error',
      'def handler(e, c) pass',
      'index.handler',
      'Runtime.UserCodeSyntaxError',
      /Syntax error in module 'index'/,
    ],
    ['a missing dependency', 'import left_out', 'index.handler', 'Runtime.ImportModuleError', /left_out/],
  ])('Python: %s', async (_what, source, Handler, errorType, errorMessage) => {
    const { sdk } = await functionBench();
    await deploy(sdk, source, { Handler, Runtime: 'python3.12' });
    const { value, error } = await call(sdk);
    expect(error).toBe('Unhandled');
    expect(value).toMatchObject({ errorType, errorMessage: expect.stringMatching(errorMessage) });
  });

  it('a custom runtime without its bootstrap', async () => {
    const { sdk } = await functionBench();
    await deploy(sdk, echo, { Runtime: 'provided.al2023' });
    expect(await call(sdk)).toMatchObject({
      error: 'Unhandled',
      value: {
        errorType: 'Runtime.InvalidEntrypoint',
        errorMessage: expect.stringContaining("Couldn't find valid bootstrap"),
      },
    });
  });

  it.each<[string, string, 'nodejs22.x' | 'python3.12', object]>([
    [
      'a thrown error',
      'export const handler = async () => { throw new RangeError("too far"); };',
      'nodejs22.x',
      {
        errorType: 'RangeError',
        errorMessage: 'too far',
        trace: expect.arrayContaining(['RangeError: too far']),
      },
    ],
    [
      'a thrown text',
      'export const handler = async () => { throw "just text"; };',
      'nodejs22.x',
      { errorType: 'string', errorMessage: 'just text' },
    ],
    [
      'an error through the callback',
      'export const handler = (e, c, done) => done(new Error("by callback"));',
      'nodejs22.x',
      { errorType: 'Error', errorMessage: 'by callback' },
    ],
    [
      'an unhandled rejection',
      'export const handler = () => new Promise(() => { Promise.reject(new Error("nobody listens")); });',
      'nodejs22.x',
      { errorType: 'Runtime.UnhandledPromiseRejection', errorMessage: 'Error: nobody listens' },
    ],
    [
      'an uncaught exception',
      'export const handler = () => new Promise(() => { setTimeout(() => { throw new Error("later"); }, 1); });',
      'nodejs22.x',
      { errorType: 'Error', errorMessage: 'later' },
    ],
    [
      'a circle',
      'export const handler = async () => { const a = {}; a.a = a; return a; };',
      'nodejs22.x',
      {
        errorType: 'Runtime.MarshalError',
        errorMessage: expect.stringContaining('Unable to stringify response body'),
      },
    ],
    [
      'a BigInt',
      'export const handler = async () => ({ n: 1n });',
      'nodejs22.x',
      { errorType: 'Runtime.MarshalError' },
    ],
    [
      'an exception',
      'def handler(e, c):\n  raise KeyError("orderId")',
      'python3.12',
      {
        errorType: 'KeyError',
        errorMessage: "'orderId'",
        requestId: expect.any(String),
        stackTrace: [expect.stringContaining('index.py')],
      },
    ],
    [
      'a set',
      'def handler(e, c):\n  return {1, 2}',
      'python3.12',
      {
        errorType: 'Runtime.MarshalError',
        errorMessage: 'Unable to marshal response: Object of type set is not JSON serializable',
      },
    ],
    [
      'half a character',
      'def handler(e, c):\n  return "\\ud800"',
      'python3.12',
      { errorType: 'Runtime.MarshalError' },
    ],
  ])('%s', async (_what, source, Runtime, expected) => {
    const { sdk } = await functionBench();
    await deploy(sdk, source, { Runtime });
    const answer = await call(sdk);
    expect(answer.error).toBe('Unhandled');
    expect(answer.value).toMatchObject(expected);
    // And again: what a process leaves behind does not harm the next call.
    expect((await call(sdk)).error).toBe('Unhandled');
  });

  it('an answer of more than 6 MB, and one that just fits', async () => {
    const { sdk } = await functionBench();
    await deploy(sdk, 'export const handler = async (e) => "x".repeat(e.n - 2);');
    expect(await call(sdk, { n: 6_291_557 })).toMatchObject({
      error: 'Unhandled',
      value: {
        errorType: 'Function.ResponseSizeTooLarge',
        errorMessage:
          'Response payload size (6291557 bytes) exceeded maximum allowed payload size (6291556 bytes).',
      },
    });
    expect((await call(sdk, { n: 6_291_556 })).value).toHaveLength(6_291_554);
    expect(await call(sdk, { n: 40_000_000 })).toMatchObject({
      value: { errorType: 'Function.ResponseSizeTooLarge' },
    });
    expect((await call(sdk, { n: 3 })).value).toBe('x');
  });
});

it('a request for a function that is not JSON', async () => {
  const { sdk, app } = await functionBench();
  const { accessKeyId, secretAccessKey } = await sdk.config.credentials();
  const url = new URL('/2015-03-31/functions', app.controlUrl);
  const request = {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json' },
    body: '{"FunctionName":',
  };
  const headers = await signRequest(request, {
    service: 'lambda',
    region: 'us-east-1',
    credentials: { accessKeyId, secretAccessKey },
  });
  const answer = await fetch(url, { method: 'POST', headers, body: request.body });
  expect([answer.status, answer.headers.get('x-amzn-errortype')]).toEqual([
    400,
    'InvalidRequestContentException',
  ]);
});

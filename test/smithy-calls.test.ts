// Calls of Smithy tools where the wire matters: paths, bodies and checksums of requests; failures in disguise, wrong
// checksums and hostile answers; endpoints, host names and regions. No gateway and no network: what would be sent is kept.

import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../src/core/json.ts';
import { stringifyLossless } from '../src/lib/lossless-json.ts';
import { crc32c, crc64nvme } from '../src/targets/smithy/protocols/crc.ts';
import { parseTimestamp, renderTimestamp } from '../src/targets/smithy/runtime/timestamps.ts';
import { openSmithy, type SmithyBench } from './support/smithy.ts';
import { targetServices } from './support/target-services.ts';

const models = join(import.meta.dirname, 'fixtures/smithy/models');
const OBJECTS = readFileSync(join(models, 'object-store.json'), 'utf8');
const TABLES = readFileSync(join(models, 'table-store.json'), 'utf8');

const textOf = ({ content }: { readonly content: readonly { readonly type: string }[] }): string =>
  content.map((block) => ('text' in block ? String(block.text) : block.type)).join('\n');
const last = (bench: SmithyBench) => {
  const request = bench.sent.at(-1);
  if (request === undefined) throw new Error('nothing was sent');
  return request;
};
const idl = (service: string, rest: string): string =>
  `$version: "2.0"\nnamespace a\nuse aws.api#service\nuse aws.auth#sigv4\nuse aws.protocols#awsJson1_0\nuse aws.protocols#awsQuery\nuse aws.protocols#restJson1\nuse aws.protocols#restXml\nuse smithy.protocols#rpcv2Cbor\nuse smithy.protocols#rpcv2Json\n${service}\n${rest}`;

describe('S3', () => {
  test('has the bucket in the host, or in the path where it cannot be in a host', async () => {
    const bench = openSmithy(OBJECTS);
    for (const [Bucket, Key, url, path] of [
      ['some-bucket', 'a/b c', 'https://some-bucket.s3.us-east-1.amazonaws.com/a/b%20c', undefined],
      ['Some_Bucket', 'x', 'https://s3.us-east-1.amazonaws.com/Some_Bucket/x', undefined],
      ['dotted.bucket', 'x', 'https://s3.us-east-1.amazonaws.com/dotted.bucket/x', undefined],
      ['some-bucket', '../x', 'https://some-bucket.s3.us-east-1.amazonaws.com/x', '/../x'],
      ['some-bucket', 'a/./b//', 'https://some-bucket.s3.us-east-1.amazonaws.com/a/b//', '/a/./b//'],
    ] as const) {
      await bench.call('GetObject', { Bucket, Key });
      expect([last(bench).url.href.split('?')[0], last(bench).path]).toEqual([url, path]);
    }
  });

  test('an object’s name never leads out of a bucket in the path', async () => {
    const bench = openSmithy(OBJECTS, { 'server-url': 'https://minio.example.com/store' });
    await bench.call('GetObject', { Bucket: 'mine', Key: 'a/../b' });
    expect(last(bench).path).toBe('/store/mine/a/../b');
    for (const Key of ['../yours/x', 'a/../../yours/x', '..', '../mine-too/x'])
      await expect(bench.call('GetObject', { Bucket: 'mine', Key }), Key).rejects.toThrow(/do not fit/);
    await expect(bench.call('GetObject', { Bucket: '..', Key: 'x' })).rejects.toThrow(/do not fit/);
    await bench.call('GetObject', { Bucket: 'a/b?c#d', Key: 'x' });
    expect(last(bench).url.pathname).toBe('/store/a%2Fb%3Fc%23d/x');
  });

  test('tells subresources by keys without a value', async () => {
    const bench = openSmithy(OBJECTS);
    await bench.call('GetObjectAcl', { Bucket: 'bucket', Key: 'x' });
    expect(last(bench).url.search).toBe('?acl');
  });

  test('gets the checksum that the caller chooses, and CRC-32 else', async () => {
    const bench = openSmithy(OBJECTS);
    const body = Buffer.from('Stay hungry, stay foolish.');
    const encode = (value: number | bigint, bytes: number): string =>
      Buffer.from(
        BigInt(value)
          .toString(16)
          .padStart(bytes * 2, '0'),
        'hex',
      ).toString('base64');
    for (const [ChecksumAlgorithm, field, value] of [
      [undefined, 'x-amz-checksum-crc32', encode(crc32(body), 4)],
      ['CRC32C', 'x-amz-checksum-crc32c', encode(crc32c(body), 4)],
      ['CRC64NVME', 'x-amz-checksum-crc64nvme', encode(crc64nvme(body), 8)],
      ['SHA1', 'x-amz-checksum-sha1', createHash('sha1').update(body).digest('base64')],
      ['SHA256', 'x-amz-checksum-sha256', createHash('sha256').update(body).digest('base64')],
    ] as const) {
      await bench.call('PutObject', {
        Bucket: 'bucket',
        Key: 'x',
        Body: body.toString('base64'),
        ...(ChecksumAlgorithm === undefined ? {} : { ChecksumAlgorithm }),
      });
      expect(last(bench).headers).toMatchObject({
        [field]: value,
        'x-amz-sdk-checksum-algorithm': ChecksumAlgorithm ?? 'CRC32',
      });
    }
    await bench.call('PutObject', {
      Bucket: 'bucket',
      Key: 'x',
      Body: { text: 'grüezi' },
      Metadata: { a: 'b' },
    });
    expect(Buffer.from(last(bench).body ?? '').toString('utf8')).toBe('grüezi');
    expect(last(bench).headers['x-amz-meta-a']).toBe('b');
  });

  test('gives bodies in forms that models can read, and odd times do no harm', async () => {
    const bench = openSmithy(OBJECTS);
    const args = { Bucket: 'bucket', Key: 'x' };
    const text = await bench.call('GetObject', args, [
      { headers: { 'content-type': 'text/plain', expires: '0', 'x-amz-meta-colour': 'red' }, body: 'Hello' },
    ]);
    expect(text.structuredContent).toEqual({
      Body: 'SGVsbG8=',
      ContentType: 'text/plain',
      Metadata: { colour: 'red' },
    });
    expect(text.content[1]).toEqual({ type: 'text', text: 'Hello' });
    const image = await bench.call('GetObject', args, [
      { headers: { 'content-type': 'image/png' }, body: Buffer.from([137, 80]) },
    ]);
    expect(image.content[1]).toEqual({ type: 'image', data: 'iVA=', mimeType: 'image/png' });
    const bytes = await bench.call('GetObject', args, [{ body: Buffer.from([0, 255]) }]);
    expect(bytes.content).toHaveLength(1);
    const page = await bench.call('GetObject', args, [
      { headers: { 'content-type': 'text/html' }, body: '<html>an object</html>' },
    ]);
    expect(page.isError).toBe(false);
  });

  test('failures with status 200 are failures, and objects that look like one are objects', async () => {
    const bench = openSmithy(OBJECTS);
    const failure =
      '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>SlowDown</Code><Message>Please</Message></Error>';
    const refused = await bench.call(
      'DeleteObjects',
      { Bucket: 'bucket', Delete: { Objects: [{ Key: 'x' }] } },
      [{ body: failure }],
    );
    expect(refused.isError).toBe(true);
    expect(textOf(refused)).toMatch(/^SlowDown .*: Please/);
    const object = await bench.call('GetObject', { Bucket: 'bucket', Key: 'x' }, [{ body: failure }]);
    expect(object.isError).toBe(false);
    const moved = await bench.call('ListBuckets', {}, [
      {
        status: 301,
        headers: { location: 'https://elsewhere.example/' },
        body: '<Error><Code>PermanentRedirect</Code><Message>m</Message></Error>',
      },
    ]);
    expect(textOf(moved)).toMatch(
      /^PermanentRedirect[\s\S]*Redirects are not followed. Location: https:\/\/elsewhere.example\//,
    );
  });
});

describe('answers', () => {
  const XML = idl(
    '@restXml service S { version: "1", operations: [Get, Nothing] }',
    '@http(method: "GET", uri: "/x") @readonly operation Get { output := { name: String, when: Timestamp, items: Items, entries: Entries, ratio: Double, yes: Boolean } }\nlist Items { member: String }\nmap Entries { key: String, value: Integer }\n@http(method: "GET", uri: "/n") @readonly operation Nothing {}',
  );
  const QUERY = idl(
    '@awsQuery @xmlNamespace(uri: "http://a") service S { version: "1", operations: [Get] }',
    'operation Get { output := { name: String } }',
  );
  const CBOR = idl(
    '@rpcv2Cbor service S { version: "1", operations: [Get] }',
    'operation Get { output := { name: String, number: Long, blob: Blob } }',
  );
  const set = { 'server-url': 'https://a.example' };

  test.each<[string, string, string | Uint8Array]>([
    ['a page', XML, '<html><body>Sign in</body></html>'],
    ['half of XML', XML, '<GetOutput><name>x'],
    ['a time that is none', XML, '<GetOutput><when>yesterday</when></GetOutput>'],
    [
      'a number that is none',
      XML,
      '<GetOutput><entries><entry><key>a</key><value>x</value></entry></entries></GetOutput>',
    ],
    ['elements where text is meant', XML, '<GetOutput><name><b>x</b></name></GetOutput>'],
    ['a ratio that is none', XML, '<GetOutput><ratio>half</ratio></GetOutput>'],
    ['a flag that is none', XML, '<GetOutput><yes>maybe</yes></GetOutput>'],
    ['text where a list is meant', XML, '<GetOutput><items>x</items></GetOutput>'],
    ['text where a map is meant', XML, '<GetOutput><entries>x</entries></GetOutput>'],
    ['text where members are meant', XML, '<GetOutput>Moved</GetOutput>'],
    ['text for a result', QUERY, '<GetResponse><GetResult>x</GetResult></GetResponse>'],
    ['nested beyond all measure', XML, `${'<a>'.repeat(100_000)}${'</a>'.repeat(100_000)}`],
    ['another operation’s', QUERY, '<PutResponse><PutResult><name>x</name></PutResult></PutResponse>'],
    ['no XML', QUERY, 'OK'],
    ['JSON for CBOR', CBOR, '{"name":"x"}'],
    ['half of CBOR', CBOR, Buffer.from('a1646e616d65', 'hex')],
    ['a list of CBOR', CBOR, Buffer.from('8101', 'hex')],
    ['another type in CBOR', CBOR, Buffer.from('a1646e616d6501', 'hex')],
    ['a length of CBOR beyond all measure', CBOR, Buffer.from('a1646e616d659bffffffffffffffff', 'hex')],
  ])('%s: is none of the service’s', async (_, model, body) => {
    const bench = openSmithy(model, set);
    const result = await bench.call('Get', {}, [{ body }]);
    expect(result.isError).toBe(true);
    expect(textOf(result)).toMatch(/does not fit its model/);
  });

  test('a web page is no answer without members either', async () => {
    const bench = openSmithy(XML, set);
    const page = await bench.call('Nothing', {}, [
      { headers: { 'content-type': 'text/html; charset=utf-8' }, body: '<p>Sign in' },
    ]);
    expect(page.isError).toBe(true);
    const done = await bench.call('Nothing', {}, [{ status: 204 }]);
    expect(done).toEqual({
      content: [{ type: 'text', text: 'Done (HTTP 204 No Content).' }],
      isError: false,
    });
  });

  test('empty elements are empty collections', async () => {
    const bench = openSmithy(XML, set);
    const result = await bench.call('Get', {}, [
      { body: '<GetOutput><name/><items/><entries></entries></GetOutput>' },
    ]);
    expect(result.structuredContent).toEqual({ name: '', items: [], entries: {} });
  });

  test('a wrong checksum is told, those of parts and ranges are none of the body', async () => {
    const model = readFileSync(join(models, 'object-store.json'), 'utf8').replace(
      '"test.objects#GetObject": {',
      '"test.objects#GetObject$unused": {"type":"apply","traits":{}}, "test.objects#GetObject": {',
    );
    const parsed = JSON.parse(model) as { shapes: Record<string, { traits?: Record<string, JsonValue> }> };
    const operation = parsed.shapes['test.objects#GetObject'];
    if (operation?.traits)
      operation.traits['aws.protocols#httpChecksum'] = { responseAlgorithms: ['CRC32', 'SHA256'] };
    const bench = openSmithy(parsed);
    const call = (headers: Record<string, string>) =>
      bench.call('GetObject', { Bucket: 'bucket', Key: 'x' }, [{ headers, body: 'Hello' }]);
    const right = createHash('sha256').update('Hello').digest('base64');
    expect((await call({ 'x-amz-checksum-sha256': right })).isError).toBe(false);
    const wrong = await call({ 'x-amz-checksum-sha256': right.replace(/^./, 'A') });
    expect(textOf(wrong)).toMatch(/does not have the checksum SHA256/);
    expect((await call({ 'x-amz-checksum-crc32': 'AAAAAA==-3' })).isError).toBe(false);
    expect(
      (await call({ 'x-amz-checksum-crc32': 'AAAAAA==', 'content-range': 'bytes 0-4/10' })).isError,
    ).toBe(false);
  });

  test('numbers that cost more than their digits do not', async () => {
    const model = idl(
      '@awsJson1_0 service S { version: "1", operations: [Get] }',
      'operation Get { output := { big: BigInteger, exact: BigDecimal, any: Document, whole: Long } }',
    );
    const bench = openSmithy(model, set);
    for (const body of [
      '{"big":1e999999999}',
      '{"exact":1e999999999}',
      '{"any":1e999999999,"exact":1}',
      '{"whole":1e999999999}',
    ]) {
      const started = process.cpuUsage();
      await bench.call('Get', {}, [{ body }]);
      expect(process.cpuUsage(started).user).toBeLessThan(2_000_000);
    }
    const fine = await bench.call('Get', {}, [
      {
        body: '{"big":123456789012345678901234567890,"exact":0.1000000000000000000001,"any":{"id":12345678901234567890},"whole":-9223372036854775808}',
      },
    ]);
    expect(stringifyLossless(fine.structuredContent)).toBe(
      '{"big":123456789012345678901234567890,"exact":"0.1000000000000000000001","any":{"id":12345678901234567890},"whole":-9223372036854775808}',
    );
  });

  test('whatever comes back, a call ends with a result', async () => {
    const benches = [XML, QUERY, CBOR].map((model) => openSmithy(model, set));
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.jsonValue().map((value) => JSON.stringify(value)),
      fc
        .array(
          fc.constantFrom(
            '<',
            '>',
            '/',
            'GetOutput',
            'GetResponse',
            'GetResult',
            'name',
            'when',
            '&amp;',
            '&#0;',
            '<![CDATA[',
            ']]>',
            '"',
            '=',
            ' ',
            'x',
          ),
          { maxLength: 20 },
        )
        .map((parts) => parts.join('')),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.nat(2),
        fc.constantFrom(200, 204, 301, 400, 404, 500, 503),
        body,
        async (which, status, bytes) => {
          const result = await benches[which]?.call('Get', {}, [{ status, body: bytes }]);
          expect(typeof result?.isError).toBe('boolean');
          if (status >= 300) expect(result?.isError).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('endpoints', () => {
  const LABELS = idl(
    '@restJson1 @service(sdkId: "Thing", endpointPrefix: "thing") @sigv4(name: "thing") service S { version: "1", operations: [Get] }',
    '@http(method: "GET", uri: "/x") @readonly @endpoint(hostPrefix: "{tenant}.data-") operation Get { input := { @required @hostLabel @httpHeader("X-Tenant") tenant: String } }',
  );

  test('follow region, partition and the settings', async () => {
    for (const [settings, host] of [
      [{}, 'acme.data-thing.us-east-1.amazonaws.com'],
      [{ 'aws-region': 'cn-north-1' }, 'acme.data-thing.cn-north-1.amazonaws.com.cn'],
      [{ 'endpoint-params': 'UseFIPS=true' }, 'acme.data-thing-fips.us-east-1.amazonaws.com'],
      [{ 'endpoint-params': 'UseDualStack=true' }, 'acme.data-thing.us-east-1.api.aws'],
    ] as const) {
      const bench = openSmithy(LABELS, settings);
      await bench.call('Get', { tenant: 'acme' });
      expect(last(bench).url.host).toBe(host);
      expect(last(bench).signing).toEqual({
        service: 'thing',
        region: 'aws-region' in settings ? settings['aws-region'] : 'us-east-1',
      });
    }
  });

  test('lead nowhere but below the host that the operator named', async () => {
    const withPrefix = (prefix: string) =>
      idl(
        '@restJson1 service S { version: "1", operations: [Get] }',
        `@http(method: "GET", uri: "/x") @readonly @endpoint(hostPrefix: "${prefix}") operation Get { input := { @required @hostLabel @httpHeader("X-Tenant") tenant: String } }`,
      );
    const settings = { 'server-url': 'https://thing.example:8443/base' };
    const below = openSmithy(withPrefix('{tenant}.'), settings);
    await below.call('Get', { tenant: 'acme' });
    expect(last(below).url.host).toBe('acme.thing.example:8443');
    for (const prefix of ['{tenant}', '{tenant}.data-']) {
      const beside = openSmithy(withPrefix(prefix), settings);
      await expect(beside.call('Get', { tenant: 'evil' })).rejects.toThrow('not below thing.example');
      expect(beside.sent).toEqual([]);
    }
  });

  test('have no host prefix where there is no domain, and no label that is none', async () => {
    const local = openSmithy(LABELS, { 'server-url': 'http://127.0.0.1:9000' });
    await local.call('Get', { tenant: 'acme' });
    expect(last(local).url.host).toBe('127.0.0.1:9000');
    const bench = openSmithy(LABELS);
    for (const tenant of ['evil.example/', 'a.b', '', '-a', 'a b', 'x'.repeat(64), '169.254.169.254#'])
      await expect(bench.call('Get', { tenant }), tenant).rejects.toThrow(/tenant: must be a label/);
    expect(bench.sent).toEqual([]);
  });

  test('come from the operator’s variables for services of AWS, and only for those', async () => {
    const services = targetServices();
    const aws = {
      region: 'us-east-1',
      endpointOf: (id: string) => new URL(`http://localhost:4566/${id.replaceAll(' ', '')}`),
    };
    const bench = openSmithy(TABLES, {}, { ...services, aws });
    await bench.call('ListTables');
    expect(last(bench).url.href).toBe('http://localhost:4566/DynamoDB/');
    const own = openSmithy(
      idl(
        '@restJson1 service S { version: "1", operations: [Get] }',
        '@http(method: "GET", uri: "/x") @readonly operation Get {}',
      ),
      {},
      { ...services, aws },
    );
    await expect(own.call('Get')).rejects.toThrow(/gatewright:server-url/);
    expect(own.catalogue.report.warnings.join()).toMatch(/does not say where the service is/);
  });

  test('rules that lead away from AWS are not followed', async () => {
    const evil = JSON.parse(TABLES) as { shapes: Record<string, { traits?: Record<string, JsonValue> }> };
    for (const url of [
      'https://evil.example',
      'http://dynamodb.us-east-1.amazonaws.com',
      'https://amazonaws.com.evil.example',
      'https://169.254.169.254',
      'https://localhost:8000',
    ]) {
      const service = evil.shapes['test.tables#TableStore_20120810'];
      if (service?.traits)
        service.traits['smithy.rules#endpointRuleSet'] = {
          version: '1.0',
          parameters: {},
          rules: [{ conditions: [], endpoint: { url, properties: {}, headers: {} }, type: 'endpoint' }],
        };
      const bench = openSmithy(evil);
      await expect(bench.call('ListTables'), url).rejects.toThrow(/no host of AWS/);
      expect(bench.sent).toEqual([]);
    }
  });

  test('are signed as the rules say, where that can be done', async () => {
    const model = JSON.parse(TABLES) as { shapes: Record<string, { traits?: Record<string, JsonValue> }> };
    const service = model.shapes['test.tables#TableStore_20120810'];
    const call = async (authSchemes: JsonValue) => {
      const endpoint = {
        url: 'https://x.us-west-2.amazonaws.com',
        properties: { authSchemes },
        headers: { 'x-rule': ['a', 'b'] },
      };
      if (service?.traits)
        service.traits['smithy.rules#endpointRuleSet'] = {
          version: '1.0',
          parameters: {},
          rules: [{ conditions: [], endpoint, type: 'endpoint' }],
        };
      const bench = openSmithy(model);
      await bench.call('ListTables');
      return last(bench);
    };
    expect(
      (
        await call([
          { name: 'sigv4a', signingRegionSet: ['*'] },
          { name: 'sigv4', signingName: 'other', signingRegion: 'us-west-2', disableDoubleEncoding: true },
        ])
      ).signing,
    ).toEqual({
      service: 'other',
      region: 'us-west-2',
      isPathEncodedOnce: true,
    });
    const bearer = await call([{ name: 'bearer' }]);
    expect(bearer.signing).toEqual({ service: 'dynamodb', region: 'us-east-1' });
    expect(bearer.headers['x-rule']).toBe('a, b');
    await expect(call([{ name: 'sigv4a', signingRegionSet: ['*'] }])).rejects.toThrow(
      /signed in a way that is not available/,
    );
  });

  test('headers that propagation allows never reach AWS’s own', async () => {
    const services = targetServices({
      propagation: { requestHeaders: ['x-amz-target', 'x-trace'], responseHeaders: [], queryParameters: [] },
    });
    const bench = openSmithy(TABLES, {}, services);
    await bench.call('ListTables', {}, [], {
      inboundHeaders: { 'x-amz-target': 'Evil.Delete', 'x-trace': 't' },
    });
    expect(last(bench).headers).toMatchObject({
      'x-amz-target': 'TableStore_20120810.ListTables',
      'x-trace': 't',
    });
  });
});

describe('requests', () => {
  test('of the same moment do not mix', async () => {
    for (const model of [TABLES, OBJECTS]) {
      const bench = openSmithy(model);
      const names = Array.from({ length: 60 }, (_, index) => `name-${index}`);
      await Promise.all(
        names.map((name) =>
          model === TABLES
            ? bench.call('GetItem', { TableName: name, Key: { id: { S: name.repeat(200) } } })
            : bench.call('PutObject', { Bucket: 'bucket', Key: name, Body: { text: name } }),
        ),
      );
      const bodies = bench.sent.map(({ body = '' }) => Buffer.from(body).toString('utf8'));
      for (const [index, name] of names.entries())
        expect(bodies[index]).toBe(
          model === TABLES ? JSON.stringify({ TableName: name, Key: { id: { S: name.repeat(200) } } }) : name,
        );
    }
  });

  test('carry nested defaults, but not those of AWS’s own models', async () => {
    const model = (namespace: string): string =>
      `$version: "2.0"\nnamespace ${namespace}\nuse aws.protocols#restJson1\n@restJson1 service S { version: "1", operations: [Set] }\n@http(method: "POST", uri: "/x") operation Set { input := { top: Integer = 1, inner: Inner } }\nstructure Inner { ttl: Integer = 0, mode: String = "fast", @clientOptional left: Integer = 3 }`;
    const settings = { 'server-url': 'https://a.example' };
    for (const [namespace, body] of [
      ['example', '{"inner":{"ttl":0,"mode":"fast"}}'],
      ['com.amazonaws.example', '{"inner":{}}'],
    ] as const) {
      const bench = openSmithy(model(namespace), settings);
      await bench.call('Set', { inner: {} });
      expect(Buffer.from(last(bench).body ?? '').toString('utf8')).toBe(body);
    }
  });
});

describe('parts', () => {
  test('checksums are those of their specifications', () => {
    const bytes = Buffer.from('123456789');
    expect(crc32c(bytes)).toBe(0xe3069283);
    expect(crc64nvme(bytes)).toBe(0xae8b14860a799888n);
  });

  test('times come back as they were told', () => {
    fc.assert(
      fc.property(
        fc.date({
          min: new Date('0001-01-01T00:00:00Z'),
          max: new Date('9999-12-31T23:59:59Z'),
          noInvalidDate: true,
        }),
        (time) => {
          expect(parseTimestamp(renderTimestamp(time))).toEqual(time);
          expect(parseTimestamp(time.getTime() / 1000)).toEqual(time);
        },
      ),
    );
    expect(parseTimestamp('2024-02-29T12:30:00+02:00')).toEqual(new Date('2024-02-29T10:30:00Z'));
    expect(parseTimestamp('2024-02-29T12:30:00')).toEqual(new Date('2024-02-29T12:30:00Z'));
    expect(parseTimestamp('Thu, 29 Feb 2024 12:30:00 GMT')).toEqual(new Date('2024-02-29T12:30:00Z'));
    for (const text of ['', 'tomorrow', '2024-13-01', '12:30', 'NaN', '1e99', true, null, {}])
      expect(parseTimestamp(text), String(text)).toBeUndefined();
  });

  test('values that no header can carry are refused', async () => {
    const bench = openSmithy(OBJECTS);
    for (const Range of ['a\r\nX-Evil: 1', 'a\u0000', '☃']) {
      const args: JsonObject = { Bucket: 'bucket', Key: 'x', Range };
      await expect(bench.call('GetObject', args)).rejects.toThrow(/header field range cannot be sent/);
    }
    await expect(
      bench.call('PutObject', { Bucket: 'bucket', Key: 'x', Metadata: { 'a\nb': 'c' } }),
    ).rejects.toThrow(/cannot be sent/);
  });
});

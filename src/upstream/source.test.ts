import { describe, expect, it } from 'vitest';
import type { OutboundRequest } from '../core/outbound.ts';
import { createSourceReader } from './source.ts';

function reader() {
  const sent: OutboundRequest[] = [];
  const read = createSourceReader({
    egress: {
      request(request) {
        sent.push(request);
        return Promise.resolve({ status: 200, headers: {}, body: Buffer.from('{}') });
      },
    },
    maxBytes: 1000,
    region: 'us-east-1',
    awsCredentials: () =>
      Promise.resolve({ accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret', sessionToken: 'token' }),
  });
  return { sent, read: (uri: string) => read(uri, AbortSignal.timeout(5000)) };
}

describe('S3 addresses', () => {
  it.each([
    's3://evil。example?/key',
    's3://evil。example#/key',
    's3://localhost:8443?/key',
    's3://user@evil。example?/key',
    's3://evil\\x/key',
    's3://evil%2ecom%3f/key',
    's3://[::1]/key',
    's3://bucket/../other/key',
    's3://bucket/a/./key',
  ])('%s is refused, and nothing signed leaves', async (uri) => {
    const { sent, read } = reader();
    await expect(read(uri)).rejects.toMatchObject({ code: 'Validation' });
    expect(sent).toEqual([]);
  });

  it('lead to S3 and nowhere else', async () => {
    const { sent, read } = reader();
    await read('s3://my-bucket/folder/api v1?#.json');
    await read('s3://my.bucket/key');
    expect(sent.map(({ url }) => url.href)).toEqual([
      'https://my-bucket.s3.us-east-1.amazonaws.com/folder/api%20v1%3F%23.json',
      'https://s3.us-east-1.amazonaws.com/my.bucket/key',
    ]);
  });
});

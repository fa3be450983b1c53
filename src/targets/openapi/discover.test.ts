// Discovery end to end: a real process of its own, plain documents.

import { describe, expect, test } from 'vitest';
import type { DiscoverContext } from '../target-type.ts';
import { importApart } from '../import-apart.ts';
import { discoverOpenApi } from './discover.ts';

const document = JSON.stringify({
  openapi: '3.0.3',
  info: { title: 'Pets', version: '1' },
  servers: [{ url: '/v1' }],
  paths: { '/pets/{id}': { get: { operationId: 'getPet', responses: {} } } },
});

function context(text = ''): DiscoverContext {
  const silent = (): void => undefined;
  return {
    settings: {},
    readSource: () => Promise.resolve(text),
    openServices: () => Promise.reject(new Error('nothing is asked of the target itself')),
    signal: new AbortController().signal,
    log: { error: silent, warn: silent, info: silent, debug: silent },
  };
}

describe('discoverOpenApi', () => {
  test('imports an inline document', async () => {
    const catalogue = await discoverOpenApi({ inlinePayload: document }, context());
    expect(catalogue.entries.map((entry) => entry.name)).toEqual(['getPet']);
    expect(catalogue.report.source).toBe('inline');
  });

  test('reads a document by its address, which relative servers start from', async () => {
    const catalogue = await discoverOpenApi(
      { s3: { uri: 'https://api.example.com/docs/openapi.json' } },
      context(document),
    );
    expect(JSON.parse(catalogue.entries[0]?.plan ?? '')).toMatchObject({
      server: 'https://api.example.com/v1',
    });
  });

  test('errors cross the processes with their code and message', async () => {
    await expect(discoverOpenApi({ inlinePayload: 'a: [1\nb: }' }, context())).rejects.toMatchObject({
      code: 'Validation',
      message: expect.stringMatching(/line \d+, column \d+/) as string,
    });
  });

  test('a configuration without a document is refused', async () => {
    await expect(discoverOpenApi({}, context())).rejects.toMatchObject({ code: 'Validation' });
  });
});

describe('importApart', () => {
  const job = { text: document, options: { location: 'inline', settings: {} } };

  test('ends when the time is over', async () => {
    const { signal } = new AbortController();
    await expect(
      importApart(import.meta.url, job, signal, { timeMs: 1, memoryMb: 64 }),
    ).rejects.toMatchObject({
      code: 'Validation',
      message: expect.stringContaining('longer than') as string,
    });
  });

  test('ends when the caller goes away', async () => {
    const controller = new AbortController();
    const running = importApart(import.meta.url, job, controller.signal);
    controller.abort(new Error('gone'));
    await expect(running).rejects.toThrow('gone');
  });

  test('running out of memory is a plain refusal', async () => {
    const large = { ...job, text: `{"openapi":"3.0.0","x":[${'{"a":[1,2,3]},'.repeat(600_000)}1]}` };
    await expect(
      importApart(import.meta.url, large, new AbortController().signal, { timeMs: 30_000, memoryMb: 16 }),
    ).rejects.toMatchObject({ code: 'Validation' });
  });
});

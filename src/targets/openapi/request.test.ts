// Requests from plans: no argument can leave its place in the path, the query, a header or a body.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { GatewayError } from '../../core/errors.ts';
import type { JsonValue } from '../../core/json.ts';
import type { BodyPlan, OperationPlan, ParameterPlan } from './plan.ts';
import { prepareRequest } from './request.ts';

const base: OperationPlan = { method: 'POST', server: 'https://api.example/v1', path: '/x', parameters: [] };

function parameter(over: Partial<ParameterPlan> & { name: string }): ParameterPlan {
  const place = over.in ?? 'query';
  const style = place === 'path' || place === 'header' ? 'simple' : 'form';
  return { argument: over.name, in: place, style, explode: style === 'form', ...over };
}

function attempt<T>(make: () => T): T | GatewayError {
  try {
    return make();
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'Validation') return error;
    throw error;
  }
}

const evil = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({
    unit: fc.constantFrom(
      '.',
      '/',
      '\\',
      '%',
      '2',
      'e',
      'E',
      'f',
      'F',
      '5',
      'c',
      ';',
      '?',
      '#',
      '&',
      '=',
      '+',
      '\n',
      ' ',
      'a',
    ),
    maxLength: 10,
  }),
  fc.constantFrom(
    '..',
    '.',
    '%2e%2e',
    '%252e%252e',
    '../x',
    '..\\x',
    'a/..',
    '..;/x',
    '%2f..',
    '\ud800',
    '',
    '//evil.example',
  ),
);

describe('path', () => {
  const build = prepareRequest({
    ...base,
    path: '/users/{id}/orders/{order}.json',
    parameters: [parameter({ name: 'id', in: 'path' }), parameter({ name: 'order', in: 'path' })],
  });

  it('keeps the segments of the template for 50,000 values', () => {
    let sent = 0;
    fc.assert(
      fc.property(evil, evil, (id, order) => {
        const request = attempt(() => build({ id, order }));
        if (request instanceof GatewayError) return;
        sent += 1;
        const segments = new URL(request.url.href).pathname.split('/');
        expect(segments.length).toBe(6);
        expect([segments[0], segments[1], segments[2], segments[4]]).toEqual(['', 'v1', 'users', 'orders']);
        expect(decodeURIComponent(segments[3] ?? '')).toBe(id);
        expect(decodeURIComponent(segments[5] ?? '')).toBe(`${order}.json`);
        expect(request.url.origin + request.url.search + request.url.hash).toBe('https://api.example');
      }),
      { numRuns: 50_000 },
    );
    expect(sent).toBeGreaterThan(5_000);
  });

  it.each([
    '',
    '.',
    '..',
    '../x',
    'a/../b',
    '..\\b',
    '%2e%2e',
    '%252e%252e',
    'x%2fy',
    '%5C',
    'a\nb',
    'a\u0000',
    '\ud800',
    '..;x=1/b',
  ])('refuses %j and names the argument', (id) => {
    expect(() => build({ id, order: '1' })).toThrow(
      expect.objectContaining({
        code: 'Validation',
        message: expect.stringContaining('id: ') as string,
      }) as Error,
    );
  });

  it('encodes a slash, unless the template takes several segments', () => {
    expect(build({ id: 'a/b', order: 'c d' }).url.href).toBe(
      'https://api.example/v1/users/a%2Fb/orders/c%20d.json',
    );
    const open = prepareRequest({
      ...base,
      path: '/files/{+path}',
      parameters: [parameter({ name: 'path', in: 'path', multiSegment: true })],
    });
    expect(open({ path: 'a/b c' }).url.pathname).toBe('/v1/files/a/b%20c');
    expect(() => open({ path: 'a/../b' })).toThrow(/path: /);
    expect(open({ path: '/evil.example' }).url.host).toBe('api.example');
  });

  it('names a missing server and a missing argument', () => {
    expect(() => prepareRequest({ ...base, server: '' })).toThrow(/gatewright:server-url/);
    expect(() => build({ id: 'a' })).toThrow(/order: is required/);
  });
});

describe('query', () => {
  const scalar = fc.oneof(
    evil,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
  );
  const value = fc.oneof(
    scalar,
    fc.array(scalar, { maxLength: 3 }),
    fc.dictionary(evil, scalar, { maxKeys: 3 }),
  );

  it('sends the fixed pairs and the names of the plan only', () => {
    const styles = fc.constantFrom('form', 'spaceDelimited', 'pipeDelimited', 'tabDelimited');
    fc.assert(
      fc.property(
        styles,
        fc.boolean(),
        fc.boolean(),
        value,
        scalar,
        (style, explode, allowReserved, first, second) => {
          const isExploded = explode && typeof first === 'object' && first !== null && !Array.isArray(first);
          const build = prepareRequest({
            ...base,
            query: [['action', 'list']],
            parameters: [
              parameter({ name: 'a&b', style, explode, allowReserved }),
              parameter({ name: 'c', allowReserved }),
            ],
          });
          const request = attempt(() => build({ 'a&b': first, c: second }));
          if (request instanceof GatewayError) return;
          const names = [...new URL(request.url.href).searchParams.keys()];
          expect(request.url.hash).toBe('');
          expect(names.filter((name) => name === 'action')).toHaveLength(1);
          expect(names.filter((name) => name === 'c')).toHaveLength(1);
          const allowed = new Set(['action', 'a&b', 'c', ...(isExploded ? Object.keys(first) : [])]);
          expect(names.filter((name) => !allowed.has(name))).toEqual([]);
          if (!allowReserved && second !== null)
            expect(request.url.searchParams.get('c')).toBe(String(second));
        },
      ),
      { numRuns: 20_000 },
    );
  });

  it('refuses an exploded object that speaks for another parameter', () => {
    const build = prepareRequest({
      ...base,
      query: [['action', 'list']],
      parameters: [parameter({ name: 'filter' }), parameter({ name: 'c' })],
    });
    expect(() => build({ filter: { action: 'delete' } })).toThrow(/filter: must not have a member action/);
    expect(() => build({ filter: { c: 1 } })).toThrow(/filter: must not have a member c/);
    expect(build({ filter: { other: 1, gone: null } }).url.search).toBe('?action=list&other=1');
  });

  it('leaves out what is not given and minds what is required', () => {
    const build = prepareRequest({
      ...base,
      parameters: [parameter({ name: 'a', required: true }), parameter({ name: 'b' })],
    });
    expect(build({ a: false }).url.search).toBe('?a=false');
    expect(() => build({})).toThrow(/a: is required/);
  });
});

describe('headers and cookies', () => {
  it.each(['a\r\nb', 'a\nb', 'a\u0000', '→'])('refuses %j', (given) => {
    const build = prepareRequest({
      ...base,
      parameters: [parameter({ name: 'X-Given', argument: 'given', in: 'header' })],
    });
    expect(() => build({ given })).toThrow(/given: /);
  });

  it('never lets an argument frame the message', () => {
    const names = ['Host', 'Content-Length', 'Transfer-Encoding', 'bad name'];
    const build = prepareRequest({
      ...base,
      parameters: names.map((name) => parameter({ name, in: 'header' })),
    });
    expect(
      build({ Host: 'evil', 'Content-Length': '0', 'Transfer-Encoding': 'chunked', 'bad name': 'x' }).headers,
    ).toEqual({ 'user-agent': 'gatewright' });
  });

  it('joins cookies and keeps a value inside its pair', () => {
    const build = prepareRequest({
      ...base,
      parameters: [
        parameter({ name: 'a', in: 'cookie' }),
        parameter({ name: 'b', in: 'cookie', style: 'cookie', explode: true }),
      ],
    });
    expect(build({ a: 'x; b=1', b: 'y' }).headers['cookie']).toBe('a=x%3B%20b%3D1; b=y');
    expect(() => build({ b: 'y; c=1' })).toThrow(/b: /);
  });
});

describe('bodies', () => {
  const send = (body: BodyPlan, args: Record<string, JsonValue>) => {
    const request = prepareRequest({ ...base, body })(args);
    const content = request.body;
    return [
      request.headers['content-type'],
      content instanceof Uint8Array ? Buffer.from(content).toString('latin1') : content,
    ];
  };
  const json = { kind: 'json', contentType: 'application/json', required: true } as const;
  const form = {
    kind: 'form',
    contentType: 'application/x-www-form-urlencoded',
    required: true,
    argument: 'body',
  } as const;

  it('writes JSON from one argument or from properties', () => {
    expect(send({ ...json, argument: 'body' }, { body: [1, null] })).toEqual([
      'application/json',
      '[1,null]',
    ]);
    const properties = [
      ['a', 'A b'],
      ['proto', '__proto__'],
      ['c', 'c'],
    ] as const;
    expect(send({ ...json, properties }, { a: 'x', proto: { y: 1 } })[1]).toBe(
      '{"A b":"x","__proto__":{"y":1}}',
    );
    expect(send({ ...json, properties }, {})[1]).toBe('{}');
    expect(send({ ...json, required: false, properties }, {})).toEqual([undefined, undefined]);
    expect(() => send({ ...json, argument: 'body' }, {})).toThrow(/body: is required/);
  });

  it('writes forms', () => {
    const body = { a: 'x y&z=1', list: [1, 2], deep: { b: { c: true } }, none: null };
    expect(send(form, { body })[1]).toBe(
      'a=x%20y%26z%3D1&list=1&list=2&deep=%7B%22b%22%3A%7B%22c%22%3Atrue%7D%7D&none=',
    );
    const encoding = {
      deep: { style: 'deepObject', explode: true },
      list: { style: 'form', explode: false },
    } as const;
    expect(send({ ...form, encoding }, { body: { deep: { b: { c: [1, 2] } }, list: [1, 2] } })[1]).toBe(
      'deep%5Bb%5D%5Bc%5D%5B%5D=1&deep%5Bb%5D%5Bc%5D%5B%5D=2&list=1,2',
    );
  });

  it('writes multipart with files, quoted safely', async () => {
    const plan: BodyPlan = {
      kind: 'multipart',
      contentType: 'multipart/form-data',
      required: true,
      argument: 'body',
      encoding: { file: { file: true, contentType: 'image/png, image/jpeg' }, files: { files: true } },
    };
    const request = prepareRequest({ ...base, body: plan })({
      body: {
        'na"me\r\n': 'plain',
        tags: ['a', 'b'],
        meta: { k: 1 },
        file: 'aGk=',
        files: [{ data: 'data:text/csv;base64,YSxi', filename: 'x"\r\ny.csv' }, 'AAE='],
      },
    });
    const parsed = await new Response(Buffer.from(request.body as Uint8Array), {
      headers: { 'content-type': request.headers['content-type'] ?? '' },
    }).formData();
    expect([...parsed.keys()]).toEqual(['na"me\r\n', 'tags', 'tags', 'meta', 'file', 'files', 'files']);
    const [csv, bytes] = parsed.getAll('files') as File[];
    expect([csv?.name, csv?.type, await csv?.text()]).toEqual(['x"\r\ny.csv', 'text/csv', 'a,b']);
    expect([...new Uint8Array((await bytes?.arrayBuffer()) ?? new ArrayBuffer(0))]).toEqual([0, 1]);
    const file = parsed.get('file') as File;
    expect([file.type, await file.text()]).toEqual(['image/png', 'hi']);
    expect(Buffer.from(request.body as Uint8Array).toString()).toContain(
      'Content-Type: application/json\r\n\r\n{"k":1}',
    );
    expect(() => prepareRequest({ ...base, body: plan })({ body: { file: 'not base64!' } })).toThrow(
      /body\.file: /,
    );
    expect(() =>
      prepareRequest({ ...base, body: plan })({ body: { file: { data: '', contentType: 'a/b\r\nX: y' } } }),
    ).toThrow(/contentType/);
  });

  it('writes styled properties of multipart as one part or several', () => {
    const encoding = {
      list: { style: 'pipeDelimited', explode: false },
      deep: { style: 'deepObject' },
    } as const;
    const plan: BodyPlan = { ...form, kind: 'multipart', contentType: 'multipart/form-data', encoding };
    const [, content = ''] = send(plan, { body: { list: ['a', 'b'], deep: { k: 1 } } });
    expect(content).toContain('name="list"\r\n\r\na|b\r\n');
    expect(content).toContain('name="deep[k]"\r\n\r\n1\r\n');
  });

  it('writes text and bytes', () => {
    expect(send({ ...form, kind: 'text', contentType: 'text/plain' }, { body: 'ü' })).toEqual([
      'text/plain',
      'ü',
    ]);
    expect(send({ ...form, kind: 'text', contentType: 'text/plain' }, { body: { a: 1 } })[1]).toBe('{"a":1}');
    const binary = { ...form, kind: 'binary', contentType: '*/*' } as const;
    expect(send(binary, { body: 'AP8=' })).toEqual(['application/octet-stream', '\u0000ÿ']);
    expect(send(binary, { body: 'data:image/png;base64,AP8=' })[0]).toBe('image/png');
    expect(send(binary, { body: 'data:,a%20b' })[1]).toBe('a b');
    for (const body of ['A', 'AA', '%%%%', 'A===', 'AP8'])
      expect(() => send(binary, { body })).toThrow(/body: must be base64/);
  });
});

describe('names and media types of strangers', () => {
  it('leaves out parameters that are named as members of every object and not given', () => {
    const names = ['constructor', 'toString', 'valueOf', 'hasOwnProperty', '__proto__'];
    const parameters = names.map((name, at) => parameter({ name, in: at % 2 === 0 ? 'query' : 'header' }));
    const { url, headers } = prepareRequest({ ...base, parameters })({});
    expect([url.href, headers]).toEqual(['https://api.example/v1/x', { 'user-agent': 'gatewright' }]);
    const given = prepareRequest({ ...base, parameters })(JSON.parse('{"constructor":"a","__proto__":"b"}'));
    expect(given.url.search).toBe('?constructor=a&__proto__=b');
  });

  it('takes no line breaks in the media type of a file', () => {
    const body: BodyPlan = {
      kind: 'multipart',
      contentType: 'multipart/form-data',
      required: true,
      argument: 'body',
      encoding: { f: { file: true } },
    };
    for (const contentType of ['image/png;\r\n\r\na=b', 'image/png\r\n ;a=b', 'image/png;a="\u2028"'])
      expect(() => prepareRequest({ ...base, body })({ body: { f: { data: '', contentType } } })).toThrow(
        /contentType/,
      );
  });
});

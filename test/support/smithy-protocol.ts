// Smithy's HTTP protocol compliance tests (smithy.test#httpRequestTests, #httpResponseTests), run against the tools that
// a gateway serves. Gives what differs as texts, none when a case passes.

import { isJsonObject, type JsonObject, type JsonValue } from '../../src/core/json.ts';
import type { OutboundRequest } from '../../src/core/outbound.ts';
import type { ToolResult } from '../../src/core/tool.ts';
import { compileSchema } from '../../src/lib/json-schema/compile.ts';
import { parseLossless } from '../../src/lib/lossless-json.ts';
import { isDeepStrictEqual } from 'node:util';
import { sampleArguments } from './sample-arguments.ts';
import { readBody } from './smithy-bodies.ts';
import { toToolJson, type Ast } from './smithy-values.ts';
import { openSmithy, type SmithyBench } from './smithy.ts';

export interface ProtocolCase {
  readonly kind: 'request' | 'response' | 'malformedRequest';
  readonly id: string;
  readonly appliesTo?: 'client' | 'server';
  readonly service: string;
  readonly model: string;
  readonly protocol: string;
  readonly operation?: string;
  readonly operations?: readonly string[];
  readonly input?: string;
  readonly output?: string;
  readonly errorShape?: string;
  readonly params?: JsonObject;
  readonly vendorParams?: JsonObject;
  readonly method?: string;
  readonly uri?: string;
  readonly host?: string;
  readonly resolvedHost?: string;
  readonly queryParams?: readonly string[];
  readonly forbidQueryParams?: readonly string[];
  readonly requireQueryParams?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly requireHeaders?: readonly string[];
  readonly forbidHeaders?: readonly string[];
  readonly body?: string;
  readonly bodyMediaType?: string;
  readonly code?: number;
  /** Of malformed requests. */
  readonly request?: { readonly body?: string };
}

const DEFAULT_HOST = 'service.example.com';
const PAYLOAD_METHODS = new Set(['PUT', 'POST', 'PATCH', 'QUERY', 'PROPFIND', 'PROPPATCH']);
const benches = new Map<string, SmithyBench>();

/** What differs from the case; `ast` is its model. */
export async function runProtocolCase(each: ProtocolCase, ast: Ast): Promise<readonly string[]> {
  const bench = benchFor(each, ast);
  // Errors may be those of several operations; any of them will do.
  const names = [each.operation, ...(each.operations ?? [])].map((id) => id?.split('#')[1]);
  const entry = bench.catalogue.entries.find(({ name }) => names.includes(name));
  if (entry === undefined) return [`there is no tool ${names.join(', ')}`];
  const tool = entry.name;
  return each.kind === 'request'
    ? runRequest(each, ast, bench, tool, entry.definition)
    : runResponse(each, ast, bench, tool, entry.definition);
}

/** Whether the arguments that a malformed request has in its body would be sent; undefined where it has none. */
export async function acceptsMalformed(each: ProtocolCase, ast: Ast): Promise<boolean | undefined> {
  const args = parseObject(each.request?.body);
  if (args === undefined) return undefined;
  const bench = benchFor(each, ast);
  const tool = each.operation?.split('#')[1] ?? '';
  const { definition = '{}' } = bench.catalogue.entries.find(({ name }) => name === tool) ?? {};
  const { inputSchema } = JSON.parse(definition) as { inputSchema?: JsonObject };
  if (compileSchema(inputSchema)(args).length > 0) return false;
  return bench.call(tool, args).then(
    () => true,
    () => false,
  );
}

function parseObject(text: string | undefined): JsonObject | undefined {
  try {
    const value: unknown = parseLossless(text ?? '');
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function benchFor(each: ProtocolCase, ast: Ast): SmithyBench {
  const settings = settingsFor(each);
  const key = JSON.stringify([each.model, settings]);
  const bench = benches.get(key) ?? openSmithy(ast, settings);
  benches.set(key, bench);
  bench.sent.length = 0;
  return bench;
}

/** The client's configuration as the target's settings. */
function settingsFor({ service, protocol, host, vendorParams }: ProtocolCase): Record<string, string> {
  const base = { service, protocol: protocol.split('#')[1] ?? '' };
  const scoped = vendorParams?.['scopedConfig'];
  if (!isJsonObject(scoped)) return { ...base, 'server-url': `https://${host ?? DEFAULT_HOST}` };
  const client = (scoped['client'] ?? {}) as JsonObject;
  const s3 = {
    ...(client['s3'] as JsonObject),
    ...((scoped['operation'] as JsonObject | undefined)?.['s3'] as JsonObject),
  };
  const parameters = [
    ...(s3['addressing_style'] === 'path' ? ['ForcePathStyle=true'] : []),
    ...(s3['use_dualstack_endpoint'] === true ? ['UseDualStack=true'] : []),
    ...(s3['use_accelerate_endpoint'] === true ? ['Accelerate=true'] : []),
    ...(s3['use_fips_endpoint'] === true ? ['UseFIPS=true'] : []),
  ];
  return {
    ...base,
    ...(typeof client['region'] === 'string' ? { 'aws-region': client['region'] } : {}),
    ...(parameters.length === 0 ? {} : { 'endpoint-params': parameters.join(' ') }),
  };
}

async function runRequest(
  each: ProtocolCase,
  ast: Ast,
  bench: SmithyBench,
  tool: string,
  definition: string,
): Promise<string[]> {
  const args = toToolJson(ast, each.input ?? '', paramsOf(each)) as JsonObject;
  const { inputSchema } = JSON.parse(definition) as { inputSchema: JsonObject };
  const [refused] = compileSchema(inputSchema)(args);
  if (refused !== undefined) return [`the schema refuses ${refused.path}: ${refused.message}`];
  try {
    await bench.call(tool, args);
  } catch (thrown) {
    if (bench.sent.length === 0) return [`no request was made: ${String(thrown)}`];
  }
  const [request] = bench.sent;
  return request === undefined ? ['no request was made'] : compareRequest(each, request);
}

function compareRequest(each: ProtocolCase, request: OutboundRequest): string[] {
  const faults: string[] = [];
  const differ = (what: string, wanted: unknown, found: unknown): void => {
    faults.push(`${what}: wanted ${JSON.stringify(wanted)}, found ${JSON.stringify(found)}`);
  };
  const body = bytesOf(request.body);
  const headers = asSent(request, body);
  if (request.method !== each.method) differ('method', each.method, request.method);
  const path = request.path ?? request.url.pathname;
  if (each.uri !== undefined && path !== each.uri) differ('uri', each.uri, path);
  const host =
    each.resolvedHost ?? (each.vendorParams?.['scopedConfig'] ? undefined : each.host?.split('/')[0]);
  if (host !== undefined && request.url.host !== host) differ('host', host, request.url.host);
  const pairs = request.url.search
    .slice(1)
    .split('&')
    .filter((pair) => pair !== '');
  for (const name of new Set((each.queryParams ?? []).map(keyOf))) {
    const wanted = (each.queryParams ?? []).filter((pair) => keyOf(pair) === name);
    const found = pairs.filter((pair) => keyOf(pair) === name);
    if (!isDeepStrictEqual(wanted, found)) differ(`query ${name}`, wanted, found);
  }
  for (const name of each.forbidQueryParams ?? [])
    if (pairs.some((pair) => keyOf(pair) === name)) differ(`query ${name}`, undefined, pairs);
  for (const name of each.requireQueryParams ?? [])
    if (!pairs.some((pair) => keyOf(pair) === name)) differ(`query ${name}`, 'some value', pairs);
  for (const [name, value] of Object.entries(each.headers ?? {}))
    if (headers[name.toLowerCase()] !== value) differ(`header ${name}`, value, headers[name.toLowerCase()]);
  for (const name of each.requireHeaders ?? [])
    if (headers[name.toLowerCase()] === undefined) differ(`header ${name}`, 'some value', undefined);
  for (const name of each.forbidHeaders ?? [])
    if (headers[name.toLowerCase()] !== undefined)
      differ(`header ${name}`, undefined, headers[name.toLowerCase()]);
  if (each.body !== undefined) {
    const isBinary = each.bodyMediaType === 'application/cbor';
    const expected = Buffer.from(each.body, isBinary ? 'base64' : 'utf8');
    const wanted = readBody(expected, each.bodyMediaType);
    const found = readBody(body, each.bodyMediaType);
    if (!isDeepStrictEqual(wanted, found)) differ('body', wanted, found);
  }
  return faults;
}

/** The fields as they leave: the length of the body is the HTTP client's to write. */
function asSent(request: OutboundRequest, body: Uint8Array): Record<string, string> {
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  if (body.length > 0 || PAYLOAD_METHODS.has(request.method))
    headers['content-length'] ??= String(body.length);
  return headers;
}

async function runResponse(
  each: ProtocolCase,
  ast: Ast,
  bench: SmithyBench,
  tool: string,
  definition: string,
): Promise<string[]> {
  const { inputSchema } = JSON.parse(definition) as { inputSchema: JsonObject };
  const isBinary = each.bodyMediaType === 'application/cbor';
  const result = await bench.call(tool, sampleArguments(inputSchema, 'none'), [
    {
      status: each.code ?? 200,
      headers: Object.fromEntries(
        Object.entries(each.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
      ),
      body: Buffer.from(each.body ?? '', isBinary ? 'base64' : 'utf8'),
    },
  ]);
  return each.errorShape === undefined ? compareOutput(each, ast, result) : compareError(each, ast, result);
}

function compareOutput(each: ProtocolCase, ast: Ast, result: ToolResult): string[] {
  if (result.isError) return [`it is an error: ${JSON.stringify(result.content)}`];
  const wanted = plain(toToolJson(ast, each.output ?? '', paramsOf(each)));
  const found = plain(result.structuredContent ?? {});
  return isDeepStrictEqual(wanted, found) ? [] : [`output: wanted ${show(wanted)}, found ${show(found)}`];
}

function compareError(each: ProtocolCase, ast: Ast, result: ToolResult): string[] {
  if (!result.isError) return ['it is no error'];
  const [, block] = result.content;
  const details = plain(parseLossless(block?.type === 'text' ? block.text : '{}')) as JsonObject;
  const faults: string[] = [];
  const name = each.errorShape?.split('#')[1];
  if (details['error'] !== name) faults.push(`error: wanted ${name}, found ${show(details['error'])}`);
  const wanted = plain(toToolJson(ast, each.errorShape ?? '', paramsOf(each)));
  if (!isDeepStrictEqual(wanted, details['members']))
    faults.push(`members: wanted ${show(wanted)}, found ${show(details['members'])}`);
  const { code, type } = each.vendorParams ?? {};
  if (code !== undefined && details['code'] !== code)
    faults.push(`code: wanted ${show(code)}, found ${show(details['code'])}`);
  if (type !== undefined && details['fault'] !== type)
    faults.push(`fault: wanted ${show(type)}, found ${show(details['fault'])}`);
  return faults;
}

/**
 * The parameters with all their digits: the collection was written with doubles, and decimals that are longer stand in
 * full in the body only. Such a number is taken from there, as tools take it, in a string.
 */
function paramsOf({ params = {}, body = '' }: ProtocolCase): JsonObject {
  const exact = (body.match(/-?\d+\.\d+/g) ?? []).filter((text) => text.replaceAll(/\D/g, '').length > 17);
  const restore = (value: JsonValue): JsonValue => {
    if (typeof value === 'number') return exact.find((text) => Number(text) === value) ?? value;
    if (Array.isArray(value)) return (value as JsonValue[]).map(restore);
    if (!isJsonObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, restore(item ?? null)]));
  };
  return exact.length === 0 ? params : (restore(params) as JsonObject);
}

/** Free of prototypes, and with one form for each number. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint')
    return Number.isSafeInteger(Number(value)) ? Number(value) : `integer ${value}`;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

const show = (value: unknown): string => JSON.stringify(value) ?? 'undefined';
const keyOf = (pair: string): string => pair.split('=')[0] ?? '';

function bytesOf(body: string | Uint8Array | undefined): Uint8Array {
  return typeof body === 'string' ? Buffer.from(body, 'utf8') : (body ?? new Uint8Array());
}

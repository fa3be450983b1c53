// Invocation proven against something we did not write: tools made of real documents are called with sampled
// arguments, and Prism checks each request against the same document. Fails below 98 % of operations without a
// violation; the known rest is listed here with its reasons.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import type { CallContext } from '../src/core/call.ts';
import { toGatewayError } from '../src/core/errors.ts';
import { isJsonObject, type JsonObject } from '../src/core/json.ts';
import type { OutboundRequest, UpstreamResponse } from '../src/core/outbound.ts';
import { ANONYMOUS } from '../src/core/principal.ts';
import type { CatalogueEntry } from '../src/core/tool.ts';
import { compileSchema } from '../src/lib/json-schema/compile.ts';
import { importOpenApi } from '../src/targets/openapi/import/import.ts';
import { openApiTargetType } from '../src/targets/openapi/index.ts';
import { createEgressClient } from '../src/upstream/client.ts';
import { createEgressGuard, parseAllowRule } from '../src/upstream/guard.ts';
import { startPrism, violationIn } from './support/prism.ts';
import { sampleArguments, type OptionalMembers } from './support/sample-arguments.ts';

const CORPUS = join(import.meta.dirname, '../../shared/corpus/openapi');
const FIXTURES = join(import.meta.dirname, 'fixtures/openapi');
const MAX_OPERATIONS = 25;
const AT_ONCE = 2;

const DOCUMENTS: readonly string[] = [
  'adyen-CheckoutService-v71.json',
  'agentgateway-agentgateway-openapi.json',
  'apisguru-azure.com-appconfiguration.json',
  'apisguru-bbc.co.uk.json',
  'apisguru-circleci.com.json',
  'apisguru-dnd5eapi.co.json',
  'apisguru-ebay.com-buy-browse.json',
  'apisguru-giphy.com.json',
  'apisguru-googleapis.com-drive.json',
  'apisguru-googleapis.com-gmail.json',
  'apisguru-hetzner.cloud.json',
  'apisguru-httpbin.org.json',
  'apisguru-jokes.one.json',
  'apisguru-openfigi.com.json',
  'apisguru-polygon.io.json',
  'apisguru-trello.com.json',
  'awslabs-google-calendar-open-api.json',
  'cloudevents-subscriptions-openapi.yaml',
  'figma-rest-api-spec-openapi.yaml',
  'ideal-postcodes-openapi-openapi.json',
  'makenotion-notion-openapi.json',
  'microsoft-mcp-gateway.openapi.json',
  'mistralai-platform-docs-public-openapi.yaml',
  'moby-moby-swagger.yaml',
  'moov-io-watchman-api.yaml',
  'netlify-open-api-swagger.yml',
  'oai-uber.json',
  'ory-kratos-api.json',
  'paypal-checkout_orders_v2.json',
  'paypal-notifications_webhooks_v1.json',
  'scalar-galaxy-3.1.yaml',
  'stoplightio-petstore.oas2.yaml',
  'supabase-auth-openapi.yaml',
  'twilio-twilio_api_v2010.json.gz',
  'twilio-twilio_messaging_v1.yaml',
  'usememos-memos-openapi.yaml',
  'weaviate-weaviate-schema.json',
  'edge/readmeio__3.0_json_form-data.json',
  'edge/readmeio__3.0_json_file-uploads.json',
  'edge/readmeio__3.0_json_parameters-style.json',
  'edge/readmeio__3.0_json_complex-nesting.json',
];

/** Operations that Prism holds something against, and why that is not the request's fault. They are not counted. */
const EXPLAINED: readonly {
  readonly document: string;
  readonly operation: RegExp;
  readonly reason: string;
}[] = [
  {
    document: 'apisguru-bbc.co.uk.json',
    operation: /^getPopularEpisodesClips$/,
    reason: 'an enum of strings stands on the array itself: no value can satisfy it',
  },
  {
    document: 'apisguru-googleapis.com-drive.json',
    operation: /^drive_files_update$/,
    reason: 'Prism wants a body although it is optional',
  },
  {
    document: 'cloudevents-subscriptions-openapi.yaml',
    operation: /^(?:create|update)Subscription$/,
    reason: 'oneOf whose first branch takes everything: nothing matches exactly one',
  },
  {
    document: 'stoplightio-petstore.oas2.yaml',
    operation: /^(?:placeOrder|createUser|createUsersWith\w+|updateUser)$/,
    reason: 'Swagger 2.0 without `consumes`: Prism then refuses every body',
  },
  {
    document: 'weaviate-weaviate-schema.json',
    operation: /^addPermissions$/,
    reason: '`name` is required in the body but declared nowhere',
  },
  {
    document: 'readmeio__3.0_json_file-uploads.json',
    operation: /^put_anything_multipart-formdata$/,
    reason: 'Prism reads a list of one file as a single value',
  },
  {
    document: 'apisguru-googleapis.com-gmail.json',
    operation: /^gmail_users_messages_send$/,
    reason: 'Prism wants a body although it is optional',
  },
  {
    document: 'ory-kratos-api.json',
    operation: /^update(?:Recovery|Verification)Flow$/,
    reason: 'oneOf with branches that overlap: few values match exactly one',
  },
  {
    document: 'twilio-twilio_messaging_v1.yaml',
    operation: /^CreateUsAppToPerson$/,
    reason: 'Prism reads lists in forms only where an Encoding Object has a style',
  },
  {
    document: 'readmeio__3.0_json_parameters-style.json',
    operation: /^formData_standard$/,
    reason: 'Prism reads no JSON parts in multipart',
  },
  {
    document: 'readmeio__3.0_json_parameters-style.json',
    operation: /^(?:paths_\w+|query_(?:space|pipe)Delimited_nonExploded)$/,
    reason: 'Prism ends with a TypeError in its own deserializer, for curl too',
  },
  {
    document: 'readmeio__3.0_json_parameters-style.json',
    operation: /^form_?[dD]ata_\w+_nonExploded$/,
    reason: 'Prism takes the delimiter of a list for a forbidden character, or ends over it',
  },
  {
    document: 'library-3.0.yaml',
    operation: /^addBook$/,
    reason: 'a required member is readOnly: it is not sent, and Prism asks for it',
  },
];

interface Row {
  readonly document: string;
  calls: number;
  clean: number;
  explained: number;
  /** Refused by the tool itself: the sampled arguments make no request. */
  refused: number;
  note: string;
}

const guard = createEgressGuard([parseAllowRule('127.0.0.0/8')]);
const egress = createEgressClient({ guard });
const scratch = mkdtempSync(join(tmpdir(), 'gatewright-prism-'));
afterAll(async () => {
  await egress.close();
  rmSync(scratch, { recursive: true });
});

const nothing = (): void => undefined;
const context = (): CallContext => ({
  requestId: 'r',
  gatewayId: 'g',
  principal: ANONYMOUS,
  signal: new AbortController().signal,
  deadline: performance.now() + 30_000,
  log: { error: nothing, warn: nothing, info: nothing, debug: nothing },
  inboundHeaders: {},
  inboundQuery: new URLSearchParams(),
});

/**
 * Adds credentials of no worth for every security scheme of the document: some operations want two at once, and
 * what a target's own credential does is tested elsewhere.
 */
function applyCredentials(request: OutboundRequest, schemes: readonly JsonObject[]): OutboundRequest {
  const headers: Record<string, string> = { ...request.headers };
  const url = new URL(request.url);
  for (const scheme of schemes) {
    const { type, name } = scheme;
    if (type !== 'apiKey' || typeof name !== 'string')
      headers['authorization'] ??=
        type === 'basic' || scheme['scheme'] === 'basic' ? 'Basic dTpw' : 'Bearer dTpw';
    else if (scheme['in'] === 'query' && !url.searchParams.has(name))
      url.search += `${url.search === '' ? '?' : '&'}${encodeURIComponent(name)}=dTpw`;
    else if (scheme['in'] === 'query') continue;
    else if (scheme['in'] === 'cookie') headers['cookie'] = `${headers['cookie'] ?? 'a=b'}; ${name}=dTpw`;
    else headers[name.toLowerCase()] = 'dTpw';
  }
  return { ...request, url, headers };
}

function securitySchemesOf(text: string): JsonObject[] {
  const document = parse(text) as JsonObject;
  const components = document['components'];
  const schemes =
    (isJsonObject(components) ? components['securitySchemes'] : undefined) ?? document['securityDefinitions'];
  return isJsonObject(schemes) ? Object.values(schemes).filter((scheme) => isJsonObject(scheme)) : [];
}

async function callTool(
  entry: CatalogueEntry,
  schemes: readonly JsonObject[],
  optional: OptionalMembers,
): Promise<{ refused?: string; violation?: string; sent?: string }> {
  let response: UpstreamResponse | undefined;
  let sent = '';
  const tool = openApiTargetType.prepare(
    {},
    {
      egress: {
        request: async (request, options) => {
          sent = `${request.method} ${request.url.pathname}${request.url.search} ${typeof request.body === 'string' ? request.body.slice(0, 400) : ''}`;
          response = await egress.request(request, options);
          return response;
        },
      },
      applyCredential: async (request) => applyCredentials(request, schemes),
      propagation: { requestHeaders: [], queryParameters: [] },
    },
  )(entry);
  const { inputSchema } = JSON.parse(entry.definition) as { readonly inputSchema: JsonObject };
  const validate = compileSchema(inputSchema);
  const full = sampleArguments(inputSchema, optional);
  const args = validate(full).length === 0 ? full : sampleArguments(inputSchema, 'none');
  const fault = validate(args)[0];
  if (fault !== undefined) return { refused: `no sample: ${fault.path} ${fault.message}` };
  try {
    await tool.call(args, context());
  } catch (thrown) {
    return { refused: toGatewayError(thrown).message };
  }
  const violation = response === undefined ? 'no answer' : violationIn(response);
  return violation === undefined ? { sent } : { violation, sent };
}

/** Evenly spread over the document, so that not only its first folder is tried. */
function choose(entries: readonly CatalogueEntry[]): CatalogueEntry[] {
  const step = Math.max(1, entries.length / MAX_OPERATIONS);
  return Array.from(
    { length: Math.min(entries.length, MAX_OPERATIONS) },
    (_, at) => entries[Math.floor(at * step)],
  ).filter((entry) => entry !== undefined);
}

async function probe(file: string, violations: string[]): Promise<Row> {
  const row: Row = { document: basename(file), calls: 0, clean: 0, explained: 0, refused: 0, note: '' };
  const raw = readFileSync(file);
  const text = (file.endsWith('.gz') ? gunzipSync(raw) : raw).toString();
  const plain = join(scratch, basename(file).replace(/\.gz$/, ''));
  writeFileSync(plain, text);
  let prism = await startPrism(plain);
  if (typeof prism === 'string') {
    row.note = `Prism does not take it: ${prism}`;
    return row;
  }
  try {
    const { entries } = importOpenApi(text, { location: 'inline', settings: { 'server-url': prism.url } });
    const schemes = securitySchemesOf(text);
    for (const entry of choose(entries)) {
      let outcome = await callTool(entry, schemes, 'some');
      if (outcome.violation === 'no answer') {
        // Prism ends when an optional list is left out whose style it knows; so it gets everything.
        await prism.stop();
        const again = await startPrism(plain, prism.port);
        if (typeof again === 'string') throw new Error(again);
        prism = again;
        outcome = await callTool(entry, schemes, 'all');
      }
      const { refused, violation, sent = '' } = outcome;
      if (refused !== undefined) {
        row.refused += 1;
        violations.push(`${row.document} ${entry.name} REFUSED ${refused}`);
        continue;
      }
      const reason = explanation(row.document, entry.name);
      row.calls += 1;
      if (violation === undefined) row.clean += 1;
      else {
        if (reason !== undefined) row.explained += 1;
        violations.push(`${row.document} ${entry.name}: ${reason ?? `${violation} <- ${sent}`}`);
      }
    }
  } finally {
    await prism.stop();
  }
  return row;
}

function explanation(document: string, operation: string): string | undefined {
  return EXPLAINED.find((known) => known.document === document && known.operation.test(operation))?.reason;
}

const files = existsSync(CORPUS)
  ? DOCUMENTS.map((name) => join(CORPUS, name)).filter((file) => existsSync(file))
  : readdirSync(FIXTURES).map((name) => join(FIXTURES, name));

describe('Prism', () => {
  it('finds nothing against our requests', { timeout: 280_000 }, async () => {
    const queue = [...files];
    const rows: Row[] = [];
    const violations: string[] = [];
    const work = async (): Promise<void> => {
      for (let file = queue.shift(); file !== undefined; file = queue.shift())
        rows.push(await probe(file, violations));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    rows.sort((left, right) => (left.document < right.document ? -1 : 1));
    console.table(rows);
    const calls = rows.reduce((sum, row) => sum + row.calls, 0);
    const clean = rows.reduce((sum, row) => sum + row.clean, 0);
    const explained = rows.reduce((sum, row) => sum + row.explained, 0);
    console.info(
      `${clean} of ${calls} operations without a violation, ${explained} explained\n${violations.join('\n')}`,
    );
    expect(calls).toBeGreaterThan(0);
    expect(clean / (calls - explained)).toBeGreaterThanOrEqual(0.98);
  });
});

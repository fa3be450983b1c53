// Whole models of AWS services: every operation becomes a tool that clients accept, the models' own examples are valid
// arguments and make requests, and the endpoint test cases inside of them hold. Without the corpus (it is not part of the
// repository) the models in test/fixtures/smithy/models stand in for it.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { isJsonObject, type JsonObject, type JsonValue } from '../src/core/json.ts';
import { compileSchema } from '../src/lib/json-schema/compile.ts';
import { createEndpoints } from '../src/targets/smithy/endpoints/resolve.ts';
import type { OperationPlan, ServicePlan } from '../src/targets/smithy/plan.ts';
import { GatewayError } from '../src/core/errors.ts';
import { createToolRules } from './openapi-tool-rules.ts';
import { sampleArguments } from './support/sample-arguments.ts';
import { openSmithy } from './support/smithy.ts';
import { toToolJson, type Ast } from './support/smithy-values.ts';

const root = join(import.meta.dirname, '..');
const corpus = join(root, '../shared/corpus/smithy-models');
const directory = existsSync(corpus) ? corpus : join(root, 'test/fixtures/smithy/models');
const files = readdirSync(directory).filter((file) => /\.json(\.gz)?$/.test(file));

/** Of no service in particular. */
const ANSWERS = [
  {},
  { body: '{}' },
  { body: '<Response/>' },
  { status: 400, body: '{"__type":"ValidationException","message":"no"}' },
  { status: 500, body: '<ErrorResponse><Error><Code>InternalError</Code></Error></ErrorResponse>' },
  { status: 503, headers: { 'content-type': 'text/html' }, body: '<h1>Unavailable' },
];

/** Why an operation of a sound model may be missing. */
const DOCUMENTED = /is a stream of events/;

function readModel(file: string): Ast {
  const bytes = readFileSync(join(directory, file));
  return JSON.parse((file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')) as Ast;
}

function traitOf(shape: unknown, id: string): JsonValue | undefined {
  const traits = isJsonObject(shape) ? shape['traits'] : undefined;
  return isJsonObject(traits) ? traits[id] : undefined;
}

describe.each(files)('%s', (file) => {
  // One model at a time: all of them together are hundreds of megabytes.
  const open = () => {
    const model = readModel(file);
    const bench = openSmithy(model);
    return { model, bench, ...bench.catalogue };
  };

  test('every operation is a tool that clients accept', () => {
    const { entries, report } = open();
    const rules = createToolRules();
    expect(report.operations).toBe(report.tools + report.skipped);
    expect(
      report.notes.filter(
        ({ outcome, reasons }) =>
          outcome === 'skipped' && !reasons.every((reason) => DOCUMENTED.test(reason)),
      ),
    ).toEqual([]);
    expect(new Set(entries.map(({ name }) => name.toLowerCase())).size).toBe(entries.length);
    const faults = entries.flatMap((entry) => {
      const { inputSchema } = JSON.parse(entry.definition) as { inputSchema: JsonObject };
      const properties = Object.keys((inputSchema['properties'] ?? {}) as JsonObject);
      // The rules compare arguments with the plan of an OpenAPI operation; here they are the schema's own.
      const plan = { path: '', parameters: properties.map((argument) => ({ argument })) };
      return rules({ ...entry, plan: JSON.stringify(plan) });
    });
    expect(faults).toEqual([]);
  });

  test('every example is valid and makes a request', async () => {
    const { model, bench, entries } = open();
    const faults: string[] = [];
    for (const [id, shape] of Object.entries(model.shapes)) {
      const examples = traitOf(shape, 'smithy.api#examples');
      const name = id.split('#')[1] ?? '';
      const entry = entries.find((candidate) => candidate.name === name);
      if (!Array.isArray(examples) || entry === undefined) continue;
      const { inputSchema } = JSON.parse(entry.definition) as { inputSchema: JsonObject };
      const validate = compileSchema(inputSchema);
      const input =
        ((shape as unknown as JsonObject)['input'] as { target: string } | undefined)?.target ?? '';
      for (const example of examples as readonly JsonObject[]) {
        if (example['allowConstraintErrors'] === true) continue;
        const written = (example['input'] ?? {}) as JsonObject;
        const [fault] = validate(written);
        if (fault !== undefined) faults.push(`${name}: ${fault.path} ${fault.message}`);
        await bench.call(name, toToolJson(model, input, written) as JsonObject).catch((thrown: unknown) => {
          // Names in examples need not be such that the endpoint rules have an address for them.
          if (!/There is no endpoint for this call/.test(String(thrown)))
            faults.push(`${name}: ${String(thrown)}`);
        });
      }
    }
    expect(faults).toEqual([]);
  });

  test('every tool takes what its schema says, and bears whatever comes back', async () => {
    const { bench, entries } = open();
    const faults: string[] = [];
    for (const { name, definition } of entries) {
      const { inputSchema } = JSON.parse(definition) as { inputSchema: JsonObject };
      for (const optional of ['none', 'all'] as const)
        for (const answer of ANSWERS) {
          const args = sampleArguments(inputSchema, optional);
          await bench.call(name, args, [answer]).then(
            ({ isError }) => {
              if (!isError && (answer.status ?? 200) >= 300)
                faults.push(`${name}: a failure passed as success`);
            },
            (thrown: unknown) => {
              // Samples are not always addresses; that is said, and is no crash.
              if (!(thrown instanceof GatewayError) || thrown.code !== 'Validation')
                faults.push(`${name}: ${String(thrown)}`);
            },
          );
        }
    }
    expect(faults).toEqual([]);
  });

  test('every endpoint test case holds', () => {
    const { model, shared = '' } = open();
    const service = Object.values(model.shapes).find(({ type }) => type === 'service');
    const written = traitOf(service, 'smithy.rules#endpointTests');
    const cases = isJsonObject(written) ? (written['testCases'] as readonly JsonObject[]) : [];
    const plan = JSON.parse(shared) as ServicePlan;
    const faults = cases.flatMap((each) => {
      const fault = endpointFault(plan, each);
      return fault === undefined ? [] : [`${String(each['documentation'])}: ${fault}`];
    });
    expect(faults).toEqual([]);
  });
});

/** What differs from one endpoint test case. */
function endpointFault(plan: ServicePlan, each: JsonObject): string | undefined {
  const params = (each['params'] ?? {}) as Record<string, string | boolean>;
  const { Endpoint: url, ...parameters } = params;
  const expected = each['expect'] as JsonObject;
  // The package's list of partitions is newer than the models: it knows dual-stack names that they do not.
  if (params['UseDualStack'] === true && /^(us|eu)-iso/.test(String(params['Region']))) return undefined;
  const service: ServicePlan = {
    ...plan,
    endpoint: {
      ...(typeof url === 'string' ? { url } : {}),
      parameters: { ForcePathStyle: false, DisableS3ExpressSessionAuth: false, ...parameters },
    },
  };
  const endpointOf = createEndpoints(service, { region: String(params['Region'] ?? '') });
  const schemes = schemesOf(expected);
  try {
    const found = endpointOf({} as OperationPlan, {});
    if (!isJsonObject(expected['endpoint'])) return `wanted an error, found ${found.url.href}`;
    const wanted = new URL(String(expected['endpoint']['url']));
    // A slash at the end of a base path makes no difference to what is sent.
    if (withoutSlash(wanted) !== withoutSlash(found.url))
      return `wanted ${wanted.href}, found ${found.url.href}`;
    const sigv4 = schemes.find(({ name }) => name === 'sigv4');
    const { signingName = plan.signingName, signingRegion = params['Region'] } = sigv4 ?? {};
    if (
      sigv4 !== undefined &&
      (found.signing?.service !== signingName || found.signing?.region !== signingRegion)
    )
      return `wanted ${JSON.stringify(sigv4)}, found ${JSON.stringify(found.signing)}`;
    return undefined;
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    // Ways to sign that are not there are refused, not guessed.
    if (schemes.length > 0 && schemes.every(({ name }) => name !== 'sigv4'))
      return /has to be signed|have to be signed/.test(message) ? undefined : message;
    return message === `There is no endpoint for this call: ${String(expected['error'])}`
      ? undefined
      : message;
  }
}

const withoutSlash = ({ href }: URL): string => href.replace(/\/$/, '');

function schemesOf(
  expected: JsonObject,
): readonly { name?: string; signingName?: string; signingRegion?: string }[] {
  const endpoint = expected['endpoint'];
  const properties = isJsonObject(endpoint) ? endpoint['properties'] : undefined;
  const schemes = isJsonObject(properties) ? properties['authSchemes'] : undefined;
  return Array.isArray(schemes) ? (schemes as { name?: string }[]) : [];
}

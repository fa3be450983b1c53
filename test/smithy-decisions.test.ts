// Endpoint rules as decision diagrams (smithy.rules#endpointBdd): those of official clients against the endpoint test cases
// of the models that have rule sets, and diagrams that are none.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../src/core/json.ts';
import { readDecisions } from '../src/targets/smithy/endpoints/decisions.ts';
import { createEndpoints } from '../src/targets/smithy/endpoints/resolve.ts';
import type { OperationPlan, ServicePlan } from '../src/targets/smithy/plan.ts';
import { openSmithy } from './support/smithy.ts';

const root = join(import.meta.dirname, '..');
const RESULT = 100_000_000;

/** Numbers as the trait packs them. */
function pack(nodes: readonly number[]): string {
  const bytes = Buffer.alloc(nodes.length * 4);
  nodes.forEach((node, index) => bytes.writeInt32BE(node, index * 4));
  return bytes.toString('base64');
}

const endpoint = (url: string): JsonObject => ({
  conditions: [],
  endpoint: { url, properties: {}, headers: {} },
  type: 'endpoint',
});

/** With a custom address that, else one of the region. */
const SMALL: JsonObject = {
  version: '1.1',
  parameters: {
    Endpoint: { builtIn: 'SDK::Endpoint', required: false, documentation: 'e', type: 'string' },
    Region: { builtIn: 'AWS::Region', required: true, documentation: 'r', type: 'string' },
    UseFIPS: { builtIn: 'AWS::UseFIPS', required: true, default: false, documentation: 'f', type: 'boolean' },
  },
  conditions: [
    { fn: 'isSet', argv: [{ ref: 'Endpoint' }] },
    { fn: 'booleanEquals', argv: [{ ref: 'UseFIPS' }, true] },
    { fn: 'aws.partition', argv: [{ ref: 'Region' }], assign: 'Partition' },
  ],
  results: [
    endpoint('{Endpoint}'),
    endpoint('https://thing-fips.{Region}.{Partition#dnsSuffix}'),
    endpoint('https://thing.{Region}.{Partition#dnsSuffix}'),
    { conditions: [], error: 'no partition', type: 'error' },
  ],
  root: 2,
  nodeCount: 4,
  nodes: pack([-1, 1, -1, 0, RESULT + 1, 3, 2, 4, RESULT + 4, 1, RESULT + 2, RESULT + 3]),
};

const model = (decisions: JsonObject): JsonObject => ({
  smithy: '2.0',
  shapes: {
    'a#Service': {
      type: 'service',
      version: '1',
      operations: [{ target: 'a#Get' }],
      traits: {
        'aws.protocols#awsJson1_0': {},
        'smithy.rules#endpointBdd': decisions,
        'aws.auth#sigv4': { name: 'thing' },
      },
    },
    'a#Get': { type: 'operation' },
  },
});

describe('a diagram', () => {
  test('leads to the endpoint, as rules do', async () => {
    for (const [settings, host] of [
      [{}, 'thing.us-east-1.amazonaws.com'],
      [{ 'aws-region': 'cn-north-1' }, 'thing.cn-north-1.amazonaws.com.cn'],
      [{ 'endpoint-params': 'UseFIPS=true' }, 'thing-fips.us-east-1.amazonaws.com'],
      [{ 'server-url': 'https://thing.example' }, 'thing.example'],
    ] as const) {
      const bench = openSmithy(model(SMALL), settings);
      expect(bench.catalogue.report.warnings).toEqual([]);
      await bench.call('Get');
      expect(bench.sent[0]?.url.host).toBe(host);
    }
  });

  test.each<[string, JsonObject, RegExp]>([
    ['going round in a circle', { nodes: pack([-1, 1, -1, 0, 3, 3, 1, 2, RESULT + 1]) }, /round in a circle/],
    ['leading nowhere', { nodes: pack([-1, 1, -1, 0, RESULT + 9, RESULT + 1]) }, /leads nowhere/],
    ['without that condition', { nodes: pack([-1, 1, -1, 9, RESULT + 1, RESULT + 1]) }, /no condition/],
    ['of half a node', { nodes: pack([-1, 1]) }, /three numbers/],
    ['with a root that is not there', { root: 77 }, /leads nowhere/],
    ['with a result that is none', { results: [{}] }, /neither an endpoint nor an error/],
    ['with a condition that is none', { conditions: [{}] }, /conditions is none/],
    ['without nodes', { nodes: 7 }, /no root or no nodes/],
  ])('%s is told, and not used', (_, change, reason) => {
    const damaged = { ...SMALL, ...change };
    expect(() => readDecisions(damaged)).toThrow(reason);
    const { report } = openSmithy(model(damaged)).catalogue;
    expect(report.warnings.join('\n')).toMatch(/a#Service: its trait endpointBdd cannot be used/);
    expect(report.tools).toBe(1);
  });
});

interface CompiledDiagram {
  readonly root: number;
  readonly nodes: Int32Array;
  readonly conditions: readonly (readonly JsonValue[])[];
  readonly results: readonly (readonly JsonValue[])[];
}

/** The diagram of an official client as its model's trait would have it. */
async function traitOf(client: string, ruleSet: JsonObject): Promise<JsonObject> {
  const file = join(root, `node_modules/@aws-sdk/client-${client}/dist-es/endpoint/bdd.js`);
  const { bdd } = (await import(pathToFileURL(file).href)) as { bdd: CompiledDiagram };
  return {
    version: '1.1',
    parameters: ruleSet['parameters'] ?? {},
    conditions: bdd.conditions.map(([fn, argv, assign]) => ({
      fn,
      argv,
      ...(assign === undefined ? {} : { assign }),
    })),
    results: bdd.results
      .slice(1)
      .map(
        ([first, second, third]) =>
          (first === -1
            ? { error: second }
            : { endpoint: { url: first, properties: second, headers: third ?? {} } }) as JsonObject,
      ),
    root: bdd.root,
    nodeCount: bdd.nodes.length / 3,
    nodes: pack([...bdd.nodes]),
  };
}

const CLIENTS = ['sqs', 'sns', 'cloudwatch-logs', 'lambda'];
const corpus = join(root, '../shared/corpus/smithy-models');

describe.skipIf(!existsSync(corpus)).each(CLIENTS)('the diagram of %s', (client) => {
  test('holds the endpoint test cases of the model', async () => {
    const text = gunzipSync(readFileSync(join(corpus, `${client}.json.gz`))).toString('utf8');
    const { shared = '{}' } = openSmithy(text).catalogue;
    const ast = JSON.parse(text) as {
      shapes: Record<string, { type: string; traits?: Record<string, JsonObject> }>;
    };
    const service = Object.values(ast.shapes).find(({ type }) => type === 'service');
    const ruleSet = service?.traits?.['smithy.rules#endpointRuleSet'] ?? {};
    const cases = (service?.traits?.['smithy.rules#endpointTests']?.['testCases'] ??
      []) as readonly JsonObject[];
    const plan = JSON.parse(shared) as ServicePlan;
    const decisions = await traitOf(client, ruleSet);
    const faults = cases.flatMap((each) => {
      const { Endpoint: url, ...parameters } = (each['params'] ?? {}) as Record<string, string | boolean>;
      if (parameters['UseDualStack'] === true && /^(us|eu)-iso/.test(String(parameters['Region']))) return [];
      const endpointOf = createEndpoints(
        {
          ...plan,
          ruleSet: decisions,
          endpoint: { ...(typeof url === 'string' ? { url } : {}), parameters },
        },
        { region: String(parameters['Region'] ?? '') },
      );
      const expected = each['expect'] as { endpoint?: { url: string }; error?: string };
      let found: string;
      try {
        found = endpointOf({} as OperationPlan, {}).url.href;
      } catch (thrown) {
        found = String(thrown instanceof Error ? thrown.message : thrown);
      }
      const wanted =
        expected.endpoint === undefined
          ? `There is no endpoint for this call: ${expected.error ?? ''}`
          : new URL(expected.endpoint.url).href;
      return found === wanted ? [] : [`${String(each['documentation'])}: wanted ${wanted}, found ${found}`];
    });
    expect(cases.length).toBeGreaterThan(10);
    expect(faults).toEqual([]);
  });
});

// The files that others deploy with: what they set exists, what they ask of the server is there, and the figures they show
// are figures that a server gives. No container engine is needed.

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { SETTINGS } from '../src/config-table.ts';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';
import { post } from './support/mcp-client.ts';
import { describeApi, openUpstream } from './support/upstream.ts';
import type { Upstream } from './support/upstream.ts';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const KNOWN = new Set(SETTINGS.map(({ variable }) => variable));

function settingsIn(text: string): string[] {
  return [...new Set(text.match(/GATEWRIGHT_[A-Z_]+/g))];
}

test.each(['Dockerfile', 'deploy/compose.yaml', 'deploy/kubernetes/gatewright.yaml'])(
  '%s sets only what there is',
  (path) => {
    expect(settingsIn(read(path)).filter((name) => !KNOWN.has(name))).toEqual([]);
  },
);

describe('the image', () => {
  const lines = read('Dockerfile').split('\n');

  test('is built in one stage and shipped in another, without a shell and not as root', () => {
    const stages = lines.filter((line) => line.startsWith('FROM '));
    expect(stages).toHaveLength(2);
    expect(stages[1]).toMatch(/distroless\/nodejs24/);
    const last = lines.slice(lines.lastIndexOf(stages[1] ?? ''));
    expect(last.some((line) => line.startsWith('RUN '))).toBe(false);
    expect(last).toContain('USER 65532:65532');
    expect(last.find((line) => line.startsWith('ENTRYPOINT'))).toContain('bin/gatewright.mjs');
  });

  test('copies what is there, and leaves out what it does not need', () => {
    for (const line of lines.filter((line) => /^COPY (?!--from)/.test(line)))
      for (const path of line.split(' ').slice(1, -1))
        expect([path, existsSync(join(ROOT, path))]).toEqual([path, true]);
    for (const line of lines.filter((line) => line.startsWith('COPY --from=build /src/')))
      for (const path of line
        .split(' ')
        .slice(2, -1)
        .map((from) => from.replace('/src/', '')))
        // Made by the build.
        if (!['dist', 'node_modules'].includes(path))
          expect([path, existsSync(join(ROOT, path))]).toEqual([path, true]);
    expect(read('.dockerignore').split('\n')).toEqual(
      expect.arrayContaining(['.git', '.gatewright', 'node_modules']),
    );
  });
});

test('the compose file has two nodes behind a balancer, that share a database and keys', () => {
  const { services, volumes } = parse(read('deploy/compose.yaml'), { merge: true }) as {
    services: Record<
      string,
      { environment?: Record<string, string>; volumes?: string[]; read_only?: boolean; cap_drop?: string[] }
    >;
    volumes: Record<string, null>;
  };
  const nodes = ['node-1', 'node-2'].map((name) => services[name]);
  expect(nodes[0]?.environment).toEqual(nodes[1]?.environment);
  for (const node of nodes) expect([node?.read_only, node?.cap_drop]).toEqual([true, ['ALL']]);
  for (const service of Object.values(services))
    for (const volume of service.volumes ?? []) expect(Object.keys(volumes)).toContain(volume.split(':')[0]);
  for (const name of ['GATEWRIGHT_MASTER_KEY', 'GATEWRIGHT_ACCESS_KEY_ID', 'GATEWRIGHT_SECRET_ACCESS_KEY'])
    // No default: a key that everybody has is none.
    expect(nodes[0]?.environment?.[name]).toMatch(/^\$\{\w+:\?/);
  expect(Object.keys(services)).toEqual(expect.arrayContaining(['balancer', 'postgres']));
  // Ten in the pool of each worker and one that listens; PostgreSQL has 100, some of them for its superuser.
  const workers = Number(nodes[0]?.environment?.['GATEWRIGHT_WORKERS']);
  expect(nodes.length * workers * 11).toBeLessThan(97);
});

test('the volume of the image belongs to whom the server runs as', () => {
  const lines = read('Dockerfile').split('\n');
  const [, user] = /^USER (\S+)$/m.exec(read('Dockerfile')) ?? [];
  const [, volume] = /^VOLUME (\S+)$/m.exec(read('Dockerfile')) ?? [];
  expect(lines).toContain(`COPY --from=build --chown=${user} ${volume} ${volume}`);
  expect(lines.indexOf(`COPY --from=build --chown=${user} ${volume} ${volume}`)).toBeLessThan(
    lines.indexOf(`VOLUME ${volume}`),
  );
  expect(lines).toContain(`RUN mkdir -m 700 ${volume}`);
  expect(read('Dockerfile')).toContain(`GATEWRIGHT_DATA_DIR=${volume}`);
  const { services } = parse(read('deploy/compose.yaml'), { merge: true }) as {
    services: Record<string, { volumes?: string[] }>;
  };
  for (const node of ['node-1', 'node-2']) expect(services[node]?.volumes).toEqual([`${node}:${volume}`]);
});

describe('Kubernetes', () => {
  const documents = parseAllDocuments(read('deploy/kubernetes/gatewright.yaml')).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as { kind: string; metadata: { name: string }; spec: Record<string, never> };
  });
  const find = (kind: string) => documents.filter((document) => document.kind === kind);
  interface Container {
    readonly ports: { name: string; containerPort: number }[];
    readonly env: { name: string; value?: string }[];
    readonly [probe: string]: unknown;
  }

  test('has what it refers to', () => {
    expect(documents.map(({ kind }) => kind)).toEqual([
      'StatefulSet',
      'Service',
      'Service',
      'Service',
      'PodDisruptionBudget',
      'NetworkPolicy',
      'Ingress',
    ]);
    const [set] = find('StatefulSet');
    if (!set) throw new Error('there is no StatefulSet');
    const { template, serviceName, volumeClaimTemplates } = set.spec as unknown as {
      serviceName: string;
      volumeClaimTemplates: { metadata: { name: string } }[];
      template: {
        metadata: { labels: Record<string, string> };
        spec: {
          containers: Container[];
          securityContext: object;
          volumes: { name: string }[];
          terminationGracePeriodSeconds: number;
        };
      };
    };
    const [container] = template.spec.containers;
    if (!container) throw new Error('there is no container');
    const ports = container.ports.map(({ name }) => name);
    const volumes = [...template.spec.volumes, ...volumeClaimTemplates.map(({ metadata }) => metadata)];
    for (const { name } of container['volumeMounts'] as { name: string }[])
      expect(volumes.map((volume) => volume.name)).toContain(name);
    // The audit log lies there: it has to outlive the pod.
    const dataDir = container.env.find(({ name }) => name === 'GATEWRIGHT_DATA_DIR')?.value;
    const mounts = container['volumeMounts'] as { name: string; mountPath: string }[];
    expect(volumeClaimTemplates.map(({ metadata }) => metadata.name)).toEqual(
      mounts.filter(({ mountPath }) => mountPath === dataDir).map(({ name }) => name),
    );
    expect(find('Service').map(({ metadata }) => metadata.name)).toContain(serviceName);
    // What runs may take 30 s, after the pause in which services take the pod out.
    const { preStop } = container['lifecycle'] as { preStop: { sleep: { seconds: number } } };
    expect(template.spec.terminationGracePeriodSeconds).toBeGreaterThan(30 + preStop.sleep.seconds);
    const [policy] = find('NetworkPolicy');
    if (!policy) throw new Error('there is no NetworkPolicy');
    const { ingress } = policy.spec as unknown as {
      ingress: { ports: { port: string }[]; from?: object[] }[];
    };
    expect(ingress.flatMap(({ ports: open }) => open.map(({ port }) => port))).toEqual(ports);
    // The control plane is for those who are named.
    for (const { ports: open, from } of ingress)
      expect(from !== undefined).toBe(open.some(({ port }) => port === 'admin'));
    for (const service of find('Service'))
      for (const { targetPort } of (service.spec as unknown as { ports: { targetPort: string }[] }).ports)
        expect(ports).toContain(targetPort);
    for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
      const { httpGet } = container[probe] as { httpGet: { path: string; port: string } };
      expect(['/healthz', '/readyz']).toContain(httpGet.path);
      expect(ports).toContain(httpGet.port);
    }
    expect(template.spec.securityContext).toMatchObject({ runAsNonRoot: true });
    expect(container['securityContext']).toMatchObject({
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
    });
  });
});

describe('figures', () => {
  let app: TestApp;
  let upstream: Upstream;
  let names: ReadonlySet<string>;
  /** Figures that only ever grow, and begin at 0 when a process does. */
  let growing: readonly string[];
  beforeAll(async () => {
    upstream = await openUpstream();
    app = await openTestApp();
    const { url } = await app.gateway({ targets: { api: describeApi(upstream.url, { find: {} }) } });
    await post(
      url,
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"api___find","arguments":{}}}',
    );
    const text = await (await fetch(`${app.app.controlUrl}/metrics`)).text();
    names = new Set(
      text.split('\n').flatMap((line) => (line.startsWith('# TYPE ') ? [line.split(' ')[2] ?? ''] : [])),
    );
    const counters = [...text.matchAll(/^# TYPE (\S+) counter$/gm)].map(([, name = '']) => name);
    const histograms = [...text.matchAll(/^# TYPE (\S+) histogram$/gm)].map(([, name]) => `${name}_bucket`);
    growing = [...counters, ...histograms];
    // What promtool's linter asks of names.
    expect(counters.filter((name) => !name.endsWith('_total'))).toEqual([]);
    expect(text).not.toMatch(/^# TYPE gatewright_\S+_total (?!counter)/m);
  });
  afterAll(async () => {
    await app.close();
    await upstream.close();
  });
  /** Such a figure says something by how fast it grows, and nothing by itself; `delta` falls when a process begins anew. */
  const misread = (expressions: readonly string[]): string[] =>
    expressions.filter((expression) =>
      growing.some((name) => new RegExp(`(?<!\\b(?:rate|increase)\\()\\b${name}\\b`).test(expression)),
    );
  const OURS = /^(?:gatewright|mcp)_/;
  const used = (expression: string): string[] =>
    (expression.match(/\b(?:gatewright|mcp|nodejs|process)_\w+/g) ?? []).map((name) =>
      name.replace(/_bucket$/, ''),
    );
  const unknown = (expressions: readonly string[]): string[] =>
    expressions.flatMap(used).filter((name) => !names.has(name));

  test('of the dashboard are there', () => {
    const { panels } = JSON.parse(read('deploy/observability/grafana-dashboard.json')) as {
      panels: { id: number; targets: { expr: string }[] }[];
    };
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    expect(expressions.length).toBeGreaterThan(10);
    expect([unknown(expressions), misread(expressions)]).toEqual([[], []]);
    // Every figure of ours is shown somewhere.
    const shown = new Set(expressions.flatMap(used));
    expect([...names].filter((name) => OURS.test(name) && !shown.has(name))).toEqual([]);
  });

  test('of the page for operators are there, and none is missing', () => {
    const described = new Set(
      (read('docs/observability.md') + read('docs/audit.md')).match(/\b(?:gatewright|mcp)_[a-z_]+/g) ?? [],
    );
    expect([...names].filter((name) => OURS.test(name) && !described.has(name))).toEqual([]);
    expect([...described].filter((name) => !names.has(name))).toEqual([]);
  });

  test('of the alerts are there, each with words for people', () => {
    const { groups } = parse(read('deploy/observability/alerts.yaml')) as {
      groups: { rules: { alert: string; expr: string; annotations: { summary: string } }[] }[];
    };
    const rules = groups.flatMap((group) => group.rules);
    const expressions = rules.map(({ expr }) => expr);
    expect([unknown(expressions), misread(expressions)]).toEqual([[], []]);
    for (const { alert, annotations } of rules)
      expect([alert, annotations.summary.length > 10]).toEqual([alert, true]);
  });
});

test('probes are answered whatever name they call by', async () => {
  const app = await openTestApp();
  const { port } = new URL(app.app.controlUrl);
  const { request } = await import('node:http');
  const status = (path: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const sent = request({ port, path, headers: { host: '10.0.0.7:8080' } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      sent.on('error', reject);
      sent.end();
    });
  expect([await status('/healthz'), await status('/readyz'), await status('/metrics')]).toEqual([
    200, 200, 403,
  ]);
  await app.close();
});

test('every file of the folder is one of these', () => {
  expect(
    readdirSync(join(ROOT, 'deploy'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.includes('.'))
      .toSorted(),
  ).toEqual([
    'compose.yaml',
    'kubernetes/gatewright.yaml',
    'observability/alerts.yaml',
    'observability/grafana-dashboard.json',
  ]);
});

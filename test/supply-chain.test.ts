// What the product is made of: every package at one version and with its checksum, none that runs a program when it is
// installed, free licences, few of them, and a bill of materials that names each.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const LICENCES = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
]);
/** What one installation may drag in. Raise it knowingly. */
const MOST_PACKAGES = 130;

interface Locked {
  readonly version: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
}

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly allowScripts: Record<string, boolean>;
};
const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
  readonly packages: Record<string, Locked>;
};
const packages = Object.entries(lock.packages).filter(([path]) => path !== '');
const runtime = packages.filter(([, { dev }]) => dev !== true);
const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

describe('what the product is made of', () => {
  it('is asked for at exact versions', () => {
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }))
      expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
  });

  it('is locked by checksums, from wherever it is fetched', () => {
    expect(
      packages.filter(([, { integrity }]) => integrity?.startsWith('sha512-') !== true).map(([path]) => path),
    ).toEqual([]);
    expect(packages.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
  });

  it('runs no program when it is installed; of the tools that would, all but the pinned Node are forbidden to', () => {
    expect(
      runtime.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([path]) => path),
    ).toEqual([]);
    const scripted = packages.filter(([, { hasInstallScript }]) => hasInstallScript === true);
    expect(new Set(scripted.map(([path]) => nameOf(path)))).toEqual(
      new Set(Object.keys(manifest.allowScripts)),
    );
    expect(Object.entries(manifest.allowScripts).filter(([, isAllowed]) => isAllowed)).toEqual([
      ['node', true],
    ]);
  });

  it('has free licences and is kept small', () => {
    expect(
      runtime
        .filter(([, { license }]) => !LICENCES.has(license ?? ''))
        .map(([path, { license }]) => [path, license]),
    ).toEqual([]);
    expect(runtime.length).toBeLessThanOrEqual(MOST_PACKAGES);
  });

  it('is named, all of it, in the bill of materials', async () => {
    const { stdout } = await promisify(execFile)(
      'npm',
      ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'],
      {
        cwd: ROOT,
        env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` },
        maxBuffer: 64 * 1024 * 1024,
      },
    );
    const { components } = JSON.parse(stdout) as {
      readonly components: readonly { readonly purl: string }[];
    };
    const named = new Set(components.map(({ purl }) => decodeURIComponent(purl)));
    expect(
      runtime
        .map(([path, { version }]) => `pkg:npm/${nameOf(path)}@${version}`)
        .filter((purl) => !named.has(purl)),
    ).toEqual([]);
  });
});

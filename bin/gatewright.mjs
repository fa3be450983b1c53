#!/usr/bin/env node
// The command: the sources in a clone, the build in an installed package. Plain JavaScript that any Node can read, so
// that an old one gets a sentence instead of a stack trace.

import { existsSync } from 'node:fs';

const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(
    `Gatewright needs Node 24 or newer; this is Node ${process.versions.node}. In a clone, npm brings it: npm start\n`,
  );
  process.exitCode = 1;
} else {
  const source = new URL('../src/cli/main.ts', import.meta.url);
  await import((existsSync(source) ? source : new URL('../dist/cli/main.js', import.meta.url)).href);
}

// `gatewright config`: the effective settings, with where each came from. Secrets are masked by their type.

import type { Command } from 'commander';
import { addSettingFlags, configOrFaults } from './settings-flags.ts';
import type { Environment } from './settings-flags.ts';

/** Adds the command. */
export function addConfigCommand(program: Command, env: Environment): void {
  addSettingFlags(
    program.command('config').description('show the effective settings and where each comes from'),
  ).action((options: Record<string, unknown>) => {
    const outcome = configOrFaults(env, options);
    if (!outcome) return;
    const width = Math.max(...outcome.effective.map(({ variable }) => variable.length));
    for (const { variable, value, origin } of outcome.effective)
      process.stdout.write(`${variable.padEnd(width)} = ${value}    (${origin})\n`);
  });
}

// `gatewright config`: the effective settings, with where each came from. Secrets are masked by their type.

import type { Command } from 'commander';
import { SETTINGS } from '../config.ts';
import { addSettingFlags, configOrFaults } from './settings-flags.ts';
import type { Environment } from './settings-flags.ts';

/** Adds the command. */
export function addConfigCommand(program: Command, env: Environment): void {
  addSettingFlags(program.command('config').description('show the effective settings and where each comes from')).action(
    (options: Record<string, unknown>) => {
      const outcome = configOrFaults(env, options);
      if (!outcome) return;
      for (const { flag, variable, defaultText } of SETTINGS) {
        const origin = outcome.origins[flag];
        const value = origin === undefined ? defaultText : shown(outcome.config, flag);
        process.stdout.write(`${variable} = ${value}    (${origin ?? 'default'})\n`);
      }
    },
  );
}

function shown(config: object, flag: string): string {
  const key = flag.replace(/-([a-z])/g, (_match, letter: string) => letter.toUpperCase());
  const value = (config as Record<string, unknown>)[key];
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '(set)');
}

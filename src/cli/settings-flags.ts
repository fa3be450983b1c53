// The settings table as command-line flags, and the way from flags, environment and file to a configuration.

import { Option } from 'commander';
import type { Command } from 'commander';
import { SETTINGS, readConfig } from '../config.ts';
import type { Config } from '../config.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Adds one flag for each setting, and `--config`. Secrets have no flag: every user of the machine sees command lines. */
export function addSettingFlags(command: Command): Command {
  command.option('--config <file>', 'settings from a JSON or YAML file; keys are the flag names');
  for (const { flag, placeholder, defaultText, doc, variable, isSecret } of SETTINGS)
    if (isSecret !== true)
      command.addOption(new Option(`--${flag} <${placeholder}>`, `${doc} [${variable}; default: ${defaultText}]`));
  return command;
}

/** The flags the user gave, by flag name. */
export function settingFlagsOf(options: Readonly<Record<string, unknown>>): Record<string, string | undefined> {
  return Object.fromEntries(
    SETTINGS.map(({ flag }) => {
      const value = options[flag.replace(/-([a-z])/g, (_match, letter: string) => letter.toUpperCase())];
      return [flag, typeof value === 'string' ? value : undefined];
    }),
  );
}

/** Reads the configuration, or writes every fault to stderr and gives undefined (the exit code is then 2). */
export function configOrFaults(
  env: Environment,
  options: Readonly<Record<string, unknown>>,
): { readonly config: Config; readonly origins: Readonly<Record<string, string>> } | undefined {
  const outcome = readConfig({
    env,
    flags: settingFlagsOf(options),
    ...(typeof options['config'] === 'string' ? { file: options['config'] } : {}),
  });
  if ('config' in outcome) return outcome;
  process.stderr.write(`Gatewright was not started: ${outcome.faults.length === 1 ? 'a setting is' : 'settings are'} wrong.\n`);
  for (const fault of outcome.faults) process.stderr.write(`  ${fault}\n`);
  process.exitCode = 2;
  return undefined;
}

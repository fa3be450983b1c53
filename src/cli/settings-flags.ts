// The settings table as command-line flags, and the way from flags, environment and file to a configuration.

import { Option } from 'commander';
import type { Command } from 'commander';
import { SETTINGS, readConfig } from '../config.ts';
import type { Config, EffectiveSetting } from '../config.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Adds one flag for each setting, and `--config`. */
export function addSettingFlags(command: Command): Command {
  command.option('--config <file>', 'settings from a JSON or YAML file; keys are the flag names');
  for (const { flag, placeholder, defaultText, doc, variable, isSecret, isSwitch } of SETTINGS) {
    const warning =
      isSecret === true ? '; other users of this machine see flags, so better in the variable' : '';
    const text = `${doc}${warning} [${variable}; default: ${defaultText}]`;
    const value = isSwitch === true ? `[${placeholder}]` : `<${placeholder}>`;
    command.addOption(new Option(`--${flag} ${value}`, text));
  }
  return command;
}

/** The flags the user gave, by flag name. */
export function settingFlagsOf(
  options: Readonly<Record<string, unknown>>,
): Record<string, string | undefined> {
  return Object.fromEntries(
    SETTINGS.map(({ flag }) => {
      const value = options[flag.replace(/-([a-z])/g, (_match, letter: string) => letter.toUpperCase())];
      return [flag, value === true ? 'true' : typeof value === 'string' ? value : undefined];
    }),
  );
}

/** Reads the configuration, or writes every fault to stderr and gives undefined (the exit code is then 2). */
export function configOrFaults(
  env: Environment,
  options: Readonly<Record<string, unknown>>,
): { readonly config: Config; readonly effective: readonly EffectiveSetting[] } | undefined {
  const outcome = readConfig({
    env,
    flags: settingFlagsOf(options),
    ...(typeof options['config'] === 'string' ? { file: options['config'] } : {}),
  });
  if ('config' in outcome) return outcome;
  const count = outcome.faults.length;
  reportUsageFaults(`${count === 1 ? 'a setting is' : `${count} settings are`} wrong`, outcome.faults);
  return undefined;
}

/** What the caller has to correct, on stderr; the exit code becomes 2. */
export function reportUsageFaults(what: string, faults: readonly string[]): void {
  process.stderr.write(
    [`Nothing was started: ${what}.`, ...faults.map((fault) => `  ${fault}`), ''].join('\n'),
  );
  process.exitCode = 2;
}

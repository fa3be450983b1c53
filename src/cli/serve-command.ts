// `gatewright serve`: the server, and with `--openapi` or `--mcp` the main job in one line.

import type { Command } from 'commander';
import type { App } from '../app.ts';
import type { Config } from '../config.ts';
import { serve } from '../main.ts';
import { createLog } from '../telemetry/log.ts';
import type { ProcessLog } from '../telemetry/log.ts';
import { announceReady, showImport } from './announce.ts';
import { addQuickstartFlags, namedUrls, quickstartOptions } from './quickstart-flags.ts';
import type { QuickstartFlags } from './quickstart-flags.ts';
import { quickstart } from './quickstart.ts';
import type { QuickstartOptions, QuickstartResult } from './quickstart.ts';
import { addSettingFlags, configOrFaults, reportUsageFaults } from './settings-flags.ts';
import type { Environment } from './settings-flags.ts';

/** Adds the command. */
export function addServeCommand(program: Command, env: Environment): void {
  const command = program.command('serve', { isDefault: true }).description('start the gateway');
  addQuickstartFlags(command).optionsGroup('Settings:');
  // `serve` is also what runs without a command: a misspelt command arrives here as an argument.
  command.allowExcessArguments();
  addSettingFlags(command).action(async (flags: QuickstartFlags) => {
    const [extra] = command.args;
    if (extra !== undefined) {
      const hint = /[./]/.test(extra) ? `; a document is given as --openapi ${extra}` : '';
      reportUsageFaults('the command line is wrong', [
        `“${extra}” is no command (gatewright --help lists them)${hint}`,
      ]);
      return;
    }
    const outcome = configOrFaults(env, flags);
    if (!outcome) return;
    const config: Config =
      flags.users === true && !outcome.config.authorizationServer
        ? { ...outcome.config, authorizationServer: { mode: 'local' } }
        : outcome.config;
    let options: QuickstartOptions | undefined;
    try {
      options = quickstartOptions(flags, env, config);
    } catch (thrown) {
      reportUsageFaults('the command line is wrong', [
        thrown instanceof Error ? thrown.message : String(thrown),
      ]);
      return;
    }
    const isTerminal = process.stdout.isTTY;
    const log = createLog(config.logLevel, { isForPeople: isTerminal });
    process.exitCode = await run(config, log, options, isTerminal);
  });
}

async function run(
  config: Config,
  log: ProcessLog,
  options: QuickstartOptions | undefined,
  isTerminal: boolean,
): Promise<number> {
  let imported: QuickstartResult | undefined;
  return serve({
    config,
    log,
    named: options ? namedUrls(options) : [],
    ...(options
      ? {
          prepare: async (app: App) => {
            imported = await quickstart(app, options);
            if (!isTerminal) showImport(imported, log);
          },
        }
      : {}),
    ...(isTerminal ? { announce: (app: App) => announceReady(app, imported) } : {}),
  });
}

// The command line: one program, whose API commands are made from the operation table. This file reads the
// environment and hands it on; nothing below it does.

import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { addAddMcpCommand } from './add-mcp-command.ts';
import { addAddCommand } from './add-command.ts';
import { addApiCommands } from './api-commands.ts';
import { addAuditCommands } from './audit-command.ts';
import { addCheckCommand } from './check-command.ts';
import { addConfigCommand } from './config-command.ts';
import { addFunctionsCommand } from './functions-command.ts';
import { addSearchCommand } from './search-command.ts';
import { addServeCommand } from './serve-command.ts';
import { addStoreCommands } from './store-command.ts';
import { addUsersCommand } from './users-command.ts';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

const program = new Command('gatewright')
  .description(
    'Turns OpenAPI documents and MCP servers into one secure MCP endpoint, wire-compatible with Amazon Bedrock AgentCore Gateway.',
  )
  .version(version)
  .showHelpAfterError('(--help shows what there is)')
  .exitOverride()
  .configureHelp({ sortSubcommands: false });

addServeCommand(program, process.env);
addCheckCommand(program, process.env);
addConfigCommand(program, process.env);
addSearchCommand(program, process.env);
addFunctionsCommand(program, process.env);
addAddCommand(program, process.env);
addAddMcpCommand(program, process.env);
program.commandsGroup('Operators:');
addUsersCommand(program, process.env);
addStoreCommands(program, process.env);
addAuditCommands(program, process.env);
addApiCommands(program, process.env);

try {
  await program.parseAsync();
} catch (thrown) {
  if (!(thrown instanceof CommanderError)) throw thrown;
  // What was wrong has been said; like wrong settings it is exit code 2.
  process.exitCode = thrown.exitCode === 0 ? 0 : 2;
}

// How this gateway names itself to the MCP clients that call it, and to the MCP servers that it calls.

import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

export const SERVER_INFO = Object.freeze({ name: 'gatewright', title: 'Gatewright', version });

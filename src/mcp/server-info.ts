// How this server names itself to clients.

import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

export const SERVER_INFO = Object.freeze({ name: 'gatewright', title: 'Gatewright', version });

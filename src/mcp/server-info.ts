// How this server names itself to clients.

export { SERVER_INFO } from '../core/server-info.ts';

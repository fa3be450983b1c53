// `logging/setLevel` (until 2025-11-25): how severe log messages of this session's calls must be to be handed on.

import { INVALID_PARAMS, METHOD_NOT_FOUND, ProtocolError } from '../error-response.ts';
import { LOG_LEVELS } from '../../core/log-levels.ts';
import type { Method } from './method.ts';

export const setLevel: Method = async ({ request, session }) => {
  const { level } = request.params;
  if (typeof level !== 'string' || !LOG_LEVELS.includes(level))
    throw new ProtocolError(200, INVALID_PARAMS, `params.level must be one of ${LOG_LEVELS.join(', ')}`);
  if (!session)
    throw new ProtocolError(200, METHOD_NOT_FOUND, 'A log level needs a session to be remembered');
  await session.setLogLevel(level);
  return '{}';
};

// A failure → the `statusReasons` of a resource: what went wrong and where, in at most a hundred texts.

import type { Log, LogFields } from '../core/call.ts';
import { toGatewayError } from '../core/errors.ts';
import { newId } from '../core/ids.ts';

const MAX_REASONS = 100;
const MAX_LENGTH = 2048;

/** Reasons for people. Of an internal error they show an id only; the log has the cause. */
export function statusReasonsOf(thrown: unknown, resource: LogFields, log: Log): readonly string[] {
  const error = toGatewayError(thrown);
  if (error.code === 'Internal') {
    const errorId = newId();
    const stack = error.cause instanceof Error ? error.cause.stack : error.stack;
    log.error(
      { ...resource, errorId, internal: error.details.internal, stack },
      'reconciliation hit an internal error',
    );
    return [`An internal error occurred. The log has it under id ${errorId}.`];
  }
  const fields = error.details.fields ?? [];
  const reasons =
    fields.length > 1 ? fields.map(({ name, message }) => `${name}: ${message}`) : [error.message];
  return reasons
    .slice(0, MAX_REASONS)
    .map((reason) => (reason.length > MAX_LENGTH ? `${reason.slice(0, MAX_LENGTH - 1)}…` : reason));
}

// A failure → the wire of the AWS rest-json protocol: status, `x-amzn-errortype`, `{"message"}`.
// The one translator of the control plane; what has no name outside becomes InternalServerException, and the
// caller sees an id while the log has the cause.

import type { Log } from '../core/call.ts';
import { toGatewayError } from '../core/errors.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';

export interface ErrorResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonObject;
}

const VALIDATION = { shape: 'ValidationException', status: 400 };
const INTERNAL = { shape: 'InternalServerException', status: 500 };
const CONFLICT = { shape: 'ConflictException', status: 409 };
const UNKNOWN = { shape: 'UnknownOperationException', status: 404 };

const WIRE: Readonly<Record<ErrorCode, { readonly shape: string; readonly status: number }>> = Object.freeze({
  Validation: VALIDATION,
  Malformed: VALIDATION,
  TooLarge: { ...VALIDATION, status: 413 },
  Unauthenticated: { shape: 'AccessDeniedException', status: 403 },
  Forbidden: { shape: 'AccessDeniedException', status: 403 },
  NotFound: { shape: 'ResourceNotFoundException', status: 404 },
  MethodNotFound: UNKNOWN,
  Conflict: CONFLICT,
  StaleRevision: CONFLICT,
  QuotaExceeded: { shape: 'ServiceQuotaExceededException', status: 402 },
  Throttled: { shape: 'ThrottlingException', status: 429 },
  Unavailable: { ...INTERNAL, status: 503 },
  UpstreamTimeout: INTERNAL,
  UpstreamRefused: INTERNAL,
  UpstreamBlocked: INTERNAL,
  UpstreamInvalid: INTERNAL,
  CredentialUnavailable: INTERNAL,
  ConsentRequired: CONFLICT,
  Internal: INTERNAL,
});

/** The answer to a request that failed. `isIdentity`: operations below /identities/ say Unauthorized with 401. */
export function errorResponse(
  thrown: unknown,
  request: { readonly requestId: string; readonly isIdentity: boolean },
  log: Log,
): ErrorResponse {
  const error = toGatewayError(thrown);
  const wire =
    error.code === 'Unauthenticated' && request.isIdentity
      ? { shape: 'UnauthorizedException', status: 401 }
      : WIRE[error.code];
  const { reason, fields, retryAfterMs, internal } = error.details;
  if (wire.shape === INTERNAL.shape)
    log.error(
      { requestId: request.requestId, code: error.code, internal, stack: stackOf(error) },
      'control request failed',
    );
  const isValidation = wire.shape === VALIDATION.shape;
  return {
    status: wire.status,
    headers: {
      'x-amzn-errortype': wire.shape,
      ...(retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
    },
    body: {
      message:
        error.code === 'Internal'
          ? `An internal error occurred. The log has it under request id ${request.requestId}.`
          : error.message,
      ...(isValidation
        ? { reason: reason ?? (error.code === 'Malformed' ? 'CannotParse' : 'FieldValidationFailed') }
        : {}),
      ...(isValidation && fields
        ? { fieldList: fields.map(({ name, message }) => ({ name, message })) }
        : {}),
    },
  };
}

function stackOf(error: Error): string | undefined {
  return error.cause instanceof Error ? error.cause.stack : error.stack;
}

// A failure → the wire of the Lambda API: status, `x-amzn-errortype`, a body with `Type` and the message. Names, statuses
// and the spelling of members are those of the service model of AWS Lambda.

import type { Log } from '../../core/call.ts';
import { toGatewayError } from '../../core/errors.ts';
import type { ErrorCode, GatewayError } from '../../core/errors.ts';

interface Wire {
  readonly shape: string;
  readonly status: number;
  /** How the model spells the member with the message. */
  readonly member?: 'Message';
}

const INVALID: Wire = { shape: 'InvalidParameterValueException', status: 400 };
const SERVICE: Wire = { shape: 'ServiceException', status: 500, member: 'Message' };
const DENIED: Wire = { shape: 'AccessDeniedException', status: 403, member: 'Message' };
const CONFLICT: Wire = { shape: 'ResourceConflictException', status: 409 };
const RUNTIME: Wire = { shape: 'InvalidRuntimeException', status: 502, member: 'Message' };

const WIRE: Readonly<Record<ErrorCode, Wire>> = Object.freeze({
  Validation: INVALID,
  Malformed: { shape: 'InvalidRequestContentException', status: 400 },
  TooLarge: { shape: 'RequestTooLargeException', status: 413 },
  Unauthenticated: { shape: 'InvalidSignatureException', status: 403 },
  Forbidden: DENIED,
  NotFound: { shape: 'ResourceNotFoundException', status: 404, member: 'Message' },
  MethodNotFound: { shape: 'UnknownOperationException', status: 404 },
  Conflict: CONFLICT,
  StaleRevision: CONFLICT,
  QuotaExceeded: { shape: 'CodeStorageExceededException', status: 400 },
  Throttled: { shape: 'TooManyRequestsException', status: 429 },
  Unavailable: { ...SERVICE, status: 503 },
  UpstreamTimeout: SERVICE,
  UpstreamRefused: RUNTIME,
  UpstreamBlocked: SERVICE,
  UpstreamInvalid: SERVICE,
  CredentialUnavailable: { shape: 'KMSAccessDeniedException', status: 502, member: 'Message' },
  ConsentRequired: DENIED,
  Internal: SERVICE,
});

/** What has a name of its own in the model: said by the `reason` of an error. */
const BY_REASON: Readonly<Record<string, Wire>> = Object.freeze({
  PreconditionFailedException: { shape: 'PreconditionFailedException', status: 412 },
  PolicyLengthExceededException: { shape: 'PolicyLengthExceededException', status: 400 },
  UnrecognizedClientException: { shape: 'UnrecognizedClientException', status: 403 },
  MissingAuthenticationTokenException: { shape: 'MissingAuthenticationTokenException', status: 403 },
});

export interface FunctionErrorResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The answer to a request that failed. */
export function functionErrorResponse(thrown: unknown, requestId: string, log: Log): FunctionErrorResponse {
  const error = toGatewayError(thrown);
  const wire = wireOf(error);
  const { reason, retryAfterMs, internal } = error.details;
  if (wire.shape === SERVICE.shape)
    log.error(
      { requestId, code: error.code, internal, stack: stackOf(error) },
      'a request of the function API failed',
    );
  const message =
    error.code === 'Internal'
      ? `An internal error occurred. The log has it under request id ${requestId}.`
      : error.message;
  const isThrottled = wire.status === 429;
  return {
    status: wire.status,
    headers: {
      'content-type': 'application/json',
      'x-amzn-errortype': wire.shape,
      ...(retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
    },
    body: JSON.stringify({
      ...(isThrottled && reason !== undefined ? { Reason: reason } : {}),
      Type: wire.status < 500 ? 'User' : 'Service',
      [wire.member ?? 'message']: message,
    }),
  };
}

function wireOf(error: GatewayError): Wire {
  const { reason } = error.details;
  if (reason !== undefined && Object.hasOwn(BY_REASON, reason)) return BY_REASON[reason] ?? SERVICE;
  if (error.code !== 'Unauthenticated') return WIRE[error.code];
  const name = error.message.startsWith('Missing Authentication')
    ? 'MissingAuthenticationTokenException'
    : error.message.startsWith('The security token')
      ? 'UnrecognizedClientException'
      : '';
  return BY_REASON[name] ?? WIRE.Unauthenticated;
}

function stackOf(error: Error): string | undefined {
  return error.cause instanceof Error ? error.cause.stack : error.stack;
}

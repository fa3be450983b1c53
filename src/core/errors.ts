// The one table of errors. Rooms throw these; only the edges (control/error-response.ts,
// mcp/error-response.ts, edge/) translate them to a wire. Nothing here knows HTTP or JSON-RPC.

export type ErrorCode =
  | 'Validation'
  | 'Malformed'
  | 'Unauthenticated'
  | 'Forbidden'
  | 'NotFound'
  | 'MethodNotFound'
  | 'Conflict'
  | 'StaleRevision'
  | 'QuotaExceeded'
  | 'Throttled'
  | 'TooLarge'
  | 'UpstreamTimeout'
  | 'UpstreamRefused'
  | 'UpstreamBlocked'
  | 'UpstreamInvalid'
  | 'CredentialUnavailable'
  | 'ConsentRequired'
  | 'Unavailable'
  | 'Internal';

/** One thing wrong with one member of an input; `name` is a path such as `targetConfiguration.mcp`. */
export interface FieldFault {
  readonly name: string;
  readonly message: string;
}

export interface ErrorDetails {
  /** All faults of a validation failure. */
  readonly fields?: readonly FieldFault[];
  /** Finer wire reason where the protocol has one (ValidationException.reason). */
  readonly reason?: string;
  /** Challenge parameters of an authentication failure (RFC 6750 §3). */
  readonly challenge?: { readonly error?: string; readonly description?: string; readonly scope?: string };
  readonly retryAfterMs?: number;
  /** Where the user has to go before the call can be made (ConsentRequired). */
  readonly consent?: { readonly authorizationUrl: string; readonly elicitationId: string };
  /** Detail for operators: logged, shown to clients only where `exceptionLevel` is DEBUG. */
  readonly internal?: string;
}

/** A failure the house knows by name. `message` is safe to show to the caller. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails & { cause?: unknown } = {}) {
    const { cause, ...rest } = details;
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'GatewayError';
    this.code = code;
    this.details = Object.freeze(rest);
  }
}

/** The only door for foreign throwables: whatever is not a GatewayError becomes `Internal`, cause kept. */
export function toGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  return new GatewayError('Internal', 'An internal error occurred. Please retry later.', {
    cause: thrown,
    internal: thrown instanceof Error ? thrown.message : String(thrown),
  });
}

/** What happened, in the words of whoever noticed it: for logs, and never for callers. */
export function reasonOf(thrown: unknown): string {
  const { details, message } = toGatewayError(thrown);
  return details.internal ?? message;
}

/** A validation failure of one named member. */
export function invalidField(name: string, message: string): GatewayError {
  return new GatewayError('Validation', `${name}: ${message}`, {
    fields: [{ name, message }],
    reason: 'FieldValidationFailed',
  });
}

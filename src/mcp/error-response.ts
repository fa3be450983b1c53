// Errors of the house → JSON-RPC errors and HTTP statuses of the data plane. The only place that knows both.
// Codes: JSON-RPC 2.0 §5.1, MCP 2026-07-28 (−32020 to −32022), AgentCore (−32001 to −32003).

import type { Log } from '../core/call.ts';
import { reasonOf, toGatewayError } from '../core/errors.ts';
import type { ErrorCode, GatewayError } from '../core/errors.ts';
import type { JsonValue } from '../core/json.ts';
import { RelayedError } from '../core/relay.ts';
import type { RpcError } from './message.ts';

/** A fault of the protocol itself, already in its wire form. */
export class ProtocolError extends Error {
  readonly status: number;
  readonly code: number;
  readonly data: JsonValue | undefined;

  constructor(status: number, code: number, message: string, data?: JsonValue) {
    super(message);
    this.name = 'ProtocolError';
    this.status = status;
    this.code = code;
    this.data = data;
  }
}

export const PARSE_ERROR = -32700;
export const INVALID_REQUEST = -32600;
export const METHOD_NOT_FOUND = -32601;
export const INVALID_PARAMS = -32602;
export const INTERNAL_ERROR = -32603;
/** 2025-11-25 only: the user has to visit an address before the request can be served. */
export const URL_ELICITATION_REQUIRED = -32042;
export const HEADER_MISMATCH = -32020;
export const MISSING_CAPABILITY = -32021;
export const UNSUPPORTED_VERSION = -32022;

/** Errors between this gateway and a target's server that mean nothing to the client. */
const OUR_OWN: ReadonlySet<number> = new Set([HEADER_MISMATCH, UNSUPPORTED_VERSION]);

const TABLE: Readonly<Partial<Record<ErrorCode, readonly [status: number, code: number]>>> = Object.freeze({
  Validation: [400, INVALID_PARAMS],
  Malformed: [400, PARSE_ERROR],
  Unauthenticated: [401, -32001],
  Forbidden: [403, -32002],
  NotFound: [404, INVALID_PARAMS],
  MethodNotFound: [404, METHOD_NOT_FOUND],
  Throttled: [429, -32003],
  TooLarge: [413, INVALID_REQUEST],
  Unavailable: [503, INTERNAL_ERROR],
});

export interface ErrorAnswer {
  readonly status: number;
  readonly error: RpcError;
  readonly fault?: GatewayError;
}

/** The answer to anything thrown. What is not known by name becomes an internal error that shows only its id. */
export function renderError(thrown: unknown, requestId: string, log: Log): ErrorAnswer {
  if (thrown instanceof ProtocolError)
    return {
      status: thrown.status,
      error: {
        code: thrown.code,
        message: thrown.message,
        ...(thrown.data === undefined ? {} : { data: thrown.data }),
      },
    };
  if (thrown instanceof RelayedError) return renderRelayed(thrown);
  const fault = toGatewayError(thrown);
  const [status, tabled] = TABLE[fault.code] ?? [500, INTERNAL_ERROR];
  // Credentials that are malformed say nothing about the body.
  const code = tabled === PARSE_ERROR && fault.details.challenge ? INVALID_REQUEST : tabled;
  if (status >= 500)
    log.error(
      { requestId, code: fault.code, reason: reasonOf(fault), stack: stackOf(fault) },
      'a request failed',
    );
  const message =
    status === 500
      ? `An internal error occurred. Please retry later. (request id ${requestId})`
      : fault.message;
  return { status, error: { code, message }, fault };
}

/** What a target's server answered. What it said of our request to it is ours to mend. */
function renderRelayed({ code, message, data }: RelayedError): ErrorAnswer {
  if (OUR_OWN.has(code))
    return {
      status: 200,
      error: {
        code: INTERNAL_ERROR,
        message: `The MCP server of this target refused the request: ${message}`,
      },
    };
  return {
    status: code === MISSING_CAPABILITY ? 400 : 200,
    error: { code, message, ...(data === undefined ? {} : { data }) },
  };
}

function stackOf(fault: GatewayError): string | undefined {
  const cause = fault.cause instanceof Error ? fault.cause : fault;
  return cause.stack;
}

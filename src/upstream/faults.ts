// Every fault of a call by one of our names; what the socket said goes to the log only.

import { GatewayError } from '../core/errors.ts';

/** How long a connection may take (milliseconds). */
export const CONNECT_TIMEOUT_MS = 3_000;

/** The answer is larger than it may be. */
export function tooLarge(url: URL, maxBytes: number): GatewayError {
  return new GatewayError('UpstreamInvalid', `${url.host} answered with more than ${maxBytes} bytes.`);
}

/** The deadline has passed. */
export function timedOut(url: URL, timeoutMs: number): GatewayError {
  return new GatewayError(
    'UpstreamTimeout',
    `${url.host} did not answer within ${Math.round(timeoutMs / 100) / 10} s.`,
  );
}

/** Whoever wanted the answer is gone. */
export function givenUp(url: URL): GatewayError {
  return new GatewayError('UpstreamTimeout', `The call to ${url.host} was given up.`);
}

/** True when the other side had closed a kept-alive connection. */
export function isClosedConnection(thrown: unknown): boolean {
  const cause = thrown instanceof GatewayError ? thrown.cause : thrown;
  if (!(cause instanceof Error) || !('code' in cause)) return false;
  return cause.code === 'UND_ERR_SOCKET' || cause.code === 'ECONNRESET' || cause.code === 'EPIPE';
}

/** Every foreign fault gets one of our names here; what the socket said goes to the log only. */
export function nameFault(thrown: unknown, url: URL): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  const internal = thrown instanceof Error ? `${code} ${thrown.message}` : String(thrown);
  if (code === 'UND_ERR_CONNECT_TIMEOUT')
    return new GatewayError(
      'UpstreamRefused',
      `${url.host} could not be reached: no connection in ${CONNECT_TIMEOUT_MS / 1000} s.`,
      { cause: thrown, internal },
    );
  if (['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'].includes(code))
    return new GatewayError('UpstreamRefused', `${url.host} could not be reached.`, {
      cause: thrown,
      internal,
    });
  if (/CERT|TLS|SSL|SELF_SIGNED/.test(code))
    return new GatewayError(
      'UpstreamRefused',
      `${url.host} could not be reached: its TLS certificate is not trusted.`,
      { cause: thrown, internal },
    );
  return new GatewayError('UpstreamInvalid', `${url.host} broke off or sent something that is not HTTP.`, {
    cause: thrown,
    internal,
  });
}

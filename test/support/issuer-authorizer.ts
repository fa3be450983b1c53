// A CUSTOM_JWT authorizer on its own, with time in the test's hand and the real guarded egress behind it.

import { GatewayError } from '../../src/core/errors.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { Principal } from '../../src/core/principal.ts';
import { customJwtAuthorizer } from '../../src/authorizers/custom-jwt/index.ts';
import { createEgressClient } from '../../src/upstream/client.ts';
import { createEgressGuard, parseAllowRule } from '../../src/upstream/guard.ts';
import { createRecordingLog } from './app.ts';
import type { LogLine } from './app.ts';
import type { Issuer } from './issuer.ts';

/** What came of one token: the principal, or the fault's code with everything a client or operator learns of it. */
export type Outcome =
  | { readonly principal: Principal }
  | {
      readonly code: string;
      readonly message: string;
      readonly challenge: string;
      readonly internal: string;
    };

export interface AuthorizerBench {
  /** Outcome for these Authorization headers. */
  authorize(...headers: readonly string[]): Promise<Outcome>;
  /** Outcome for a bearer token: `ok`, or the fault's code. */
  verdict(token: string): Promise<string>;
  /** Moves both clocks. */
  pass(ms: number): void;
  now(): number;
  readonly lines: LogLine[];
  close(): Promise<void>;
}

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

/** `allow` lists what egress may reach although it is not public; by default the issuer. */
export function openAuthorizer(
  issuer: Issuer,
  config: JsonObject = {},
  allow: readonly string[] = ['127.0.0.1'],
): AuthorizerBench {
  const { log, lines } = createRecordingLog();
  const egress = createEgressClient({ guard: createEgressGuard(allow.map(parseAllowRule)) });
  let passed = 0;
  const start = { wall: Date.now(), monotonic: performance.now() };
  const authorizer = customJwtAuthorizer.prepare(
    { customJWTAuthorizer: { discoveryUrl: issuer.discoveryUrl, allowedAudience: ['gateway'], ...config } },
    { egress, log, clock: { now: () => start.wall + passed, monotonic: () => start.monotonic + passed } },
  );
  const authorize = async (...headers: readonly string[]): Promise<Outcome> => {
    try {
      const head = {
        method: 'POST',
        target: '/',
        headers: headers.length === 0 ? {} : { authorization: headers },
      };
      return { principal: await authorizer.authorize(head) };
    } catch (thrown) {
      if (!(thrown instanceof GatewayError)) throw thrown;
      const { challenge, internal = '' } = thrown.details;
      const cause = thrown.cause instanceof GatewayError ? thrown.cause.details.internal : undefined;
      return {
        code: thrown.code,
        message: thrown.message,
        challenge: JSON.stringify(challenge),
        internal: cause ?? internal,
      };
    }
  };
  return {
    authorize,
    async verdict(token) {
      const outcome = await authorize(`Bearer ${token}`);
      return 'principal' in outcome ? 'ok' : outcome.code;
    },
    pass: (ms) => void (passed += ms),
    now: () => start.wall + passed,
    lines,
    close: () => egress.close(),
  };
}

// Things that are recorded around their doing (core/audit.ts): where the log is required, the intent is durable before
// anything is done, and nothing is done without it; what came of it is recorded in any case. Knows no file.

import type { Audit, AuditFact } from './audit.ts';
import { toGatewayError } from './errors.ts';
import { newId } from './ids.ts';

/** What an outcome adds to the fact, or takes back of it. */
export type Outcome = Partial<AuditFact>;

const UNRECORDED: Outcome = Object.freeze({
  decision: 'deny',
  errorCode: 'Unavailable',
  reason: 'The audit log could not be written.',
});

/**
 * Does a piece of work, recorded. Of a failure the code is recorded and no word of its message.
 * @param outcomeOf what is to be known of a success; never a secret
 * @param failed what is to be known of a failure besides its code
 * @throws what the work throws; GatewayError Unavailable where the log is required and cannot be written
 */
export async function recorded<T>(
  audit: Audit | undefined,
  fact: AuditFact,
  work: () => Promise<T>,
  outcomeOf?: (result: T) => Outcome,
  failed: Outcome = {},
): Promise<T> {
  if (!audit || audit.mode === 'off') return work();
  const end = await begin(audit, fact);
  try {
    const result = await work();
    end(outcomeOf?.(result) ?? {});
    return result;
  } catch (thrown) {
    end({ ...failureOf(thrown), ...failed });
    throw thrown;
  }
}

/**
 * The same for work whose end is told by the caller: gives what records it.
 * @throws GatewayError Unavailable where the log is required and cannot be written
 */
export async function begin(audit: Audit, fact: AuditFact): Promise<(outcome: Outcome) => void> {
  const isTwofold = audit.mode === 'required';
  // Both have one request id, also of what nobody has asked for.
  const named: AuditFact = { requestId: newId(), decision: 'allow', ...fact };
  const end = (outcome: Outcome): void =>
    audit.record({ ...named, ...(isTwofold ? { phase: 'outcome' } : {}), ...outcome });
  if (isTwofold)
    try {
      await audit.commit({ ...named, phase: 'intent' });
    } catch (thrown) {
      end(UNRECORDED);
      throw thrown;
    }
  return end;
}

const DENIALS: ReadonlySet<string> = new Set(['Unauthenticated', 'Forbidden']);

/** How a failure is recorded: by its code. */
function failureOf(thrown: unknown): Outcome {
  const { code } = toGatewayError(thrown);
  return { errorCode: code, ...(DENIALS.has(code) ? { decision: 'deny', reason: code } : {}) };
}

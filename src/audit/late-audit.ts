// The audit log for those who are there before it is: the keys of the log itself may lie behind a credential. What they tell
// waits until the log is open, and is then recorded as of that moment.

import { NO_AUDIT } from '../core/audit.ts';
import type { Audit, AuditFact } from '../core/audit.ts';

/** What is told before; far more than there is to tell. */
const MAX_WAITING = 100;

export interface LateAudit extends Audit {
  /** The log is there: it gets what has waited, and everything from now on. */
  open(audit: Audit): void;
}

/** A log that is not open yet. Nobody waits for it before it is. */
export function createLateAudit(): LateAudit {
  const waiting: AuditFact[] = [];
  let opened: Audit | undefined;
  const record = (fact: AuditFact): void => {
    if (opened) opened.record(fact);
    else if (waiting.length < MAX_WAITING) waiting.push(fact);
  };
  return Object.freeze({
    get mode() {
      return opened?.mode ?? 'best-effort';
    },
    get showsArguments() {
      return opened?.showsArguments ?? false;
    },
    record,
    commit(fact, isKept) {
      if (opened) return opened.commit(fact, isKept);
      record(fact);
      return undefined;
    },
    digest: (value) => (opened ?? NO_AUDIT).digest(value),
    open(audit) {
      opened = audit;
      for (const fact of waiting.splice(0)) audit.record(fact);
    },
  } satisfies LateAudit);
}

// Facts of the process itself: start and stop, and what happens to the log.

import type { AuditFact } from '../core/audit.ts';
import type { JsonObject } from '../core/json.ts';

const SOURCE = 'gatewright';

/** What the process did of itself. */
export function serviceFact(eventName: string, requestParameters: JsonObject): AuditFact {
  return {
    eventName,
    eventSource: SOURCE,
    category: 'Management',
    isServiceEvent: true,
    isReadOnly: false,
    actor: { kind: 'service' },
    requestParameters,
  };
}

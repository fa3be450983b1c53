// What the house tells of who did what: facts of the audit log, and the log as everybody but its room knows it
// (implemented in audit/). Facts hold no secret: arguments are digests unless the operator wants them.

import type { Caller } from './access.ts';
import type { UsedCredential } from './call-credential.ts';
import type { JsonObject, JsonValue } from './json.ts';
import type { Principal } from './principal.ts';

/**
 * `off`: nothing is recorded. `best-effort`: nothing ever waits for the log. `required`: what cannot be recorded is not
 * done.
 */
export type AuditMode = 'off' | 'best-effort' | 'required';

/** Who did it. */
export type AuditActor =
  | { readonly kind: 'caller'; readonly caller: Caller }
  | { readonly kind: 'principal'; readonly principal: Principal }
  /** Nobody who could prove who they are; the access key that was claimed, if one was. */
  | { readonly kind: 'unknown'; readonly accessKeyId?: string }
  /** This process itself. */
  | { readonly kind: 'service' };

/** `eventSource` of what AWS has no name for. */
export const OWN_SOURCE = 'gatewright';

export interface AuditResource {
  readonly arn: string;
  /** CloudFormation's name of the type, for example `AWS::BedrockAgentCore::Gateway`. */
  readonly type: string;
}

/** One thing that was done, or refused. */
export interface AuditFact {
  /** The operation, as AWS names it where it does. */
  readonly eventName: string;
  /** Default: that of AgentCore. */
  readonly eventSource?: string;
  readonly category: 'Management' | 'Data';
  /** What the process did of itself. */
  readonly isServiceEvent?: boolean;
  readonly isReadOnly: boolean;
  readonly actor: AuditActor;
  readonly requestId?: string;
  readonly sourceIpAddress?: string;
  readonly userAgent?: string;
  readonly requestParameters?: JsonObject;
  readonly responseElements?: JsonObject;
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly resources?: readonly AuditResource[];
  /** Whether it was allowed; absent where nothing was decided. */
  readonly decision?: 'allow' | 'deny';
  /** Why it was decided like that. */
  readonly reason?: string;
  readonly gatewayId?: string;
  readonly targetId?: string;
  readonly tool?: string;
  readonly durationMs?: number;
  /** The credential that left with it. */
  readonly credential?: UsedCredential;
  /** Of what is recorded twice: before it is done, and when its end is known. Both carry the same request id. */
  readonly phase?: 'intent' | 'outcome';
  /** Anything else worth knowing. */
  readonly more?: JsonObject;
}

export interface Audit {
  readonly mode: AuditMode;
  /** Whether arguments and results of calls are shown, and not digests of arguments only. */
  readonly showsArguments: boolean;
  /** Records without anybody waiting for it. */
  record(fact: AuditFact): void;
  /**
   * Records, and where the log is required resolves only when the record is durable. Undefined: there is nothing to wait
   * for.
   * @param isKept the fact has happened: it is recorded later should the log not be writable now
   * @throws GatewayError Unavailable (by the promise) when it cannot be made durable
   */
  commit(fact: AuditFact, isKept?: boolean): Promise<void> | undefined;
  /**
   * HMAC-SHA-256 under the installation's key, in hexadecimal, of a text, or of the canonical JSON of another value: tells
   * whether two are the same, not what they are.
   */
  digest(value: JsonValue | undefined): string;
}

/** The log that is off. */
export const NO_AUDIT: Audit = Object.freeze({
  mode: 'off',
  showsArguments: false,
  record: () => undefined,
  commit: () => undefined,
  digest: () => '',
});

/** What a caller says of itself, as far as a record has room for it. */
const MAX_USER_AGENT = 256;

/** As much of it as a record has room for. */
export const shortUserAgent = (userAgent: string): string => userAgent.slice(0, MAX_USER_AGENT);

/** The caller's program by its own word; undefined where it says nothing. */
export function userAgentOf(
  headers: Readonly<Record<string, readonly string[] | undefined>>,
): { readonly userAgent: string } | undefined {
  const [userAgent] = headers['user-agent'] ?? [];
  return userAgent === undefined ? undefined : { userAgent: shortUserAgent(userAgent) };
}

// What the audit log is told of consents on their way: begun, followed, given, refused, failed, taken back, and whose they
// are. A session is named by the digest that it is stored under: its link, codes, states and tokens stand in no record.

import { createArns } from '../core/arn.ts';
import type { ArnScope } from '../core/arn.ts';
import { NO_AUDIT, OWN_SOURCE, userAgentOf } from '../core/audit.ts';
import type { Audit, AuditFact } from '../core/audit.ts';
import { credentialProvider, userText } from '../core/credential-use.ts';
import { toGatewayError } from '../core/errors.ts';
import { begin } from '../core/recorded.ts';
import type { TokenUser } from '../core/resources.ts';
import type { SessionRow } from './consent-sessions.ts';
import type { WebRequest } from './identity.ts';
import type { Providers } from './providers.ts';

const MAX_TEXT = 1024;

export type ConsentEvent =
  | 'BeginUserConsent'
  | 'CompleteUserConsent'
  | 'GiveUserConsent'
  | 'RevokeUserConsent'
  | 'StartUserConsent';

/** A consent, as far as it is told. */
export interface ToldConsent {
  /** The id of its session, or of what came of it. */
  readonly session?: string;
  readonly consent?: string;
  /** Its provider, by id or by name. */
  readonly providerId?: string;
  readonly providerName?: string;
  readonly workloadId: string;
  readonly user: TokenUser;
  readonly scopes: readonly string[];
  readonly clientId?: string;
  readonly targetId?: string;
}

export interface ConsentAudit {
  /** Does a step of a consent, recorded. @throws what `work` throws, and as `recorded` of core/ */
  step<T>(
    event: ConsentEvent,
    consent: ToldConsent | undefined,
    by: Partial<AuditFact>,
    work: () => Promise<T>,
    outcomeOf?: (result: T) => Partial<AuditFact>,
  ): Promise<T>;
}

/** The records of one process. */
export function createConsentAudit(services: {
  readonly audit?: Audit;
  readonly scope: ArnScope;
  readonly providers: Pick<Providers, 'byId'>;
}): ConsentAudit {
  const { audit = NO_AUDIT, providers } = services;
  const arns = createArns(services.scope);

  async function nameOf(providerId: string | undefined): Promise<string | undefined> {
    return providerId === undefined ? undefined : (await providers.byId(providerId))?.name;
  }

  async function factOf(
    eventName: ConsentEvent,
    consent: ToldConsent | undefined,
    by: Partial<AuditFact>,
  ): Promise<AuditFact> {
    const fact: AuditFact = {
      eventName,
      eventSource: OWN_SOURCE,
      category: 'Management',
      isReadOnly: false,
      actor: { kind: 'service' },
      ...by,
    };
    if (!consent) return fact;
    const { session, consent: consentId, workloadId, user, scopes, clientId, targetId } = consent;
    const name = consent.providerName ?? (await nameOf(consent.providerId));
    return {
      ...fact,
      gatewayId: workloadId,
      ...(targetId === undefined ? {} : { targetId }),
      ...(name === undefined ? {} : { resources: [credentialProvider(arns.oauth2Provider(name))] }),
      requestParameters: {
        ...(clientId === undefined ? {} : { clientId: clientId.slice(0, MAX_TEXT) }),
        ...(consentId === undefined ? {} : { consentId }),
        scopes: scopes.join(' ').slice(0, MAX_TEXT),
        ...(session === undefined ? {} : { session }),
        user: userText(user),
      },
    };
  }

  return Object.freeze({
    async step(event, consent, by, work, outcomeOf) {
      if (audit.mode === 'off') return work();
      // Of a consent that there is not nothing can be done: no intent is to be durable, only the refusal is told.
      const fact = await factOf(event, consent, by);
      const end = consent
        ? await begin(audit, fact)
        : (outcome: Partial<AuditFact>): void => audit.record({ decision: 'deny', ...fact, ...outcome });
      try {
        const result = await work();
        end(outcomeOf?.(result) ?? {});
        return result;
      } catch (thrown) {
        const { code, details, message } = toGatewayError(thrown);
        // These are sentences of ours; what servers say may repeat what they were sent.
        const isDenied = code === 'Forbidden';
        end({
          errorCode: code,
          ...(isDenied ? { decision: 'deny', reason: details.internal ?? message } : {}),
        });
        throw thrown;
      }
    },
  } satisfies ConsentAudit);
}

/** A session as it is told. */
export function toldSession({ id, document }: SessionRow): ToldConsent {
  return { ...document, session: id };
}

/** Who sits at a browser has proved nothing: where the request came from is what is known. */
export function browserAt({ headers, remoteAddress }: WebRequest): Partial<AuditFact> {
  const agent = headers['user-agent'];
  return {
    actor: { kind: 'unknown' },
    ...(typeof agent === 'string' ? userAgentOf({ 'user-agent': [agent] }) : {}),
    ...(remoteAddress === undefined ? {} : { sourceIpAddress: remoteAddress }),
  };
}

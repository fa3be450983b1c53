// Who did it, in the form of CloudTrail's `userIdentity`: an access key is an IAM user, the subject of a token a web
// identity. Claims and tokens stay out of it.

import type { AuditActor } from '../core/audit.ts';
import type { JsonObject } from '../core/json.ts';
import type { Principal } from '../core/principal.ts';

/** What a token says of its subject is text of others. */
const MAX_TEXT = 512;

/** CloudTrail's userIdentity of an actor. */
export function userIdentity(actor: AuditActor, accountId: string): JsonObject {
  switch (actor.kind) {
    case 'caller': {
      const { arn, accessKeyId, role } = actor.caller;
      if (accessKeyId === '') return OURSELVES;
      return {
        type: 'IAMUser',
        principalId: accessKeyId,
        arn,
        accountId,
        accessKeyId,
        userName: arn.slice(arn.lastIndexOf('/') + 1),
        role,
      };
    }
    case 'principal':
      return ofPrincipal(actor.principal, accountId);
    case 'unknown':
      return {
        type: 'Unknown',
        principalId: '',
        accountId: 'anonymous',
        ...(actor.accessKeyId === undefined ? {} : { accessKeyId: cut(actor.accessKeyId) }),
      };
    default:
      return OURSELVES;
  }
}

const OURSELVES: JsonObject = Object.freeze({
  type: 'AWSService',
  principalId: 'gatewright',
  invokedBy: 'gatewright',
});

function ofPrincipal({ type, id, issuer, clientId, scopes }: Principal, accountId: string): JsonObject {
  if (type === 'anonymous') return { type: 'Unknown', principalId: 'anonymous', accountId: 'anonymous' };
  if (type === 'iam')
    return {
      type: 'IAMUser',
      principalId: cut(clientId ?? id),
      ...(id.startsWith('arn:') ? { arn: cut(id), userName: cut(id.slice(id.lastIndexOf('/') + 1)) } : {}),
      accountId,
      ...(clientId === undefined ? {} : { accessKeyId: cut(clientId) }),
    };
  return {
    type: 'WebIdentityUser',
    principalId: cut(id),
    userName: cut(id),
    accountId,
    ...(issuer === undefined ? {} : { identityProvider: cut(issuer) }),
    ...(clientId === undefined ? {} : { clientId: cut(clientId) }),
    ...(scopes === undefined ? {} : { scopes: scopes.slice(0, 50).map(cut) }),
  };
}

const cut = (text: string): string => text.slice(0, MAX_TEXT);

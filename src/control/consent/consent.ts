// Consents of users: completed by the application that the user came back to, listed and taken back by operators.

import { mayTouch } from '../../core/access.ts';
import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { TokenUser } from '../../core/resources.ts';
import { Secret } from '../../lib/secret.ts';
import { present } from '../context.ts';
import type { ControlContext, Handler } from '../context.ts';
import { validationFailure } from '../validate.ts';

/** Handles CompleteResourceTokenAuth: only the user who began may end it. */
export const completeResourceTokenAuth: Handler = async (input, ctx) => {
  const { userToken, userId } = input['userIdentifier'] as JsonObject;
  const user: TokenUser =
    typeof userToken === 'string'
      ? await ctx.verifyUserToken(new Secret(userToken))
      : { userId: String(userId) };
  await ctx.identity.consents.complete(
    input['sessionUri'] as string,
    user,
    (workloadId) => mayTouch(ctx.caller, workloadId),
    ctx.by,
  );
  return {};
};

/** Handles ListUserConsents. */
export const listUserConsents: Handler = async (input, ctx) => {
  const { userId, issuer } = input;
  if (issuer !== undefined && userId === undefined)
    throw validationFailure([{ name: 'userId', message: 'Member must not be null when issuer is given' }]);
  const consents = await ctx.identity.consents.list(
    typeof userId !== 'string'
      ? undefined
      : typeof issuer === 'string'
        ? { issuer, subject: userId }
        : { userId },
  );
  return { consents: await Promise.all(consents.map((consent) => render(consent, ctx))) };
};

/** Handles RevokeUserConsent. */
export const revokeUserConsent: Handler = async (input, ctx) => {
  const consentId = input['consentId'] as string;
  if (!(await ctx.identity.consents.revoke(consentId)))
    throw new GatewayError('NotFound', `Consent ${consentId} not found`);
  return {};
};

type Consent = Awaited<ReturnType<ControlContext['identity']['consents']['list']>>[number];

async function render(consent: Consent, ctx: ControlContext): Promise<JsonObject> {
  const { user, workloadId } = consent;
  const workload = await ctx.store.get('workload-identity', workloadId);
  return present({
    consentId: consent.consentId,
    credentialProviderName: consent.providerName,
    workloadName: workload?.name ?? workloadId,
    userId: 'userId' in user ? user.userId : user.subject,
    issuer: 'userId' in user ? undefined : user.issuer,
    scopes: consent.scopes,
    grantedTime: consent.obtainedAt,
    expiresTime: consent.expiresAt,
    refreshable: consent.isRefreshable,
  });
}

// What applications get for their tokens: access tokens of providers, and API keys.

import { GatewayError } from '../../core/errors.ts';
import type { FieldFault } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { isOwnParameter } from '../../core/oauth-provider.ts';
import type { ResourceWish } from '../../identity/identity.ts';
import { present } from '../context.ts';
import type { Handler } from '../context.ts';
import { validationFailure } from '../validate.ts';
import { openWorkloadToken } from './access-token.ts';

/** Handles GetResourceOauth2Token. */
export const getResourceOauth2Token: Handler = async (input, ctx) => {
  const wish = readWish(input);
  const { claims, subject } = await openWorkloadToken(input, ctx);
  const given = await ctx.identity.tokens.resourceToken(claims, present({ ...wish, by: ctx.by }), subject);
  if ('accessToken' in given) return { accessToken: given.accessToken.reveal() };
  const { authorizationUrl, sessionUri, sessionStatus } = given;
  return present({ authorizationUrl, sessionUri, sessionStatus });
};

/** Handles GetResourceApiKey. */
export const getResourceApiKey: Handler = async (input, ctx) => {
  await openWorkloadToken(input, ctx);
  const name = input['resourceCredentialProviderName'] as string;
  const provider = await ctx.store.find('api-key-credential-provider', '', name);
  const sealed = provider && (await ctx.store.get('secret', provider.document.secretId));
  if (!provider || !sealed)
    throw new GatewayError('NotFound', `Credential provider with name: ${name} not found`);
  const version = provider.document.secretVersion;
  const binding = { type: 'api-key', recordId: sealed.id, field: 'apiKey', version };
  return { apiKey: ctx.openSecret(sealed.document, binding).reveal() };
};

function readWish(input: JsonObject): ResourceWish {
  const scopes = input['scopes'] as readonly string[];
  const customParameters = (input['customParameters'] as Readonly<Record<string, string>> | undefined) ?? {};
  const faults: FieldFault[] = [];
  for (const [index, scope] of scopes.entries())
    if (!/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope))
      faults.push({
        name: `scopes.${index + 1}.member`,
        message: 'Member must be one word of visible ASCII',
      });
  for (const name of Object.keys(customParameters))
    if (isOwnParameter(name))
      faults.push({ name: `customParameters.${name}`, message: 'Member is set by the service itself' });
  if (faults.length > 0) throw validationFailure(faults);
  return present({
    providerName: input['resourceCredentialProviderName'] as string,
    flow: input['oauth2Flow'] as ResourceWish['flow'],
    scopes,
    customParameters,
    resources: (input['resources'] as readonly string[] | undefined) ?? [],
    audiences: (input['audiences'] as readonly string[] | undefined) ?? [],
    returnUrl: input['resourceOauth2ReturnUrl'] as string | undefined,
    customState: input['customState'] as string | undefined,
    forceAuthentication: input['forceAuthentication'] as boolean | undefined,
    sessionUri: input['sessionUri'] as string | undefined,
  });
}

// OAuth 2.0 credential providers: the client's secret is sealed with the row and never comes back through the API.

import { GatewayError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import { parseProvider, providerFaults, renderProviderConfig } from '../../core/oauth-provider.ts';
import type { Oauth2ProviderDocument, Tags } from '../../core/resources.ts';
import { Secret } from '../../lib/secret.ts';
import type { Row, StoreReader, StoreTransaction } from '../../stores/store.ts';
import { present } from '../context.ts';
import type { ControlContext, Handler } from '../context.ts';
import { listPage } from '../page.ts';
import { checkTags } from '../tag/check.ts';
import { validationFailure } from '../validate.ts';
import { checkQuota } from '../quota.ts';
import { describeUsers, targetsUsing } from './users.ts';

const KIND = 'oauth2-credential-provider';
type Provider = Row<typeof KIND>;

/** Handles CreateOauth2CredentialProvider. */
export const createOauth2CredentialProvider: Handler = async (input, ctx) => {
  const name = input['name'] as string;
  const tags = (input['tags'] as Tags | undefined) ?? {};
  const { vendor, config, secret } = readInput(input);
  checkTags(tags, KIND, ctx);
  const id = newId();
  const row = await ctx.store.transaction(async (tx) => {
    if (await tx.find(KIND, '', name))
      throw new GatewayError('Conflict', `Credential provider with name: ${name} already exists`);
    await checkQuota(tx, KIND, ctx.quotas.oauth2Providers, 'OAuth2 credential providers');
    const document = { vendor, config, ...sealed(secret, id, 1, ctx), tags };
    return tx.create(KIND, { id, name, document });
  });
  return render(row, ctx);
};

/** Handles GetOauth2CredentialProvider. */
export const getOauth2CredentialProvider: Handler = async (input, ctx) =>
  render(await load(ctx.store, input), ctx);

/** Handles ListOauth2CredentialProviders. */
export const listOauth2CredentialProviders: Handler = async (input, ctx) => {
  const { items, ...rest } = await listPage(ctx.store, KIND, '', input, (row) => render(row, ctx), 20);
  return { credentialProviders: items, ...rest };
};

/** Handles UpdateOauth2CredentialProvider: all of the configuration is replaced, the secret with it. */
export const updateOauth2CredentialProvider: Handler = async (input, ctx) => {
  const { vendor, config, secret } = readInput(input);
  const row = await ctx.store.transaction(async (tx) => {
    const row = await load(tx, input);
    if (vendor !== row.document.vendor)
      throw validationFailure([
        {
          name: 'credentialProviderVendor',
          message: `Member cannot be changed after creation; it is ${row.document.vendor}`,
        },
      ]);
    const version = (row.document.secret?.version ?? 0) + 1;
    const { tags } = row.document;
    if (!isSameClient(row.document, vendor, config)) await removeRegistrations(tx, row.id);
    return tx.replace(KIND, row, { vendor, config, ...sealed(secret, row.id, version, ctx), tags });
  });
  return render(row, ctx);
};

/** Handles DeleteOauth2CredentialProvider: what users have allowed goes with it, and is revoked where it can be. */
export const deleteOauth2CredentialProvider: Handler = async (input, ctx) => {
  const row = await load(ctx.store, input);
  const refuseIfUsed = async (reader: StoreReader): Promise<void> => {
    const users = await targetsUsing(reader, ctx.arns.oauth2Provider(row.name), ctx);
    if (users.length > 0)
      throw new GatewayError('Conflict', `Credential provider ${row.name} ${describeUsers(users)}`);
  };
  await refuseIfUsed(ctx.store);
  await ctx.identity.tokens.removeTokens({ providerId: row.id });
  await ctx.store.transaction(async (tx) => {
    await refuseIfUsed(tx);
    await removeRegistrations(tx, row.id);
    await tx.remove(KIND, row.id);
  });
  return {};
};

/** Whether what the gateway has found out and registered for a provider still fits its configuration. */
function isSameClient(
  { vendor: lastVendor, config: last }: Oauth2ProviderDocument,
  vendor: string,
  config: JsonObject,
): boolean {
  const settings = [parseProvider(lastVendor, last, false), parseProvider(vendor, config, false)];
  const [before, after] = settings.map(({ protects, clientId }) => JSON.stringify([protects, clientId]));
  return before === after && config['clientId'] === undefined;
}

async function removeRegistrations(tx: StoreTransaction, providerId: string): Promise<void> {
  const { rows } = await tx.list('oauth-registration', providerId, { limit: 1_000 });
  for (const { id } of rows) await tx.remove('oauth-registration', id);
}

function readInput(input: JsonObject): {
  readonly vendor: string;
  readonly config: JsonObject;
  readonly secret: Secret | undefined;
} {
  const vendor = input['credentialProviderVendor'] as string;
  const [[member, given] = ['', {}]] = Object.entries(input['oauth2ProviderConfigInput'] as JsonObject);
  const all = isJsonObject(given) ? given : {};
  const { clientSecret, clientSecretConfig, clientSecretSource, ...config } = all;
  const place = `oauth2ProviderConfigInput.${member}`;
  if (clientSecretSource === 'EXTERNAL' || clientSecretConfig !== undefined)
    throw validationFailure([
      {
        name: `${place}.${clientSecretSource === 'EXTERNAL' ? 'clientSecretSource' : 'clientSecretConfig'}`,
        message: 'EXTERNAL secrets are not available in this version; send the secret as clientSecret',
      },
    ]);
  const secret =
    typeof clientSecret === 'string' && clientSecret !== '' ? new Secret(clientSecret) : undefined;
  const faults = [...providerFaults(vendor, member, config, secret !== undefined)];
  if (!secret && vendor !== 'CustomOauth2')
    faults.push({ name: `${place}.clientSecret`, message: 'Member must not be null or empty' });
  if (faults.length > 0) throw validationFailure(faults);
  return { vendor, config, secret };
}

function sealed(
  secret: Secret | undefined,
  recordId: string,
  version: number,
  ctx: ControlContext,
): Pick<Oauth2ProviderDocument, 'secret'> {
  if (!secret) return {};
  const binding = { type: 'oauth2-provider', recordId, field: 'clientSecret', version };
  return { secret: { sealed: ctx.seal(secret, binding), version } };
}

async function load(reader: StoreReader, input: JsonObject): Promise<Provider> {
  const name = input['name'] as string;
  const row = await reader.find(KIND, '', name);
  if (!row) throw new GatewayError('NotFound', `Credential provider with name: ${name} not found`);
  return row;
}

function render(row: Provider, ctx: ControlContext): JsonObject {
  const { vendor, config, secret } = row.document;
  return present({
    name: row.name,
    credentialProviderArn: ctx.arns.oauth2Provider(row.name),
    credentialProviderVendor: vendor,
    clientSecretArn: { secretArn: ctx.arns.secret(`bedrock-agentcore-identity!default/oauth2/${row.name}`) },
    clientSecretSource: secret ? 'MANAGED' : undefined,
    callbackUrl: ctx.identity.callbackUrl(row.id),
    oauth2ProviderConfigOutput: renderProviderConfig(vendor, config),
    status: 'READY',
    createdTime: row.createdAt,
    lastUpdatedTime: row.updatedAt,
  });
}

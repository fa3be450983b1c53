// API-key credential providers: the key goes into the vault's hands and never comes back through the API.

import { GatewayError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import type { SealedSecret, Tags } from '../../core/resources.ts';
import { Secret } from '../../lib/secret.ts';
import type { Row, StoreReader } from '../../stores/store.ts';
import type { ControlContext, Handler } from '../context.ts';
import { listPage } from '../page.ts';
import { checkTags } from '../tag/check.ts';
import { validationFailure } from '../validate.ts';
import { checkQuota } from '../quota.ts';
import { describeUsers, searchesUsing, targetsUsing } from './users.ts';

const KIND = 'api-key-credential-provider';
type Provider = Row<typeof KIND>;

/** Handles CreateApiKeyCredentialProvider. */
export const createApiKeyCredentialProvider: Handler = async (input, ctx) => {
  const apiKey = readKey(input);
  const name = input['name'] as string;
  const tags = (input['tags'] as Tags | undefined) ?? {};
  checkTags(tags, KIND, ctx);
  const secretId = newId();
  const row = await ctx.store.transaction(async (tx) => {
    if (await tx.find(KIND, '', name))
      throw new GatewayError('Conflict', `Credential provider with name: ${name} already exists`);
    await checkQuota(tx, KIND, ctx.quotas.apiKeyProviders, 'API-key credential providers');
    await tx.create('secret', { id: secretId, name: secretId, document: seal(apiKey, secretId, 1, ctx) });
    const document = { secretId, secretVersion: 1, secretSource: 'MANAGED', tags } as const;
    return tx.create(KIND, { id: newId(), name, document });
  });
  return render(row, ctx);
};

/** Handles GetApiKeyCredentialProvider. */
export const getApiKeyCredentialProvider: Handler = async (input, ctx) =>
  render(await load(ctx.store, input), ctx);

/** Handles ListApiKeyCredentialProviders. */
export const listApiKeyCredentialProviders: Handler = async (input, ctx) => {
  const { items, ...rest } = await listPage(ctx.store, KIND, '', input, (row) => render(row, ctx));
  return { credentialProviders: items, ...rest };
};

/** Handles UpdateApiKeyCredentialProvider: gateways that use the key are served with the new one at the answer. */
export const updateApiKeyCredentialProvider: Handler = async (input, ctx) => {
  const apiKey = readKey(input);
  const row = await ctx.store.transaction(async (tx) => {
    const row = await load(tx, input);
    const { secretId } = row.document;
    const secretVersion = row.document.secretVersion + 1;
    const sealed = seal(apiKey, secretId, secretVersion, ctx);
    const kept = await tx.get('secret', secretId);
    if (kept) await tx.replace('secret', kept, sealed);
    else await tx.create('secret', { id: secretId, name: secretId, document: sealed });
    return tx.replace(KIND, row, { ...row.document, secretVersion });
  });
  const gatewayIds = new Set(
    (await targetsUsing(ctx.store, ctx.arns.apiKeyProvider(row.name), ctx)).map((target) => target.parentId),
  );
  for (const gatewayId of gatewayIds) await ctx.publish(gatewayId);
  return render(row, ctx);
};

/** Handles DeleteApiKeyCredentialProvider. */
export const deleteApiKeyCredentialProvider: Handler = async (input, ctx) => {
  await ctx.store.transaction(async (tx) => {
    const row = await load(tx, input);
    const arn = ctx.arns.apiKeyProvider(row.name);
    const [targets, searches] = [await targetsUsing(tx, arn, ctx), await searchesUsing(tx, arn)];
    if (targets.length + searches.length > 0)
      throw new GatewayError(
        'Validation',
        `Credential provider ${row.name} ${describeUsers(targets, searches)}`,
        {
          reason: 'ResourceConflict',
        },
      );
    await tx.remove('secret', row.document.secretId);
    await tx.remove(KIND, row.id);
  });
  return {};
};

function readKey(input: JsonObject): Secret {
  const apiKey = input['apiKey'];
  if (input['apiKeySecretSource'] === 'EXTERNAL')
    throw validationFailure([
      {
        name: 'apiKeySecretSource',
        message: 'EXTERNAL is not available in this version; send the key as apiKey',
      },
    ]);
  if (input['apiKeySecretConfig'] !== undefined)
    throw validationFailure([
      {
        name: 'apiKeySecretConfig',
        message: 'Member is not available in this version; send the key as apiKey',
      },
    ]);
  if (typeof apiKey !== 'string' || apiKey === '')
    throw validationFailure([{ name: 'apiKey', message: 'Member must not be null or empty' }]);
  if (/\p{Cc}/u.test(apiKey))
    throw validationFailure([
      { name: 'apiKey', message: 'Member must not hold control characters, such as a line break at its end' },
    ]);
  return new Secret(apiKey);
}

function seal(secret: Secret, recordId: string, version: number, ctx: ControlContext): SealedSecret {
  return ctx.seal(secret, { type: 'api-key', recordId, field: 'apiKey', version });
}

async function load(reader: StoreReader, input: JsonObject): Promise<Provider> {
  const name = input['name'] as string;
  const row = await reader.find(KIND, '', name);
  if (!row) throw new GatewayError('NotFound', `Credential provider with name: ${name} not found`);
  return row;
}

function render(row: Provider, ctx: ControlContext): JsonObject {
  return {
    name: row.name,
    credentialProviderArn: ctx.arns.apiKeyProvider(row.name),
    apiKeySecretArn: {
      secretArn: ctx.arns.secret(`bedrock-agentcore-identity!default/apikey/${row.name}`),
    },
    apiKeySecretSource: row.document.secretSource,
    createdTime: row.createdAt,
    lastUpdatedTime: row.updatedAt,
  };
}

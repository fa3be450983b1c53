// Workload identities: applications, and the gateways themselves, on whose account tokens are kept. A gateway's is made
// and removed with it, and is known by the gateway's id.

import { GatewayError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Tags } from '../../core/resources.ts';
import { returnUrlFault } from '../../core/web-address.ts';
import type { Row, StoreReader, StoreTransaction } from '../../stores/store.ts';
import type { ControlContext, Handler } from '../context.ts';
import { listPage } from '../page.ts';
import { checkTags } from '../tag/check.ts';
import { validationFailure } from '../validate.ts';

const KIND = 'workload-identity';
type Workload = Row<typeof KIND>;

/** Handles CreateWorkloadIdentity. */
export const createWorkloadIdentity: Handler = async (input, ctx) => {
  const name = input['name'] as string;
  const tags = (input['tags'] as Tags | undefined) ?? {};
  const allowedResourceOauth2ReturnUrls = readReturnUrls(input);
  checkTags(tags, KIND, ctx);
  const row = await ctx.store.transaction(async (tx) => {
    if (await tx.find(KIND, '', name))
      throw validationFailure([
        { name: 'name', message: `A workload identity with name ${name} already exists` },
      ]);
    if ((await tx.count(KIND)) >= ctx.quotas.workloadIdentities)
      throw validationFailure([
        {
          name: 'name',
          message: `You have reached the limit of ${ctx.quotas.workloadIdentities} workload identities`,
        },
      ]);
    return tx.create(KIND, { id: newId(), name, document: { allowedResourceOauth2ReturnUrls, tags } });
  });
  return render(row, ctx);
};

/** Handles GetWorkloadIdentity. */
export const getWorkloadIdentity: Handler = async (input, ctx) =>
  render(await loadWorkload(ctx.store, input['name'] as string), ctx);

/** Handles ListWorkloadIdentities. */
export const listWorkloadIdentities: Handler = async (input, ctx) => {
  const { items, ...rest } = await listPage(
    ctx.store,
    KIND,
    '',
    input,
    ({ name }) => ({ name, workloadIdentityArn: ctx.arns.workloadIdentity(name) }),
    20,
  );
  return { workloadIdentities: items, ...rest };
};

/** Handles UpdateWorkloadIdentity. */
export const updateWorkloadIdentity: Handler = async (input, ctx) => {
  const allowedResourceOauth2ReturnUrls = readReturnUrls(input);
  const row = await ctx.store.transaction(async (tx) => {
    const row = await loadWorkload(tx, input['name'] as string);
    return tx.replace(KIND, row, { ...row.document, allowedResourceOauth2ReturnUrls });
  });
  return render(row, ctx);
};

/** Handles DeleteWorkloadIdentity. */
export const deleteWorkloadIdentity: Handler = async (input, ctx) => {
  const row = await loadWorkload(ctx.store, input['name'] as string);
  if (row.document.gatewayId !== undefined)
    throw validationFailure([
      { name: 'name', message: `${row.name} is the identity of a gateway and goes with it` },
    ]);
  await ctx.identity.tokens.removeTokens({ workloadId: row.id });
  await ctx.store.transaction((tx) => tx.remove(KIND, row.id));
  return {};
};

/** @throws GatewayError NotFound */
export async function loadWorkload(reader: StoreReader, name: string): Promise<Workload> {
  const row = await reader.find(KIND, '', name);
  if (!row) throw new GatewayError('NotFound', `Workload identity with name ${name} not found`);
  return row;
}

/** The identity of a gateway that is being made. */
export async function createGatewayIdentity(tx: StoreTransaction, gatewayId: string): Promise<void> {
  await tx.create(KIND, {
    id: gatewayId,
    name: gatewayId,
    document: { allowedResourceOauth2ReturnUrls: [], gatewayId, tags: {} },
  });
}

function readReturnUrls(input: JsonObject): readonly string[] {
  const urls = (input['allowedResourceOauth2ReturnUrls'] as readonly string[] | undefined) ?? [];
  const faults = urls.flatMap((url, index) => {
    const fault = returnUrlFault(url);
    const name = `allowedResourceOauth2ReturnUrls.${index + 1}.member`;
    return fault === undefined ? [] : [{ name, message: `Member ${fault}` }];
  });
  if (faults.length > 0) throw validationFailure(faults);
  return urls;
}

async function render(row: Workload, ctx: ControlContext): Promise<JsonObject> {
  return {
    name: row.name,
    workloadIdentityArn: ctx.arns.workloadIdentity(row.name),
    // Of a gateway, with the addresses that its targets name.
    allowedResourceOauth2ReturnUrls: await ctx.identity.consents.allowedReturnUrls(row.id),
    createdTime: row.createdAt,
    lastUpdatedTime: row.updatedAt,
  };
}

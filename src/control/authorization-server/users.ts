// Users of the authorization server: people who have no identity provider. Passwords are hashed here and never read back.

import { GatewayError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import { userNameKey } from '../../core/user-name.ts';
import { hashPassword } from '../../lib/password-hash.ts';
import { Secret } from '../../lib/secret.ts';
import type { Row, StoreReader } from '../../stores/store.ts';
import type { Handler } from '../context.ts';
import { listPage } from '../page.ts';
import { checkQuota } from '../quota.ts';

const MAX_USERS = 10_000;

/** Handles CreateLocalUser. */
export const createLocalUser: Handler = async (input, ctx) => {
  const password = await hashPassword(new Secret(input['password'] as string));
  const row = await ctx.store.transaction(async (tx) => {
    await checkQuota(tx, 'local-user', MAX_USERS, 'users');
    const name = userNameKey(input['userName'] as string);
    if (await tx.find('local-user', '', name))
      throw new GatewayError('Conflict', `A user with the name ${name} already exists.`);
    const document = { password, passwordChangedAt: ctx.clock.now() };
    return tx.create('local-user', { id: newId(), name, document });
  });
  return render(row);
};

/** Handles ListLocalUsers. */
export const listLocalUsers: Handler = async (input, ctx) => {
  const { items, ...rest } = await listPage(ctx.store, 'local-user', '', input, render);
  return { users: items, ...rest };
};

/** Handles SetLocalUserPassword: whoever was signed in with the old one is no more. */
export const setLocalUserPassword: Handler = async (input, ctx) => {
  const password = await hashPassword(new Secret(input['password'] as string));
  const row = await ctx.store.transaction(async (tx) =>
    tx.replace('local-user', await load(tx, input), { password, passwordChangedAt: ctx.clock.now() }),
  );
  return render(row);
};

/** Handles DeleteLocalUser. */
export const deleteLocalUser: Handler = async (input, ctx) => {
  await ctx.store.transaction(async (tx) => tx.remove('local-user', (await load(tx, input)).id));
  return {};
};

async function load(reader: StoreReader, input: JsonObject): Promise<Row<'local-user'>> {
  const name = userNameKey(input['userName'] as string);
  const row = await reader.find('local-user', '', name);
  if (!row) throw new GatewayError('NotFound', `There is no user with the name ${name}.`);
  return row;
}

function render({ id, name, createdAt, document }: Row<'local-user'>): JsonObject {
  return {
    userName: name,
    userId: id,
    createdTime: createdAt,
    passwordChangedTime: document.passwordChangedAt,
  };
}

// Clients of the authorization server that work without a user. Their secret is made here and shown once.

import { randomBytes } from 'node:crypto';
import { GatewayError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import { Secret } from '../../lib/secret.ts';
import type { Row } from '../../stores/store.ts';
import { present } from '../context.ts';
import type { Handler } from '../context.ts';
import { listPage } from '../page.ts';
import { checkQuota } from '../quota.ts';

const MAX_CLIENTS = 1_000;

/** Handles CreateOauthClient. */
export const createOauthClient: Handler = async (input, ctx) => {
  const id = `client-${newId()}`;
  const secret = new Secret(randomBytes(32).toString('base64url'));
  const name = input['name'] as string;
  const gateways = input['gatewayIdentifiers'] as readonly string[] | undefined;
  for (const gateway of gateways ?? [])
    if (!(await ctx.store.get('gateway', gateway)))
      throw new GatewayError('NotFound', `Gateway with id ${gateway} not found`);
  const sealed = ctx.seal(secret, { type: 'oauth-client', recordId: id, field: 'secret', version: 1 });
  const row = await ctx.store.transaction(async (tx) => {
    await checkQuota(tx, 'oauth-client', MAX_CLIENTS, 'clients');
    return tx.create('oauth-client', {
      id,
      name,
      document: present({ secret: { sealed, version: 1 }, gateways }),
    });
  });
  return { ...render(row), clientSecret: secret.reveal() };
};

/** Handles ListOauthClients. */
export const listOauthClients: Handler = async (input, ctx) => {
  const { items, ...rest } = await listPage(ctx.store, 'oauth-client', '', input, render);
  return { clients: items, ...rest };
};

/** Handles DeleteOauthClient. */
export const deleteOauthClient: Handler = async (input, ctx) => {
  const id = input['clientId'] as string;
  if (!(await ctx.store.transaction((tx) => tx.remove('oauth-client', id))))
    throw new GatewayError('NotFound', `There is no client with the id ${id}.`);
  return {};
};

function render({ id, name, createdAt, document }: Row<'oauth-client'>): JsonObject {
  return present({
    clientId: id,
    name,
    gatewayIdentifiers: document.gateways,
    createdTime: createdAt,
  });
}

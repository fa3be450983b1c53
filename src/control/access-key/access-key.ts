// Access keys: made once with a secret that is shown once, limited, put out of use, rotated and deleted.

import { randomBytes, randomInt } from 'node:crypto';
import { createSessionToken, marksOf } from '../../core/aws-session.ts';
import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { AccessKeyDocument, SealedSecret } from '../../core/resources.ts';
import { Secret } from '../../lib/secret.ts';
import type { Row, StoreReader } from '../../stores/store.ts';
import { present } from '../context.ts';
import type { ControlContext, Handler } from '../context.ts';
import { listPage } from '../page.ts';
import { checkQuota } from '../quota.ts';

type KeyRow = Row<'access-key'>;

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const MAX_KEYS = 1_000;
/** AWS STS's default of GetSessionToken. */
const SESSION_SECONDS = 43_200;

/** Handles CreateAccessKey. */
export const createAccessKey: Handler = async (input, ctx) => {
  const id = newKeyId('AKIA');
  const secret = newSecret();
  const duration = input['durationSeconds'];
  await requireGateways(ctx.store, input);
  const row = await ctx.store.transaction(async (tx) => {
    await checkQuota(tx, 'access-key', MAX_KEYS, 'access keys');
    return tx.create('access-key', {
      id,
      name: id,
      document: present({
        userName: input['userName'] as string,
        role: input['role'] as AccessKeyDocument['role'],
        gateways: input['gatewayIdentifiers'] as readonly string[] | undefined,
        description: input['description'] as string | undefined,
        status: 'Active' as const,
        secret: { sealed: seal(secret, id, 1, ctx), version: 1 },
        expiresAt: typeof duration === 'number' ? ctx.clock.now() + duration * 1000 : undefined,
      }),
    });
  });
  await ctx.refreshAccess();
  return { ...render(row, ctx), secretAccessKey: secret.reveal() };
};

/** Handles GetAccessKey. */
export const getAccessKey: Handler = async (input, ctx) => render(await load(ctx.store, input), ctx);

/** Handles ListAccessKeys. */
export const listAccessKeys: Handler = async (input, ctx) => {
  const { items, ...rest } = await listPage(ctx.store, 'access-key', '', input, (row) => render(row, ctx));
  return { accessKeys: items, ...rest };
};

/** Handles UpdateAccessKey: what is left out stays; an empty list of gateways means none. */
export const updateAccessKey: Handler = async (input, ctx) => {
  await requireGateways(ctx.store, input);
  const row = await ctx.store.transaction(async (tx) => {
    const row = await load(tx, input);
    const changes = present({
      role: input['role'] as AccessKeyDocument['role'] | undefined,
      gateways: input['gatewayIdentifiers'] as readonly string[] | undefined,
      description: input['description'] as string | undefined,
      status: input['status'] as AccessKeyDocument['status'] | undefined,
    });
    return tx.replace('access-key', row, { ...row.document, ...changes });
  });
  await ctx.refreshAccess();
  return render(row, ctx);
};

/** Handles RotateAccessKey: a new secret for the same key; the old one counts for as long as is asked. */
export const rotateAccessKey: Handler = async (input, ctx) => {
  const secret = newSecret();
  const keepSeconds = (input['keepPreviousForSeconds'] as number | undefined) ?? 0;
  const row = await ctx.store.transaction(async (tx) => {
    const row = await load(tx, input);
    const { secret: before, previous: _older, ...document } = row.document;
    const version = before.version + 1;
    return tx.replace('access-key', row, {
      ...document,
      secret: { sealed: seal(secret, row.id, version, ctx), version },
      ...(keepSeconds > 0 ? { previous: { ...before, until: ctx.clock.now() + keepSeconds * 1000 } } : {}),
    });
  });
  await ctx.refreshAccess();
  return { ...render(row, ctx), secretAccessKey: secret.reveal() };
};

/** Handles DeleteAccessKey. */
export const deleteAccessKey: Handler = async (input, ctx) => {
  await ctx.store.transaction(async (tx) => tx.remove('access-key', (await load(tx, input)).id));
  await ctx.refreshAccess();
  return {};
};

/** Handles GetSessionToken: a temporary key of whoever asks, known by its token in every process. */
export const getSessionToken: Handler = async (input, ctx) => {
  if (ctx.caller.accessKeyId.startsWith('ASIA'))
    throw new GatewayError('Forbidden', 'Cannot call GetSessionToken with session credentials');
  const seconds = (input['durationSeconds'] as number | undefined) ?? SESSION_SECONDS;
  const parent = await ctx.accessKeys.find(ctx.caller.accessKeyId, undefined);
  // Nobody can say with which of two secrets the request was signed: it ends with the one that ends first.
  const [mark] = parent ? marksOf(parent) : [];
  if (mark === undefined) throw new GatewayError('Forbidden', 'The access key is not valid any more');
  const facts = {
    accessKeyId: newKeyId('ASIA'),
    secret: newSecret().reveal(),
    parent: ctx.caller.accessKeyId,
    mark,
    expiresAt: ctx.clock.now() + seconds * 1000,
  };
  return {
    accessKeyId: facts.accessKeyId,
    secretAccessKey: facts.secret,
    sessionToken: createSessionToken(ctx.sealer, ctx.arns.accountId, facts),
    expiration: facts.expiresAt,
  };
};

async function load(reader: StoreReader, input: JsonObject): Promise<KeyRow> {
  const id = input['keyId'] as string;
  const row = await reader.get('access-key', id);
  if (!row) throw new GatewayError('NotFound', `The Access Key with id ${id} cannot be found.`);
  return row;
}

async function requireGateways(reader: StoreReader, input: JsonObject): Promise<void> {
  for (const id of (input['gatewayIdentifiers'] as readonly string[] | undefined) ?? [])
    if (!(await reader.get('gateway', id)))
      throw new GatewayError('NotFound', `Gateway with id ${id} not found`);
}

function seal(secret: Secret, recordId: string, version: number, ctx: ControlContext): SealedSecret {
  return ctx.seal(secret, { type: 'access-key', recordId, field: 'secret', version });
}

function render({ id, createdAt, document }: KeyRow, ctx: ControlContext): JsonObject {
  return present({
    accessKeyId: id,
    userName: document.userName,
    userArn: `arn:aws:iam::${ctx.arns.accountId}:user/${document.userName}`,
    role: document.role,
    gatewayIdentifiers: document.gateways,
    description: document.description,
    status: document.status,
    createdTime: createdAt,
    expiresTime: document.expiresAt,
    lastUsedTime: document.lastUsedAt,
  });
}

function newKeyId(prefix: 'AKIA' | 'ASIA'): string {
  let id: string = prefix;
  while (id.length < 20) id += BASE32[randomInt(BASE32.length)];
  return id;
}

function newSecret(): Secret {
  return new Secret(randomBytes(30).toString('base64url'));
}

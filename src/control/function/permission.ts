// Who may call a function: statements of its policy, for the function, a version or an alias of it.

import { GatewayError } from '../../core/errors.ts';
import { functionArn } from '../../core/function-name.ts';
import { newId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import type { FunctionPolicyDocument } from '../../core/resources.ts';
import type { Row, StoreTransaction } from '../../stores/store.ts';
import { checkRevision } from './configuration.ts';
import type { FunctionHandler } from './context.ts';
import { loadVersion, namedIn } from './load.ts';
import { policyText } from './policy-text.ts';

/** Longest policy (bytes). */
const MAX_POLICY_BYTES = 20_480;
const EMPTY: FunctionPolicyDocument = { RevisionId: '', statements: [] };

/** Handles AddPermission. */
export const addPermission: FunctionHandler = async (input, ctx) => {
  const { name, qualifier } = namedIn(input, ctx);
  if (qualifier === '$LATEST')
    throw new GatewayError('Validation', 'We currently do not support adding policies for $LATEST.');
  const id = input['StatementId'] as string;
  const statement = statementOf(input, functionArn(ctx.scope, name, qualifier));
  await ctx.store.transaction(async (tx) => {
    const { row } = await loadVersion(tx, { name, ...(qualifier === undefined ? {} : { qualifier }) }, ctx);
    const before = row.document.policies[qualifier ?? ''] ?? EMPTY;
    if (input['RevisionId'] !== undefined) checkRevision(input['RevisionId'], before.RevisionId);
    if (before.statements.some(({ Sid }) => Sid === id))
      throw new GatewayError(
        'Conflict',
        `The statement id (${id}) provided already exists. Please provide a new statement id, or remove the existing statement.`,
      );
    const after = { RevisionId: newId(), statements: [...before.statements, statement] };
    if (Buffer.byteLength(policyText(after)) > MAX_POLICY_BYTES)
      throw new GatewayError(
        'Validation',
        `The final policy size is bigger than the limit (${MAX_POLICY_BYTES}).`,
        {
          reason: 'PolicyLengthExceededException',
        },
      );
    await replacePolicy(tx, row, qualifier, after);
  });
  return { output: { Statement: JSON.stringify(statement) } };
};

/** Handles RemovePermission. */
export const removePermission: FunctionHandler = async (input, ctx) => {
  const { name, qualifier } = namedIn(input, ctx);
  const id = input['StatementId'] as string;
  await ctx.store.transaction(async (tx) => {
    const { row } = await loadVersion(tx, { name, ...(qualifier === undefined ? {} : { qualifier }) }, ctx);
    const before = row.document.policies[qualifier ?? ''];
    if (!before?.statements.some(({ Sid }) => Sid === id))
      throw new GatewayError('NotFound', `Statement ${id} is not found in resource policy.`);
    checkRevision(input['RevisionId'], before.RevisionId);
    const statements = before.statements.filter(({ Sid }) => Sid !== id);
    await replacePolicy(
      tx,
      row,
      qualifier,
      statements.length === 0 ? undefined : { RevisionId: newId(), statements },
    );
  });
  return { status: 204 };
};

/** Handles GetPolicy. */
export const getPolicy: FunctionHandler = async (input, ctx) => {
  const named = namedIn(input, ctx);
  const { row } = await loadVersion(ctx.store, named, ctx);
  const policy = row.document.policies[named.qualifier ?? ''];
  if (!policy) throw new GatewayError('NotFound', 'The resource you requested does not exist.');
  return { output: { Policy: policyText(policy), RevisionId: policy.RevisionId } };
};

async function replacePolicy(
  tx: StoreTransaction,
  row: Row<'function'>,
  qualifier: string | undefined,
  policy: FunctionPolicyDocument | undefined,
): Promise<void> {
  const { [qualifier ?? '']: _before, ...others } = row.document.policies;
  const policies = policy ? { ...others, [qualifier ?? '']: policy } : others;
  await tx.replace('function', row, { ...row.document, policies });
}

function statementOf(input: JsonObject, resource: string): JsonObject {
  const { StatementId, Action, Principal, SourceArn, SourceAccount, EventSourceToken } = input;
  const { PrincipalOrgID, FunctionUrlAuthType, InvokedViaFunctionUrl } = input;
  const equals = {
    ...(SourceAccount === undefined ? {} : { 'AWS:SourceAccount': SourceAccount }),
    ...(EventSourceToken === undefined ? {} : { 'lambda:EventSourceToken': EventSourceToken }),
    ...(PrincipalOrgID === undefined ? {} : { 'aws:PrincipalOrgID': PrincipalOrgID }),
    ...(FunctionUrlAuthType === undefined ? {} : { 'lambda:FunctionUrlAuthType': FunctionUrlAuthType }),
  };
  const condition: JsonObject = {
    ...(Object.keys(equals).length === 0 ? {} : { StringEquals: equals }),
    ...(SourceArn === undefined ? {} : { ArnLike: { 'AWS:SourceArn': SourceArn } }),
    ...(InvokedViaFunctionUrl === undefined
      ? {}
      : { Bool: { 'lambda:InvokedViaFunctionUrl': InvokedViaFunctionUrl === true ? 'true' : 'false' } }),
  };
  return {
    Sid: StatementId,
    Effect: 'Allow',
    Principal: principalOf(String(Principal)),
    Action,
    Resource: resource,
    ...(Object.keys(condition).length === 0 ? {} : { Condition: condition }),
  };
}

/** @throws GatewayError Validation when it is neither a service nor somebody of IAM */
function principalOf(text: string): JsonObject[string] {
  if (text === '*') return '*';
  if (/^\d{12}$/.test(text)) return { AWS: `arn:aws:iam::${text}:root` };
  if (/^arn:aws[a-z-]*:(iam|sts)::\d{12}:.+$/.test(text)) return { AWS: text };
  if (/^[a-z0-9.-]+\.amazonaws\.com(\.cn)?$|^[a-z0-9-]+\.alexa\.com$/i.test(text)) return { Service: text };
  throw new GatewayError(
    'Validation',
    'The provided principal was invalid. Please check the principal and try again.',
  );
}

// Who may run which operation of the Lambda API. Code that is put here runs on the operator's machine: only administrators
// put it, or change what it runs with. Others call and look, as far as their role goes, or as a function's own policy says.

import type { ArnScope } from '../../core/arn.ts';
import type { Caller } from '../../core/access.ts';
import { GatewayError } from '../../core/errors.ts';
import { functionArn, parseFunctionReference } from '../../core/function-name.ts';
import { evaluatePolicy } from '../../core/iam-policy.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Store } from '../../stores/store.ts';
import type { FunctionOperation } from '../model/function-operation.ts';
import { policyText } from './policy-text.ts';

const CALLS: ReadonlySet<string> = new Set(['Invoke', 'InvokeAsync']);
/** What functions write may be anything: not for those who may only look. */
const OPERATORS: ReadonlySet<string> = new Set([...CALLS, 'GetFunctionLogs']);

/** @throws GatewayError Forbidden, in AWS's words */
export async function checkFunctionAccess(
  operation: FunctionOperation,
  input: JsonObject,
  caller: Caller,
  { store, scope }: { readonly store: Store; readonly scope: ArnScope },
): Promise<void> {
  if (mayByRole(operation, caller)) return;
  const reference = parseFunctionReference(String(input['FunctionName'] ?? ''), scope);
  if (CALLS.has(operation.name) && reference) {
    const { name } = reference;
    const qualifier = (input['Qualifier'] as string | undefined) ?? reference.qualifier;
    const row = await store.find('function', '', name);
    const policy = row?.document.policies[qualifier ?? ''];
    const question = {
      principalArn: caller.arn,
      accountId: scope.accountId,
      action: 'lambda:InvokeFunction',
      resource: functionArn(scope, name, qualifier),
      context: { 'aws:principalarn': caller.arn, 'aws:principalaccount': scope.accountId },
    };
    if (policy && evaluatePolicy(policyText(policy), question) === 'allow') return;
  }
  const action = operation.name === 'Invoke' ? 'InvokeFunction' : operation.name;
  const on = reference ? ` on resource: ${functionArn(scope, reference.name)}` : '';
  throw new GatewayError(
    'Forbidden',
    `User: ${caller.arn} is not authorized to perform: lambda:${action}${on}`,
  );
}

/** True for those who may see what environment variables hold. */
export function maySeeSecrets({ role, gateways }: Caller): boolean {
  return role === 'administrator' && gateways === undefined;
}

/** Whether an operation that changes nothing shows a caller what environment variables hold, or a link to code. */
export function showsSecrets({ name }: FunctionOperation, caller: Caller): boolean {
  return SHOWING.has(name) && maySeeSecrets(caller);
}

const SHOWING: ReadonlySet<string> = new Set([
  'GetFunction',
  'GetFunctionConfiguration',
  'GetLayerVersion',
  'GetLayerVersionByArn',
  'ListFunctions',
  'ListVersionsByFunction',
]);

function mayByRole({ name, readonly }: FunctionOperation, { role, gateways }: Caller): boolean {
  // Functions belong to no gateway: who is limited to some has no part in them.
  if (gateways !== undefined) return false;
  switch (role) {
    case 'administrator':
      return true;
    case 'operator':
      return readonly === true || OPERATORS.has(name);
    case 'reader':
      return readonly === true;
    default:
      return false;
  }
}

// A function's policy as IAM writes it.

import type { FunctionPolicyDocument } from '../../core/resources.ts';

/** The whole policy as JSON text. */
export function policyText({ statements }: FunctionPolicyDocument): string {
  return JSON.stringify({ Version: '2012-10-17', Id: 'default', Statement: statements });
}

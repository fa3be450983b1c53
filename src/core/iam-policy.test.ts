// Resource policies: what is understood decides as AWS documents it, and what is not understood is refused.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluatePolicy, policyFault } from './iam-policy.ts';
import type { PolicyQuestion } from './iam-policy.ts';

const GATEWAY = 'arn:aws:bedrock-agentcore:us-east-1:000000000000:gateway/pets-0123456789';
const ADA = 'arn:aws:iam::000000000000:user/ada';
const question = (change: Partial<PolicyQuestion> = {}): PolicyQuestion => ({
  principalArn: ADA,
  accountId: '000000000000',
  action: 'bedrock-agentcore:InvokeGateway',
  resource: GATEWAY,
  context: { 'aws:sourceip': '10.0.0.7', 'aws:username': 'ada' },
  ...change,
});
const statement = (change: object = {}): object => ({
  Effect: 'Allow',
  Principal: { AWS: ADA },
  Action: 'bedrock-agentcore:InvokeGateway',
  Resource: GATEWAY,
  ...change,
});
const policy = (...statements: readonly object[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements });

describe('a policy', () => {
  it.each([
    ['allows whom it names', [statement()], {}, 'allow'],
    ['says nothing of others', [statement()], { principalArn: `${ADA}m` }, 'silent'],
    ['allows an account', [statement({ Principal: { AWS: '000000000000' } })], {}, 'allow'],
    [
      'allows an account by its root',
      [statement({ Principal: { AWS: 'arn:aws:iam::000000000000:root' } })],
      {},
      'allow',
    ],
    [
      'does not take another account for this one',
      [statement({ Principal: { AWS: '111111111111' } })],
      {},
      'silent',
    ],
    ['allows everybody', [statement({ Principal: '*' })], {}, 'allow'],
    [
      'denies whatever else it says',
      [statement(), statement({ Effect: 'Deny', Principal: '*' })],
      {},
      'deny',
    ],
    [
      'compares actions without regard to case',
      [statement({ Action: 'Bedrock-AgentCore:invoke*' })],
      {},
      'allow',
    ],
    ['but resources with', [statement({ Resource: GATEWAY.toUpperCase() })], {}, 'silent'],
    [
      'knows wildcards',
      [statement({ Resource: 'arn:aws:bedrock-agentcore:*:*:gateway/pets-?123456789' })],
      {},
      'allow',
    ],
    [
      'asks for every condition',
      [statement({ Condition: { StringEquals: { 'aws:username': ['eve', 'ada'] } } })],
      {},
      'allow',
    ],
    [
      'and is not fulfilled by one that fails',
      [statement({ Condition: { StringEquals: { 'aws:username': 'eve' } } })],
      {},
      'silent',
    ],
    [
      'nor by a key that is not there',
      [statement({ Condition: { StringLike: { 'aws:SourceIp': '*' } } })],
      { context: {} },
      'silent',
    ],
    [
      'unless it asks for something not to be',
      [statement({ Condition: { StringNotLike: { 'aws:SourceIp': 'x*' } } })],
      { context: {} },
      'allow',
    ],
    [
      'denies with negative lists only what none of them is',
      [
        statement(),
        statement({ Effect: 'Deny', Condition: { StringNotEquals: { 'aws:username': ['ada', 'bob'] } } }),
      ],
      {},
      'allow',
    ],
  ] as const)('%s', (_name, statements, change, expected) => {
    const text = policy(...statements);
    expect(policyFault(text)).toBeUndefined();
    expect(evaluatePolicy(text, question(change))).toBe(expected);
  });

  it.each([
    ['not json', 'is not JSON'],
    ['[]', 'is not a JSON object'],
    ['{"Statement":[]}', 'needs "Version"'],
    [policy(), 'needs a Statement'],
    [policy(statement({ NotPrincipal: '*' })), 'NotPrincipal'],
    [policy(statement({ NotAction: 'x' })), 'NotAction'],
    [policy(statement({ Effect: 'allow' })), 'Effect'],
    [policy(statement({ Principal: { Service: 'x' } })), 'Principal'],
    [policy(statement({ Principal: { AWS: [] } })), 'Principal.AWS'],
    [policy(statement({ Action: [] })), 'Action'],
    [policy(statement({ Condition: { NumericLessThan: { x: '1' } } })), 'NumericLessThan'],
    [policy(statement({ Condition: { constructor: { x: '1' } } })), 'constructor'],
    [policy(statement({ Condition: { StringEquals: { x: [1] } } })), 'StringEquals'],
    // None of these could ever hold: a denial by them would be no denial.
    [
      policy(statement({ Condition: { StringEquals: { 'aws:SecureTransport': 'false' } } })),
      'SecureTransport',
    ],
    [policy(statement({ Condition: { StringEquals: { 'aws:Usrename': 'eve' } } })), 'aws:Usrename'],
    [policy(statement({ Condition: { StringEquals: { 'aws:UserName': '${aws:username}' } } })), 'variable'],
    [policy(statement({ Condition: { StringEquals: { 'aws:SourceIp': '10.0.0.0/8' } } })), 'range'],
    [policy(statement({ Principal: { AWS: 'arn:aws:iam::000000000000:user/*' } })), 'user/*'],
    [policy(statement({ Principal: { AWS: 'arn:aws:iam::000000000000:role/x' } })), 'role/x'],
    [policy(statement({ Principal: { AWS: 'garbage' } })), 'garbage'],
    [
      '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}',
      'twice',
    ],
  ])('that is not understood is refused: %s', (text, fault) => {
    expect(policyFault(text)).toContain(fault);
  });

  it('never takes a text for a longer or shorter one, and is quick with many wildcards', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'b', '/') }),
        fc.string({ unit: fc.constantFrom('a', 'b', '/') }),
        (wanted, given) => {
          const said = evaluatePolicy(
            policy(statement({ Resource: wanted === '' ? 'x' : wanted })),
            question({ resource: given }),
          );
          expect(said === 'allow').toBe(wanted !== '' && wanted === given);
        },
      ),
    );
    const hostile = policy(statement({ Resource: `${'*a'.repeat(200)}b` }));
    expect(evaluatePolicy(hostile, question({ resource: 'a'.repeat(2_000) }))).toBe('silent');
  });
});

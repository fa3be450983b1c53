// AWS_IAM: callers sign their requests (SigV4, service `bedrock-agentcore`) with an access key of this installation.
// Who signed is known from the head, that it is signed only with the body. Who may call is said by the key's role and
// gateways and by the gateway's resource policy, whose explicit deny wins.

import { mayTouch } from '../../core/access.ts';
import type { Caller, KnownKey } from '../../core/access.ts';
import { parseArn } from '../../core/arn.ts';
import type { FieldFault } from '../../core/errors.ts';
import { GatewayError } from '../../core/errors.ts';
import { evaluatePolicy } from '../../core/iam-policy.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Principal } from '../../core/principal.ts';
import { SigningKeys, claimedAccessKeyId, verifySigV4 } from '../../core/sigv4-verify.ts';
import type { Authorizer, AuthorizerContext, AuthorizerType, RequestHead } from '../authorizer.ts';

const SERVICES = ['bedrock-agentcore'];
const ACTION = 'bedrock-agentcore:InvokeGateway';

function prepare(_config: JsonObject | undefined, services: AuthorizerContext): Authorizer {
  const { accessKeys, clock, gateway, scope } = services;
  const signing = {
    region: scope.region,
    services: SERVICES,
    accessKeys: (id: string, token: string | undefined) => accessKeys.find(id, token),
    now: () => clock.now(),
    signingKeys: new SigningKeys(),
  };
  const named = parseArn(gateway.arn, scope);
  const gatewayId = named?.kind === 'gateway' ? named.id : '';

  function check(caller: Caller, head: RequestHead): void {
    const said =
      gateway.policy === undefined
        ? 'silent'
        : evaluatePolicy(gateway.policy, {
            principalArn: caller.arn,
            accountId: scope.accountId,
            action: ACTION,
            resource: gateway.arn,
            context: {
              'aws:sourceip': head.remoteAddress,
              'aws:principalarn': caller.arn,
              'aws:username': caller.arn.split('/').at(-1),
              'aws:principalaccount': scope.accountId,
            },
          });
    const isGranted = caller.role !== 'reader' && mayTouch(caller, gatewayId);
    if (said === 'allow' || (said === 'silent' && isGranted)) return;
    throw new GatewayError(
      'Forbidden',
      `User: ${caller.arn} is not authorized to perform: ${ACTION} on resource: ${gateway.arn}`,
    );
  }

  return Object.freeze({
    // Whoever names no key that is known is turned away before the body is read.
    async authorize(head: RequestHead): Promise<Principal> {
      const key = await keyOf(head);
      if (!key)
        throw new GatewayError('Unauthenticated', 'The security token included in the request is invalid.');
      return principalOf(key.caller);
    },
    async verifyBody(head: RequestHead, body: Uint8Array): Promise<void> {
      const { key } = await verifySigV4({ ...head, body }, signing);
      accessKeys.used(key.caller.accessKeyId);
      // Only who has proved who they are is told what they may not do.
      check(key.caller, head);
    },
  });

  async function keyOf({ headers }: RequestHead): Promise<KnownKey | undefined> {
    const id = claimedAccessKeyId(headers);
    const [token] = headers['x-amz-security-token'] ?? [];
    return id === undefined ? undefined : accessKeys.find(id, token);
  }
}

function principalOf({ arn, accessKeyId }: Caller): Principal {
  return Object.freeze({ type: 'iam', id: arn, clientId: accessKeyId });
}

export const awsIamAuthorizer = Object.freeze({
  type: 'AWS_IAM',
  check: (config: JsonObject | undefined): readonly FieldFault[] =>
    config === undefined
      ? []
      : [{ name: 'authorizerConfiguration', message: 'must be absent when authorizerType is AWS_IAM' }],
  prepare,
} as const) satisfies AuthorizerType;

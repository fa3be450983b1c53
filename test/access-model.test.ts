// Every operation of the model against everybody who may not run it: without a signature, as a caller, as a reader, as an
// operator, and with a key of another gateway. Made from the model, so that no operation is forgotten; and ARNs of other
// accounts name nothing.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAccess } from '../src/control/access.ts';
import { OPERATIONS, shapeOf } from '../src/control/model/model.ts';
import type { Role } from '../src/core/access.ts';
import type { JsonObject } from '../src/core/json.ts';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';

const SCOPE = { region: 'us-east-1', accountId: '000000000000' };
/** What every key may do. */
const EVERYBODY = ['GetSessionToken', 'CompleteResourceTokenAuth'];
/** Reads in form that hand out what is secret, and the administration of access. */
const NOT_FOR_READERS =
  /^(GetResource(ApiKey|Oauth2Token)|GetWorkloadAccessToken.*|GetAccessKey|ListAccessKeys|List(LocalUsers|OauthClients))$/;
const ADMINISTRATION =
  /^((Create|Get|Update|Rotate|Delete)AccessKey|ListAccessKeys|SetTokenVaultCMK|RotateVaultKey|(Create|Delete)(LocalUser|OauthClient)|List(LocalUsers|OauthClients)|SetLocalUserPassword)$/;

let app: TestApp;
beforeAll(async () => {
  app = await openTestApp();
});
afterAll(() => app.close());

const may = (role: Role, name: string, input: JsonObject = {}, gateways?: readonly string[]): boolean => {
  const operation = OPERATIONS.find((candidate) => candidate.name === name);
  if (!operation) throw new Error(`no operation ${name}`);
  try {
    checkAccess(
      operation,
      input,
      { arn: 'a', accessKeyId: 'k', role, ...(gateways ? { gateways } : {}) },
      SCOPE,
    );
    return true;
  } catch {
    return false;
  }
};

describe.each(OPERATIONS.map((operation) => [operation.name, operation] as const))(
  '%s',
  (name, operation) => {
    test('is refused without a signature, before anything is read', async () => {
      const path = operation.uri.replaceAll(/\{[^}]+\}/g, 'x');
      const answer = await fetch(`${app.app.controlUrl}${path}`, {
        method: operation.method,
        ...(operation.method === 'GET' || operation.method === 'DELETE' ? {} : { body: '{"not":"looked at' }),
      });
      expect([name, answer.status]).toEqual([name, path.startsWith('/identities/') ? 401 : 403]);
      expect(await answer.text()).not.toMatch(/not.*looked/);
    });

    test('is for those roles only whose work it is', () => {
      expect(may('administrator', name)).toBe(true);
      expect([name, may('operator', name)]).toEqual([name, !ADMINISTRATION.test(name)]);
      expect([name, may('reader', name)]).toEqual([
        name,
        EVERYBODY.includes(name) || (operation.readonly === true && !NOT_FOR_READERS.test(name)),
      ]);
      expect([name, may('caller', name)]).toEqual([name, EVERYBODY.includes(name)]);
    });

    test('is closed to keys of another gateway', () => {
      const { gatewayIdentifier } = membersOf(operation.input);
      const input = gatewayIdentifier ? { gatewayIdentifier: 'mine-0123456789' } : {};
      const isFree = EVERYBODY.includes(name) || name === 'ListGateways';
      expect([name, may('administrator', name, input, ['other-0123456789'])]).toEqual([name, isFree]);
      if (gatewayIdentifier)
        expect([name, may('administrator', name, input, ['mine-0123456789'])]).toEqual([name, true]);
    });
  },
);

function membersOf(ref: string | object): Readonly<Record<string, unknown>> {
  const shape = shapeOf(ref as never);
  return 'members' in shape ? shape.members : {};
}

test('ARNs of other accounts, regions and of nothing are answered alike', async () => {
  const { id } = await app.gateway({});
  const own = `arn:aws:bedrock-agentcore:us-east-1:000000000000:gateway/${id}`;
  await app.app.control.invoke('ListTagsForResource', { resourceArn: own });
  for (const operation of ['ListTagsForResource', 'GetResourcePolicy']) {
    const outcomes = await Promise.all(
      [
        own.replace('000000000000', '111111111111'),
        own.replace('us-east-1', 'eu-west-1'),
        own.replace(id, 'nothing-0123456789'),
      ].map((resourceArn) =>
        app.app.control.invoke(operation, { resourceArn }).then(
          () => 'found',
          (thrown: unknown) => {
            const { code, message } = thrown as { code: string; message: string };
            return `${code} ${message.replace(resourceArn, 'ARN')}`;
          },
        ),
      ),
    );
    expect(new Set(outcomes).size).toBe(1);
    expect(outcomes[0]).toMatch(/^NotFound/);
  }
});

test('no operation answers with a secret that is stored, whatever it is asked', async () => {
  const secret = 'planted-Secret-5b1e9c';
  await app.app.control.invoke('CreateApiKeyCredentialProvider', { name: 'planted', apiKey: secret });
  const key = await app.app.control.invoke('CreateAccessKey', { userName: 'ada', role: 'reader' });
  const { id } = await app.gateway({});
  const input: JsonObject = {
    name: 'planted',
    keyId: key['accessKeyId'],
    gatewayIdentifier: id,
    targetId: '0123456789',
    resourceArn: `arn:aws:bedrock-agentcore:us-east-1:000000000000:gateway/${id}`,
    tokenVaultId: 'default',
  };
  for (const operation of OPERATIONS.filter(({ readonly: isReading }) => isReading)) {
    const members = Object.keys(membersOf(operation.input));
    const wanted = Object.fromEntries(Object.entries(input).filter(([member]) => members.includes(member)));
    const answer = await app.app.control
      .invoke(operation.name, wanted)
      .catch((thrown: unknown) => String(thrown));
    const text = JSON.stringify(answer);
    for (const form of [secret, Buffer.from(secret).toString('base64'), String(key['secretAccessKey'])])
      expect([operation.name, text.includes(form)]).toEqual([operation.name, false]);
  }
  expect(JSON.stringify(app.lines)).not.toContain(secret);
});

describe('a key that is limited to one gateway', () => {
  const limited = (name: string, input: JsonObject): boolean =>
    may('operator', name, { gatewayIdentifier: 'mine-0123456789', ...input }, ['mine-0123456789']);
  const credentialProviderConfigurations = [{ credentialProviderType: 'GATEWAY_IAM_ROLE' }];

  test('attaches no credential: its targets may point anywhere', () => {
    expect(limited('CreateGatewayTarget', {})).toBe(true);
    for (const name of ['CreateGatewayTarget', 'UpdateGatewayTarget'])
      expect(limited(name, { credentialProviderConfigurations })).toBe(false);
  });

  test('makes no target of a function: functions belong to no gateway', () => {
    const lambda = { lambdaArn: 'arn:aws:lambda:us-east-1:000000000000:function:payroll', toolSchema: {} };
    const smithyModel = { inlinePayload: '{}' };
    for (const name of ['CreateGatewayTarget', 'UpdateGatewayTarget']) {
      expect(limited(name, { targetConfiguration: { mcp: { lambda } } })).toBe(false);
      expect(limited(name, { targetConfiguration: { mcp: { smithyModel } } })).toBe(true);
    }
  });

  test('sets nothing by which a credential would be used or sent elsewhere', () => {
    const resourceArn = 'arn:aws:bedrock-agentcore:us-east-1:000000000000:gateway/mine-0123456789';
    const tag = (tags: JsonObject): boolean =>
      may('operator', 'TagResource', { resourceArn, tags }, ['mine-0123456789']);
    const untag = (key: string): boolean =>
      may('operator', 'UntagResource', { resourceArn, tagKeys: [key] }, ['mine-0123456789']);
    expect(tag({ team: 'a', 'gatewright:search-rate': '10' })).toBe(true);
    for (const name of [
      'assume-role',
      'aws-region',
      'endpoint-params',
      'exclude-operations',
      'include-operations',
      'model-files',
      'protocol',
      'service',
      'search-embedder',
      'search-endpoint',
      'search-key-provider',
      'server-url',
    ]) {
      expect([name, tag({ [`gatewright:${name}`]: 'x' })]).toEqual([name, false]);
      expect([name, untag(`gatewright:${name}`)]).toEqual([name, false]);
    }
    expect(untag('team')).toBe(true);
  });
});

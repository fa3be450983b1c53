// What a control plane needs around it, made small: a target type that reads a list of operations out of an
// OpenAPI document, one authorizer, one credential, and a vault that only notes what it was given.

import type { KnownKey } from '../../src/core/access.ts';
import { createSealer } from '../../src/vault/sealer.ts';
import type { AuthorizerType } from '../../src/authorizers/authorizer.ts';
import type { ControlServices } from '../../src/control/pipeline.ts';
import { createArns } from '../../src/core/arn.ts';
import { GatewayError, invalidField } from '../../src/core/errors.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { CredentialType } from '../../src/credentials/credential-type.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { Secret } from '../../src/lib/secret.ts';
import type { Store } from '../../src/stores/store.ts';
import type { TargetType } from '../../src/targets/target-type.ts';
import { credentialServices } from './target-services.ts';

const scope = { region: 'us-east-1', accountId: '000000000000' };

/** A target type at `mcp.openApiSchema`; a document with `x-wait` waits for `release`. */
export function fakeOpenApi(gate: { wait: Promise<void> } = { wait: Promise.resolve() }): TargetType {
  return {
    type: 'OPEN_API_SCHEMA',
    member: ['mcp', 'openApiSchema'],
    credentialTypes: ['API_KEY'],
    check: (config) =>
      config['inlinePayload'] === 'check me' ? [{ name: 'inlinePayload', message: 'was checked' }] : [],
    async discover(config, ctx) {
      await Promise.race([
        gate.wait,
        new Promise((resolve) => ctx.signal.addEventListener('abort', resolve, { once: true })),
      ]);
      ctx.signal.throwIfAborted();
      const uri = (config['s3'] as JsonObject | undefined)?.['uri'] as string | undefined;
      const text =
        uri === undefined ? (config['inlinePayload'] as string) : await ctx.readSource(uri, ctx.signal);
      let document: { openapi?: string; paths?: Record<string, Record<string, { operationId: string }>> };
      try {
        document = JSON.parse(text) as typeof document;
      } catch {
        throw invalidField('targetConfiguration.mcp.openApiSchema', 'is neither JSON nor YAML');
      }
      if (document.openapi === 'crash') throw new TypeError('a bug with a secret in it');
      const operations = Object.values(document.paths ?? {}).flatMap((item) => Object.values(item));
      const kept = ctx.settings['include-tags'] === undefined ? operations : operations.slice(0, 1);
      return {
        entries: kept.map(({ operationId }) => ({ name: operationId, definition: '{}', plan: '{}' })),
        report: {
          source: uri ?? 'inline',
          format: 'OpenAPI 3.0',
          operations: operations.length,
          tools: kept.length,
          skipped: operations.length - kept.length,
          notes: operations
            .filter((operation) => !kept.includes(operation))
            .map(({ operationId }) => ({
              operation: operationId,
              outcome: 'skipped',
              reasons: ['by setting'],
            })),
          warnings: [],
        },
      };
    },
    prepare: () => ({}),
  };
}

const none: AuthorizerType = {
  type: 'NONE',
  check: () => [],
  prepare: () => {
    throw new GatewayError('Internal', 'not called here');
  },
};
const customJwt: AuthorizerType = {
  ...none,
  type: 'CUSTOM_JWT',
  check: (config) =>
    (config?.['customJWTAuthorizer'] as JsonObject | undefined)?.['allowedClients'] === undefined
      ? [
          {
            name: 'authorizerConfiguration.customJWTAuthorizer',
            message: 'needs at least one of allowedClients',
          },
        ]
      : [],
};
const apiKey: CredentialType = {
  type: 'API_KEY',
  check: (provider) => (provider ? [] : [{ name: 'credentialProvider', message: 'Member must not be null' }]),
  providerArns: (provider) => [
    (provider?.['apiKeyCredentialProvider'] as JsonObject | undefined)?.['providerArn'] as string,
  ],
  placement: () => undefined,
  prepare: () => {
    throw new GatewayError('Internal', 'not called here');
  },
};

const OPERATOR_KEY: KnownKey = {
  secret: new Secret('test-secret'),
  caller: {
    arn: 'arn:aws:iam::000000000000:user/operator',
    accessKeyId: 'AKIDTEST',
    role: 'administrator',
  },
};

export interface Recorded {
  readonly published: string[];
  readonly logged: string[];
  readonly sealed: { secret: string; version: number; recordId: string }[];
}

/** Services on a store, and what the control plane did with them. */
export function controlServices(
  store: Store,
  change: Partial<ControlServices> = {},
): { readonly services: ControlServices; readonly recorded: Recorded } {
  const recorded: Recorded = { published: [], logged: [], sealed: [] };
  const note = (fields: object, message: string) =>
    void recorded.logged.push(`${message} ${JSON.stringify(fields)}`);
  return {
    recorded,
    services: {
      store,
      clock: systemClock,
      log: { error: note, warn: note, info: note, debug: note },
      arns: { ...createArns(scope), ...scope },
      publicUrlOf: (id) => `http://127.0.0.1:8080/gateways/${id}/mcp`,
      targetTypes: [fakeOpenApi()],
      authorizerTypes: [none, customJwt],
      credentialTypes: [apiKey],
      accessKeys: {
        find: (id) => Promise.resolve(id === 'AKIDTEST' ? OPERATOR_KEY : undefined),
        used: () => undefined,
      },
      allowsAnybody: true,
      refreshAccess: () => Promise.resolve(),
      vault: {
        kekId: () => 'k',
        begin: () => Promise.resolve(),
        finish: () => Promise.resolve(),
        rewrap: () => undefined,
      },
      resourceKinds: [],
      sealer: createSealer(Buffer.alloc(32, 7), scope.accountId),
      seal: (secret, { recordId, version }) => {
        recorded.sealed.push({ secret: secret.reveal(), version, recordId });
        return {
          v: 1,
          kekId: 'k',
          wrappedKey: '',
          iv: '',
          ciphertext: `sealed-${version}`,
          tag: '',
          bound: { type: 'api-key', recordId, field: 'apiKey', version },
        };
      },
      openSecret: () => {
        throw new GatewayError('CredentialUnavailable', 'not opened here');
      },
      identity: {
        callbackUrl: (id) => `http://127.0.0.1:8080/identities/callback/${id}`,
        tokens: {
          tokensFor: () => credentialServices().tokens,
          resourceToken: () => Promise.reject(new GatewayError('Internal', 'not called here')),
          removeTokens: () => Promise.resolve(),
        },
        consents: {
          begin: () => Promise.reject(new GatewayError('Internal', 'not called here')),
          complete: () => Promise.reject(new GatewayError('Internal', 'not called here')),
          list: () => Promise.resolve([]),
          revoke: () => Promise.resolve(false),
          onTargetConsent: () => undefined,
          allowedReturnUrls: () => Promise.resolve([]),
        },
      },
      verifyUserToken: () => Promise.reject(new GatewayError('Internal', 'not called here')),
      readSource: () =>
        Promise.reject(new GatewayError('UpstreamRefused', 'Connection refused by 127.0.0.1:1.')),
      openServices: () => Promise.reject(new GatewayError('Internal', 'not called here')),
      search: {
        search: () => Promise.reject(new GatewayError('NotFound', 'not searched here')),
        metrics: () => undefined,
      },
      publish: (id) => Promise.resolve(void recorded.published.push(id)),
      maxSchemaBytes: 10_000_000,
      ...change,
    },
  };
}

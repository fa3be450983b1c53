// Writes to the control plane from several clients at once, and a note of each that was acknowledged: what has to be there
// whatever happens to the server.

import { randomBytes } from 'node:crypto';
import {
  CreateApiKeyCredentialProviderCommand,
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import type {
  BedrockAgentCoreControlClient,
  CredentialProviderConfiguration,
} from '@aws-sdk/client-bedrock-agentcore-control';
import { apiOf } from './house.ts';

const ROLE = 'arn:aws:iam::000000000000:role/r';

/** An acknowledged write. */
export interface Acknowledged {
  readonly kind: 'provider' | 'gateway' | 'target';
  /** Of the provider its name, of the others their id. */
  readonly id: string;
  readonly parent: string;
  /** The secret of the provider, or of the provider that the target uses. */
  readonly key: string;
  /** Path of the gateway’s MCP endpoint. */
  readonly path: string;
  readonly requestId: string;
  /** Milliseconds since the epoch, rounded up. */
  readonly at: number;
}

/**
 * Providers, gateways and targets that use them, until one of the steps fails.
 * @param note told of each step once it was acknowledged; false ends the storm
 */
export async function storm(
  control: BedrockAgentCoreControlClient,
  upstream: string,
  lanes: number,
  note: (one: Acknowledged) => boolean,
): Promise<void> {
  let isOver = false;
  const tell: Tell = (one) => {
    if (!note({ parent: '', key: '', path: '', ...one, at: Date.now() + 1 })) isOver = true;
  };
  const lane = async (number: number): Promise<void> => {
    // Every other lane has a secret that its targets use: there may be 50 in all.
    const secret = number % 2 === 0 ? await makeProvider(control, tell) : undefined;
    while (!isOver) {
      const name = `s${randomBytes(8).toString('hex')}`;
      const gateway = await control.send(
        new CreateGatewayCommand({ name, roleArn: ROLE, protocolType: 'MCP', authorizerType: 'NONE' }),
      );
      const path = new URL(gateway.gatewayUrl ?? '').pathname;
      tell({ kind: 'gateway', id: gateway.gatewayId ?? '', path, ...metadata(gateway) });
      if (isOver) return;
      const target = await control.send(
        new CreateGatewayTargetCommand({
          gatewayIdentifier: gateway.gatewayId,
          name: 'api',
          targetConfiguration: apiOf(upstream, 'find'),
          ...(secret ? { credentialProviderConfigurations: [usage(secret.arn)] } : {}),
        }),
      );
      tell({
        kind: 'target',
        id: target.targetId ?? '',
        parent: gateway.gatewayId ?? '',
        path,
        key: secret?.key ?? '',
        ...metadata(target),
      });
    }
  };
  await Promise.all(
    Array.from({ length: lanes }, (_, number) =>
      lane(number).catch(() => {
        isOver = true;
      }),
    ),
  );
}

type Tell = (
  one: Pick<Acknowledged, 'kind' | 'id' | 'requestId'> &
    Partial<Pick<Acknowledged, 'parent' | 'key' | 'path'>>,
) => void;

const metadata = (answer: { $metadata: { requestId?: string | undefined } }): { requestId: string } => ({
  requestId: answer.$metadata.requestId ?? '',
});

async function makeProvider(
  control: BedrockAgentCoreControlClient,
  tell: Tell,
): Promise<{ readonly arn: string; readonly key: string }> {
  const name = `p${randomBytes(8).toString('hex')}`;
  const key = `key-${name}`;
  const made = await control.send(new CreateApiKeyCredentialProviderCommand({ name, apiKey: key }));
  tell({ kind: 'provider', id: name, key, ...metadata(made) });
  return { arn: made.credentialProviderArn ?? '', key };
}

const usage = (providerArn: string): CredentialProviderConfiguration => ({
  credentialProviderType: 'API_KEY',
  credentialProvider: {
    apiKeyCredentialProvider: {
      providerArn,
      credentialLocation: 'QUERY_PARAMETER',
      credentialParameterName: 'key',
    },
  },
});

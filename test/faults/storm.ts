// Writes to the control plane from several clients at once, and a note of each that was acknowledged: what has to be there
// whatever happens to the server.

import { randomBytes } from 'node:crypto';
import {
  CreateApiKeyCredentialProviderCommand,
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import type { BedrockAgentCoreControlClient } from '@aws-sdk/client-bedrock-agentcore-control';
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
  const lane = async (): Promise<void> => {
    while (!isOver) {
      const name = `s${randomBytes(8).toString('hex')}`;
      const key = `key-${name}`;
      const tell = (
        kind: Acknowledged['kind'],
        id: string | undefined,
        { requestId = '' }: { requestId?: string | undefined },
        more: { parent?: string; path?: string } = {},
      ): void => {
        const { parent = '', path = '' } = more;
        if (!note({ kind, id: id ?? '', parent, key, path, requestId, at: Date.now() + 1 })) isOver = true;
      };
      const provider = await control.send(new CreateApiKeyCredentialProviderCommand({ name, apiKey: key }));
      tell('provider', provider.name, provider.$metadata);
      if (isOver) return;
      const gateway = await control.send(
        new CreateGatewayCommand({ name, roleArn: ROLE, protocolType: 'MCP', authorizerType: 'NONE' }),
      );
      const path = new URL(gateway.gatewayUrl ?? '').pathname;
      tell('gateway', gateway.gatewayId, gateway.$metadata, { path });
      if (isOver) return;
      const target = await control.send(
        new CreateGatewayTargetCommand({
          gatewayIdentifier: gateway.gatewayId,
          name: 'api',
          targetConfiguration: apiOf(upstream, 'find'),
          credentialProviderConfigurations: [
            {
              credentialProviderType: 'API_KEY',
              credentialProvider: {
                apiKeyCredentialProvider: {
                  providerArn: provider.credentialProviderArn,
                  credentialLocation: 'QUERY_PARAMETER',
                  credentialParameterName: 'key',
                },
              },
            },
          ],
        }),
      );
      tell('target', target.targetId, target.$metadata, { path, parent: gateway.gatewayId ?? '' });
    }
  };
  await Promise.all(
    Array.from({ length: lanes }, () =>
      lane().catch(() => {
        isOver = true;
      }),
    ),
  );
}

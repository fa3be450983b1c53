// `gatewright add mcp <url> --gateway <name or id>`: an MCP server becomes a target of a gateway that is there. How it is
// protected is found out from its address; the consent that its tools are read with is given in the browser meanwhile.
// Everything goes through the control plane's operations.

import { Option } from 'commander';
import type { Command } from 'commander';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import { metadataUrlOf } from '../core/protected-resource.ts';
import { invokeOperation } from './api-commands.ts';
import { readSecretArgument } from './quickstart.ts';
import { addSettingFlags, configOrFaults } from './settings-flags.ts';
import type { Environment } from './settings-flags.ts';

/** As long as a consent can take. */
const WAIT_MS = 11 * 60_000;
const POLL_MS = 500;

type Invoke = (operation: string, input: JsonObject) => Promise<JsonObject>;

interface AddFlags {
  readonly gateway: string;
  readonly name?: string;
  readonly auth: 'users' | 'gateway' | 'none';
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly scope?: readonly string[];
  readonly returnUrl?: string;
}

/** Adds the command, to the group `add`. */
export function addAddMcpCommand(program: Command, env: Environment): void {
  const group =
    program.commands.find((command) => command.name() === 'add') ??
    program.command('add').description('Adds a target to a gateway that is there.');
  const command = group
    .command('mcp <url>')
    .description('an MCP server; one that is protected by OAuth needs nothing but its address')
    .requiredOption('--gateway <name>', 'name or id of the gateway')
    .option('--name <name>', 'name of the target (default: the server’s host)')
    .addOption(
      new Option(
        '--auth <whose>',
        'whose tokens it is called with: of each of the users, of the gateway, or none',
      )
        .choices(['users', 'gateway', 'none'])
        .default('users'),
    )
    .option('--client-id <id>', 'client that is registered at its authorization server (default: found out)')
    .option('--client-secret <value>', 'its secret: env:NAME, file:PATH, or the secret itself')
    .option('--scope <scope...>', 'scopes to ask for (default: what the server wants)')
    .option('--return-url <URL>', 'where users go after they have given consent')
    .option('--endpoint-url <URL>', 'address of the control plane (default: http://<listen>)');
  addSettingFlags(command).action(async (url: string, flags: AddFlags & Record<string, unknown>) => {
    const outcome = configOrFaults(env, flags);
    if (!outcome) return;
    const { config } = outcome;
    const invoke: Invoke = (operation, input) => invokeOperation(operation, input, { flags, env, config });
    try {
      await addServer(serverUrl(url), flags, {
        invoke,
        env,
        say: (line) => process.stdout.write(`${line}\n`),
      });
    } catch (thrown) {
      process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
      process.exitCode = 1;
    }
  });
}

function serverUrl(text: string): URL {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    throw new Error(`${text} must be a URL such as https://mcp.example.com/mcp`);
  return new URL(text);
}

/** Makes the credential provider and the target, and waits for its end. @throws Error with cause and cure */
async function addServer(
  server: URL,
  flags: AddFlags,
  { invoke, env, say }: { invoke: Invoke; env: Environment; say: (line: string) => void },
): Promise<void> {
  const gateway = await findGateway(flags.gateway, invoke);
  const gatewayIdentifier = String(gateway['gatewayId']);
  const name = flags.name ?? nameOf(server);
  const credential =
    flags.auth === 'none' ? undefined : await ensureProvider(name, server, flags, invoke, env);
  const { targetId } = await invoke('CreateGatewayTarget', {
    gatewayIdentifier,
    name,
    targetConfiguration: { mcp: { mcpServer: { endpoint: server.href } } },
    ...(credential ? { credentialProviderConfigurations: [credential] } : {}),
  }).catch(async (thrown: unknown) => {
    // Nothing is left behind of a target that could not be made.
    if (credential) await invoke('DeleteOauth2CredentialProvider', { name }).catch(() => undefined);
    throw thrown;
  });
  const target = await settle({ gatewayIdentifier, targetId: String(targetId) }, invoke, say);
  const { report } = await invoke('GetGatewayTargetImportReport', { gatewayIdentifier, targetId });
  const tools = isJsonObject(report) ? Number(report['tools']) : 0;
  say(
    `${name}: ${tools} ${tools === 1 ? 'tool' : 'tools'} at ${String(gateway['gatewayUrl'])} (target ${String(target['targetId'])})`,
  );
}

async function findGateway(nameOrId: string, invoke: Invoke): Promise<JsonObject> {
  let nextToken: JsonObject[string];
  do {
    const page = await invoke('ListGateways', nextToken === undefined ? {} : { nextToken });
    const items: readonly unknown[] = Array.isArray(page['items']) ? page['items'] : [];
    const found = items.find(
      (item): item is JsonObject =>
        isJsonObject(item) && (item['name'] === nameOrId || item['gatewayId'] === nameOrId),
    );
    if (found) return invoke('GetGateway', { gatewayIdentifier: String(found['gatewayId']) });
    nextToken = page['nextToken'];
  } while (nextToken !== undefined);
  throw new Error(`There is no gateway ${nameOrId}: gatewright list-gateways shows those there are.`);
}

async function ensureProvider(
  name: string,
  server: URL,
  flags: AddFlags,
  invoke: Invoke,
  env: Environment,
): Promise<JsonObject> {
  const { clientId, clientSecret, scope = [], returnUrl } = flags;
  const { credentialProviderArn } = await invoke('CreateOauth2CredentialProvider', {
    name,
    credentialProviderVendor: 'CustomOauth2',
    oauth2ProviderConfigInput: {
      customOauth2ProviderConfig: {
        oauthDiscovery: { discoveryUrl: metadataUrlOf(server) },
        ...(clientId === undefined ? {} : { clientId }),
        ...(clientSecret === undefined ? {} : { clientSecret: readSecretArgument(clientSecret, env) }),
      },
    },
  });
  return {
    credentialProviderType: 'OAUTH',
    credentialProvider: {
      oauthCredentialProvider: {
        providerArn: credentialProviderArn,
        scopes: scope,
        grantType: flags.auth === 'gateway' ? 'CLIENT_CREDENTIALS' : 'AUTHORIZATION_CODE',
        ...(returnUrl === undefined ? {} : { defaultReturnUrl: returnUrl }),
      },
    },
  };
}

/** Waits for READY, and says once where consent is given. */
async function settle(input: JsonObject, invoke: Invoke, say: (line: string) => void): Promise<JsonObject> {
  const deadline = performance.now() + WAIT_MS;
  let hasAsked = false;
  for (;;) {
    const target = await invoke('GetGatewayTarget', input);
    const status = String(target['status']);
    if (status === 'READY') return target;
    if (/FAILED|UNSUCCESSFUL/.test(status)) {
      const reasons = Array.isArray(target['statusReasons']) ? target['statusReasons'].join('; ') : '';
      throw new Error(reasons === '' ? status : reasons);
    }
    const { authorizationData: data } = target;
    const oauth2 = isJsonObject(data) ? data['oauth2'] : undefined;
    if (status.endsWith('PENDING_AUTH') && isJsonObject(oauth2) && !hasAsked) {
      hasAsked = true;
      say(
        `Its tools are read on your behalf. Open this in your browser:\n\n  ${String(oauth2['authorizationUrl'])}\n`,
      );
    }
    if (performance.now() > deadline)
      throw new Error('Nobody has given consent. Delete the target, and add it again.');
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** From the server's host: what names of targets allow. */
function nameOf({ host }: URL): string {
  return host
    .replace(/[^0-9a-zA-Z]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
}

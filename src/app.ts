// The composition root: the only file that knows every room. It builds the house from a configuration, opens it and
// closes it again. No logic of its own.

import { createAccessKeys } from './access/access-keys.ts';
import { createLateAudit } from './audit/late-audit.ts';
import { createAuthorizationServer } from './authorization-server/authorization-server.ts';
import { withOwnDocuments } from './authorization-server/own-issuer.ts';
import { baseUrl, gatewayUrl, metadataUrl } from './addresses.ts';
import { isLoopback } from './config.ts';
import type { Config, ListenAddress } from './config.ts';
import { createControlPlane } from './control/pipeline.ts';
import type { ControlPlane } from './control/pipeline.ts';
import { createArns } from './core/arn.ts';
import { createFigures } from './core/figures.ts';
import { settingsOf } from './core/settings.ts';
import { createClientAddress } from './edge/client-address.ts';
import { createOverload } from './edge/overload.ts';
import { createOriginRules } from './edge/origins.ts';
import type { Handlers } from './edge/server.ts';
import { createWeb } from './edge/web.ts';
import { createIdentity } from './identity/engine.ts';
import { systemClock } from './lib/clock.ts';
import { within } from './lib/within.ts';
import { protectedResourceMetadata } from './mcp/challenge.ts';
import { openLocalFunctions } from './local-functions.ts';
import { openMasterKey, openOperatorKey } from './operator-keys.ts';
import { createMcpEndpoint } from './mcp/endpoint.ts';
import type { McpServices } from './mcp/endpoint.ts';
import { egressRules } from './egress-rules.ts';
import { createHealth } from './health.ts';
import { openListeners } from './listeners.ts';
import { openObservability } from './observability.ts';
import { openAudit, recordOwnCredentials } from './open-audit.ts';
import { openStore } from './open-store.ts';
import { AUTHORIZER_TYPES, CREDENTIAL_TYPES, EMBEDDER_TYPES, TARGET_TYPES } from './plugins.ts';
import { createMailbox } from './sessions/mailbox.ts';
import { createToolSearch } from './search/search.ts';
import { createSessions } from './sessions/sessions.ts';
import { searchableOf } from './snapshot/searchable.ts';
import { createSnapshots } from './snapshot/snapshots.ts';
import { createUserTokens } from './snapshot/user-tokens.ts';
import { RESOURCE_KINDS } from './stores/sql/tables.ts';
import type { ProcessLog } from './telemetry/log.ts';
import { createAwsCredentials } from './upstream/aws-credentials.ts';
import { createAwsRoles } from './upstream/aws-roles.ts';
import type { Egress } from './core/outbound.ts';
import { createEgressClient } from './upstream/client.ts';
import type { EgressClient } from './upstream/client.ts';
import { createEgressGuard } from './upstream/guard.ts';
import { createFunctionInvoker } from './upstream/lambda.ts';
import { createSourceReader } from './upstream/source.ts';
import { createTargetGuards } from './upstream/target-guard.ts';
import { withTraces } from './upstream/traced.ts';
import { createStdioServers } from './upstream/stdio/servers.ts';
import { readWorkloadToken } from './workload-token.ts';
import { createSealer } from './vault/sealer.ts';
import { openTokenKey } from './vault/token-key.ts';
import { createVault } from './vault/vault.ts';

/** AgentCore's quotas, widened where real documents need it: GitHub's description alone makes 1,223 tools. */
const QUOTAS = Object.freeze({ toolsPerTarget: 20_000 });

/** Requests to gateways under way at the same time, in one process. */
const MAX_REQUESTS = 2_000;

/** Largest schema document that is read or taken inline (bytes). */
const MAX_SCHEMA_BYTES = 32 * 1024 * 1024;

export interface App {
  /** Base of every URL handed out. */
  readonly publicUrl: string;
  /** Base URL of the control plane. */
  readonly controlUrl: string;
  readonly control: ControlPlane;
  /** Where the operator's access key lies; undefined when it came from the settings. */
  readonly credentialsFile: string | undefined;
  /** Finishes what runs (at most `graceMs`) and closes everything. */
  close(graceMs: number): Promise<void>;
}

export interface AppOptions {
  /** URLs that the operator named on the command line: allowed by being named. */
  readonly named?: readonly URL[];
  /** Puts something before the door outwards: for those who run the house inside a program of their own. */
  readonly egress?: (client: EgressClient) => Egress;
  /** Aborts what may take long before the house is open. */
  readonly stopping?: AbortSignal;
  /** Which tools a caller may see (mcp/step.ts); without it every caller of a gateway sees all of them. */
  readonly mayListOf?: McpServices['mayListOf'];
}

/** Builds and opens the house; resolves when it is ready to serve. @throws GatewayError with cause and cure. */
export async function openApp(config: Config, log: ProcessLog, options: AppOptions = {}): Promise<App> {
  const clock = systemClock;
  const store = await openStore(config, clock, log, options.stopping);
  const awsCredentials = createAwsCredentials();
  const guard = createEgressGuard(egressRules(config, options.named ?? []));
  const client = withTraces(createEgressClient({ guard }));
  const outward = options.egress?.(client) ?? client;
  const egress = withOwnDocuments(outward, (url) => authorizationServer?.documentAt(url));
  const late = createLateAudit();
  const keyRing = await openMasterKey(config, store, egress, awsCredentials, late);
  const figures = createFigures();
  const vault = createVault(keyRing, config.accountId, figures);
  const tokenKey = await openTokenKey(store, vault, log);
  const audit = await openAudit(config, { store, vault, clock, log });
  recordOwnCredentials(config, late, audit);
  const told = { clock, log, audit, figures };
  const sealer = createSealer(tokenKey.key, config.accountId);
  const operator = openOperatorKey(config);
  const stdio = createStdioServers(config.stdioServers ?? [], log, clock);
  const scope = { region: config.region, accountId: config.accountId };
  const arns = createArns(scope);
  const address = { publicUrl: config.publicUrl ?? '', controlUrl: '' };
  const urlOf = (gatewayId: string): string => gatewayUrl(address.publicUrl, config.gatewayDomain, gatewayId);
  const plugins = {
    targetTypes: TARGET_TYPES,
    authorizerTypes: AUTHORIZER_TYPES,
    credentialTypes: CREDENTIAL_TYPES,
  };
  const accessKeys = createAccessKeys({
    store,
    sealer,
    ...told,
    accountId: config.accountId,
    operator,
    openSecret: (sealed, binding) => vault.open(sealed, binding),
  });
  const allowsAnybody = isLoopback(config.listen.host) || config.allowUnauthenticated === true;
  const assumeRole = createAwsRoles({
    egress,
    ...told,
    region: config.region,
    credentials: awsCredentials,
    ...(config.stsEndpoint === undefined ? {} : { stsEndpoint: config.stsEndpoint }),
  });
  const identity = createIdentity({
    store,
    egress,
    ...told,
    scope,
    publicUrl: () => address.publicUrl,
    seal: (secret, binding) => vault.seal(secret, binding),
    open: (sealed, binding) => vault.open(sealed, binding),
    workloadToken: () => readWorkloadToken(config.workloadTokenFile),
  });
  const authorizationServer =
    config.authorizationServer &&
    createAuthorizationServer({
      config: config.authorizationServer,
      publicUrl: () => address.publicUrl,
      urlOf,
      arns,
      store,
      sealer,
      vault,
      egress: outward,
      ...told,
    });
  const vaultDoors = {
    seal: (...[secret, binding]: Parameters<typeof vault.seal>) => vault.seal(secret, binding),
    openSecret: (...[sealed, binding]: Parameters<typeof vault.open>) => vault.open(sealed, binding),
  };
  const source = {
    egress,
    region: config.region,
    awsCredentials,
    audit,
    ...(config.s3Endpoint === undefined ? {} : { s3Endpoint: config.s3Endpoint }),
  };
  const { functions, api: functionApi } = openLocalFunctions(
    config,
    { ...vaultDoors, ...told, store, scope, accessKeys, sealer, controlUrl: () => address.controlUrl },
    source,
    guard,
  );
  const guards = createTargetGuards(clock);
  const overload = createOverload(config.maxRequests ?? MAX_REQUESTS);
  const snapshots = createSnapshots({
    guardOf: (targetId, concurrency) => guards.guardOf(targetId, concurrency),
    ...plugins,
    tokensFor: (gatewayId, onBehalfOf) => identity.tokens.tokensFor(gatewayId, onBehalfOf),
    store,
    scope,
    arns,
    egress,
    ...told,
    isLocalFunction: (arn) => functions.has(arn),
    urlOf,
    stdio,
    functionsWith: (credentials) =>
      createFunctionInvoker(
        {
          egress,
          local: functions,
          region: config.region,
          ...(config.lambdaEndpoint === undefined ? {} : { endpoint: config.lambdaEndpoint }),
        },
        credentials,
      ),
    accessKeys,
    ...(config.awsEndpoints === undefined ? {} : { awsEndpoints: config.awsEndpoints }),
    allowsAnybody,
    allowsPassthrough: config.allowJwtPassthrough === true,
    awsCredentialsOf: ({ id, document }) =>
      settingsOf(document.tags)['assume-role'] === 'true'
        ? assumeRole(document.roleArn, id)
        : awsCredentials(),
    openSecret: (sealed, binding) => vault.open(sealed, binding),
  });
  const search = createToolSearch({
    store,
    egress,
    ...told,
    region: config.region,
    embedderTypes: EMBEDDER_TYPES,
    openKey: (arn) => snapshots.openKey(arn),
  });
  snapshots.onSwap((gatewayId) => {
    const searchable = searchableOf(snapshots.get(gatewayId));
    guards.retain(snapshots.targetIds());
    if (searchable) search.update(searchable);
    else search.remove(gatewayId);
  });
  const control = createControlPlane({
    ...plugins,
    store,
    ...told,
    arns: { ...arns, ...scope },
    publicUrlOf: urlOf,
    accessKeys,
    allowsAnybody,
    refreshAccess: () => accessKeys.refresh(),
    sealer,
    vault: { ...vault, begin: () => keyRing.begin(), finish: () => keyRing.finish() },
    resourceKinds: RESOURCE_KINDS,
    ...vaultDoors,
    identity,
    verifyUserToken: createUserTokens({
      ...plugins,
      store,
      egress,
      ...told,
      accessKeys,
      scope,
      allowsAnybody,
      authorizerOf: (gatewayId) => snapshots.get(gatewayId)?.authorizer,
    }),
    readSource: createSourceReader({ ...source, maxBytes: MAX_SCHEMA_BYTES }),
    openServices: (gatewayId, targetId, access) => snapshots.openServices(gatewayId, targetId, access),
    stdioServerNames: stdio.names,
    healthOf: (gatewayId, targetId) =>
      snapshots
        .get(gatewayId)
        ?.servers.find((target) => target.targetId === targetId)
        ?.server.health(),
    async publish(gatewayId) {
      await snapshots.refresh(gatewayId);
      await search.ready(gatewayId);
    },
    search,
    maxSchemaBytes: MAX_SCHEMA_BYTES,
    quotas: QUOTAS,
  });
  const sessions = createSessions({ store, sealer, clock, log });
  const mailbox = createMailbox({ store, sealer, clock, log });
  const endpoint = createMcpEndpoint({
    snapshotOf: (gatewayId) => snapshots.get(gatewayId),
    seekSnapshot: (gatewayId) => snapshots.seek(gatewayId),
    onSwap: (listener) => snapshots.onSwap(listener),
    resynchronize: (targetId) => void control.resynchronize(targetId),
    metadataUrlOf: (gatewayId) => metadataUrl(urlOf(gatewayId)),
    sessions,
    mailbox,
    sealer,
    search,
    ...(options.mayListOf ? { mayListOf: options.mayListOf } : {}),
    ...told,
  });

  const observability = await openObservability(config, {
    egress: outward,
    log,
    gatewayOf(gatewayId) {
      const snapshot = snapshots.get(gatewayId);
      return snapshot && { arn: snapshot.gatewayArn, name: snapshot.name };
    },
  });
  let isStarted = false;
  const opened = Promise.withResolvers<void>();
  const health = createHealth({
    store,
    isShared: config.databaseUrl !== undefined,
    isStarted: () => isStarted,
    keyTrouble: tokenKey.trouble,
  });
  observability.watch({ guards, overload, snapshots, identity, search, client, store, health, ...told });
  const metricsAt = ({ host }: ListenAddress, isAdmin: boolean) => {
    const metrics = observability.page(host, isAdmin);
    return metrics ? { metrics } : {};
  };
  const addressOf = createClientAddress(config.trustedProxies ?? []);
  const handlersFor = (has: { dataPlane: boolean; control: boolean }, at: ListenAddress): Handlers => {
    if (has.dataPlane && address.publicUrl === '') address.publicUrl = baseUrl(at);
    if (has.control) address.controlUrl = has.dataPlane ? address.publicUrl : baseUrl(at);
    const origins = createOriginRules({
      publicUrl: address.publicUrl,
      isLoopback: isLoopback(at.host),
      ...(config.allowedOrigins === undefined ? {} : { allowedOrigins: config.allowedOrigins }),
      ...(config.gatewayDomain === undefined ? {} : { gatewayDomain: config.gatewayDomain }),
    });
    const web = createWeb({
      addressOf,
      audit,
      isOwnHost: (host) => origins.isOwnHost(host),
      notReady: () => health.notReady(),
      degraded: () => health.degraded(),
      ...(has.dataPlane ? { pages: identity.web } : {}),
      ...(has.dataPlane && authorizationServer ? { authorizationServer } : {}),
      ...(has.control ? { control, functions: functionApi, ...metricsAt(at, !has.dataPlane) } : {}),
    });
    const metadataOf = (gatewayId: string): string | undefined => {
      const snapshot = snapshots.get(gatewayId);
      return snapshot && protectedResourceMetadata(snapshot);
    };
    return {
      web,
      ...(has.dataPlane
        ? {
            dataPlane: {
              endpoint,
              metadataOf,
              origins,
              addressOf,
              log,
              observer: observability.observer,
              overload,
              audit,
            },
          }
        : {}),
      ...(config.gatewayDomain === undefined ? {} : { gatewayDomain: config.gatewayDomain }),
    };
  };
  const listeners = await openListeners(config, handlersFor, opened.promise).catch(
    async (thrown: unknown) => {
      await audit.close();
      await store.close();
      throw thrown;
    },
  );
  try {
    await accessKeys.start();
    await identity.start();
    await authorizationServer?.start();
    await functions.start();
    await snapshots.start();
    await control.start();
    sessions.start();
  } catch (thrown) {
    // Open sockets would keep a process alive that cannot serve.
    await Promise.all(listeners.map((listener) => listener.drain(0)));
    await search.close();
    await Promise.all([functions.close(), stdio.close()]);
    await audit.close();
    await store.close();
    throw thrown;
  }
  isStarted = true;
  opened.resolve();

  return Object.freeze({
    publicUrl: address.publicUrl,
    controlUrl: address.controlUrl,
    control,
    credentialsFile: operator.file,
    async close(graceMs: number): Promise<void> {
      isStarted = false;
      const over = clock.monotonic() + graceMs;
      endpoint.stop();
      await Promise.all(listeners.map((listener) => listener.drain(graceMs)));
      endpoint.close();
      sessions.close();
      identity.close();
      authorizationServer?.close();
      accessKeys.close();
      mailbox.close();
      await control.stop();
      await search.close();
      await snapshots.close();
      await Promise.all([functions.close(Math.max(0, over - clock.monotonic())), stdio.close()]);
      await within(2_000, observability.close());
      overload.close();
      await client.close();
      await audit.close();
      await store.close();
    },
  });
}

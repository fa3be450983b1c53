// What a handler may use: everything comes in here as arguments, nothing is reached for.

import type { AuthorizerType } from '../authorizers/authorizer.ts';
import type { ArnFactory, ArnScope } from '../core/arn.ts';
import type { Audit, AuditFact } from '../core/audit.ts';
import type { Log } from '../core/call.ts';
import type { JsonObject } from '../core/json.ts';
import type { TargetHealth } from '../core/relay.ts';
import type {
  ResourceKind,
  SealedSecret,
  SecretBinding,
  TargetDocument,
  TokenUser,
} from '../core/resources.ts';
import type { CredentialType } from '../credentials/credential-type.ts';
import type { Sealer } from '../core/sealer.ts';
import type { Identity } from '../identity/identity.ts';
import type { Clock } from '../lib/clock.ts';
import type { Secret } from '../lib/secret.ts';
import type { AccessKeys, Caller } from '../core/access.ts';
import type { ToolSearch } from '../search/tool-search.ts';
import type { Row, Store } from '../stores/store.ts';
import type { ReadSource, TargetServices, TargetType } from '../targets/target-type.ts';

/** How many there may be of each. */
export interface Quotas {
  readonly gateways: number;
  readonly targetsPerGateway: number;
  readonly toolsPerTarget: number;
  readonly apiKeyProviders: number;
  readonly oauth2Providers: number;
  readonly workloadIdentities: number;
  readonly tagsPerResource: number;
}

/** AgentCore's default quotas. */
export const DEFAULT_QUOTAS: Quotas = Object.freeze({
  gateways: 1000,
  targetsPerGateway: 100,
  toolsPerTarget: 1000,
  apiKeyProviders: 50,
  oauth2Providers: 50,
  workloadIdentities: 1000,
  tagsPerResource: 50,
});

/** What the control plane is built from. */
export interface ControlServices {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: nothing is recorded. */
  readonly audit?: Audit;
  readonly arns: ArnFactory & ArnScope;
  /** The `gatewayUrl` of a gateway. */
  readonly publicUrlOf: (gatewayId: string) => string;
  readonly targetTypes: readonly TargetType[];
  readonly authorizerTypes: readonly AuthorizerType[];
  readonly credentialTypes: readonly CredentialType[];
  readonly accessKeys: AccessKeys;
  /** Whether gateways without an authorizer may be called at all on this server. */
  readonly allowsAnybody: boolean;
  /** Fulfils when changed access keys count in this process. */
  readonly refreshAccess: () => Promise<void>;
  readonly sealer: Sealer;
  /** Keys of the vault, for their rotation. */
  readonly vault: VaultKeys;
  /** Every kind of row there is. */
  readonly resourceKinds: readonly ResourceKind[];
  readonly seal: (
    secret: Secret,
    binding: {
      readonly type: string;
      readonly recordId: string;
      readonly field: string;
      readonly version: number;
    },
  ) => SealedSecret;
  /** @throws GatewayError CredentialUnavailable */
  readonly openSecret: (sealed: SealedSecret, binding: SecretBinding) => Secret;
  readonly identity: Pick<Identity, 'tokens' | 'consents' | 'callbackUrl'>;
  /**
   * The user that a token of a trusted issuer names (snapshot/user-tokens.ts); for a gateway, by all of its own rules.
   * @throws GatewayError Unauthenticated
   */
  readonly verifyUserToken: (token: Secret, gatewayId?: string) => Promise<TokenUser>;
  readonly readSource: ReadSource;
  /** Programs that the operator configured as MCP servers, by name. */
  readonly stdioServerNames?: readonly string[];
  /** What a target is handed for asking it what it offers (snapshot/target-services.ts). @throws GatewayError */
  readonly openServices: (
    gatewayId: string,
    targetId: string,
    access: Pick<
      TargetDocument,
      'credentialProviderConfigurations' | 'metadataConfiguration' | 'authorization'
    >,
  ) => Promise<TargetServices>;
  /** What this process's data plane finds wrong with a target at the moment. */
  readonly healthOf?: (gatewayId: string, targetId: string) => TargetHealth | undefined;
  /** Fulfils when this process's data plane serves the store's present state of the gateway. */
  readonly publish: (gatewayId: string) => Promise<void>;
  readonly search: Pick<ToolSearch, 'search' | 'metrics'>;
  readonly quotas?: Partial<Quotas>;
  readonly maxSchemaBytes: number;
  readonly reconcile?: ReconcileOptions;
}

/** The vault's keys, as rotation needs them. */
export interface VaultKeys {
  readonly kekId: () => string | undefined;
  begin(): Promise<void>;
  finish(): Promise<void>;
  /** The same value under the present key; undefined when it is that already. @throws GatewayError */
  rewrap(sealed: SealedSecret): SealedSecret | undefined;
}

/** Timing of the reconciler. */
export interface ReconcileOptions {
  /** How long a resource stays with a process that has stopped answering. Default 5 s. */
  readonly leaseTtlMs?: number;
  /** How long reading and importing one source may take. Default 120 s. */
  readonly discoverTimeoutMs?: number;
  /** How often at most a target is synchronised because its server says so. Default 2.5 s. */
  readonly resynchronizeEveryMs?: number;
}

/** What handlers are handed. */
export interface ControlContext extends Omit<ControlServices, 'quotas'> {
  /** Whoever asked; this process itself where nobody did. */
  readonly caller: Caller;
  /** The same, and the request, for records of what an operation causes elsewhere. */
  readonly by?: Partial<AuditFact>;
  readonly quotas: Quotas;
  /** Tells the reconciler that a row may be in a transient state. */
  readonly wake: (kind: 'gateway' | 'gateway-target', id: string) => void;
}

/** One operation's work. Input has passed its shape; output is rendered along its shape. */
export type Handler = (input: JsonObject, ctx: ControlContext) => Promise<JsonObject>;

/** An object without the members that are undefined. */
export function present<T extends object>(members: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** Every row of a kind, in order of creation, read in small pages. */
export async function* everyRow<K extends ResourceKind>(
  reader: Pick<Store, 'list'>,
  kind: K,
  parentId?: string,
): AsyncGenerator<Row<K>> {
  let after: string | undefined;
  do {
    const page = await reader.list(kind, parentId, { limit: 50, ...(after === undefined ? {} : { after }) });
    yield* page.rows;
    after = page.next;
  } while (after !== undefined);
}

// The contract of a kind of target: everything the house asks of it. One folder here and one line in
// plugins.ts add a kind. A target type touches the outside only through the services it is handed.

import type { CallContext, Log } from '../core/call.ts';
import type { FieldFault } from '../core/errors.ts';
import type { FunctionInvoker } from '../core/functions.ts';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import type {
  CredentialPlacement,
  Egress,
  OutboundRequest,
  Refusal,
  StdioServers,
  UpstreamResponse,
} from '../core/outbound.ts';
import type { UpstreamServer } from '../core/relay.ts';
import type { CredentialProviderTypeName } from '../core/resources.ts';
import type { Catalogue, CatalogueEntry, ToolResult } from '../core/tool.ts';
import type { Clock } from '../lib/clock.ts';

/** Reads a schema document by URI (`s3://`, `https://`), within the size limit, as text. */
export type ReadSource = (uri: string, signal: AbortSignal) => Promise<string>;

export interface DiscoverContext {
  /** `gatewright:` settings of the target, keys without the prefix. */
  readonly settings: Readonly<Record<string, string>>;
  /**
   * Where the target's configured credential goes, so that no argument is made of it. `by-document`: there is one,
   * and the document says of each operation where it belongs. Absent: no credential is configured.
   */
  readonly credential?: CredentialPlacement | 'by-document';
  readonly readSource: ReadSource;
  /** What a call of the target would be given: for kinds that have to ask the target itself. @throws GatewayError */
  readonly openServices: () => Promise<TargetServices>;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** Puts the secret on a request at the last moment; `placement` is what the document says of this operation. */
export type ApplyCredential = (
  request: OutboundRequest,
  ctx: CallContext,
  placement: CredentialPlacement | undefined,
) => Promise<OutboundRequest>;

export interface TargetServices {
  readonly targetId: string;
  readonly egress: Egress;
  readonly stdio: StdioServers;
  /** Lambda functions, here or at AWS. */
  readonly functions: FunctionInvoker;
  readonly clock: Clock;
  readonly log: Log;
  /** For kinds of target that are services of AWS. */
  readonly aws: {
    readonly region: string;
    /** Instead of AWS's own, by the SDKs' name of the service (`S3`, `Cost Explorer`). */
    endpointOf(serviceId: string): URL | undefined;
  };
  readonly applyCredential: ApplyCredential;
  /** Takes the credential’s secret out of an answer that echoes it; `request` as it was sent, if one was. */
  readonly conceal: (response: UpstreamResponse, request: OutboundRequest | undefined) => UpstreamResponse;
  /**
   * After an answer 401 or 403: the same request with another credential, or undefined when there is no other. Asked
   * once a call. @throws GatewayError as `applyCredential`
   */
  readonly renewCredential: (
    request: OutboundRequest,
    ctx: CallContext,
    refusal: Refusal,
  ) => Promise<OutboundRequest | undefined>;
  /** Names (lower case) that clients' headers and query parameters are propagated under. */
  readonly propagation: {
    readonly requestHeaders: readonly string[];
    /** Of the target's answers, on to the caller. */
    readonly responseHeaders: readonly string[];
    readonly queryParameters: readonly string[];
  };
  readonly exceptionLevel?: 'DEBUG';
}

/** A target ready to serve. Nothing is parsed, connected or started before it is needed. */
export interface PreparedTarget {
  /**
   * Makes a callable tool of an entry; absent where `server` takes the calls itself.
   * @param shared of the entry's catalogue
   */
  readonly createTool?: (entry: CatalogueEntry, targetName: string, shared?: string) => InvocableTool;
  /** The target as an MCP server, for kinds that are one. */
  readonly server?: UpstreamServer;
}

/** A tool ready to be called. Arguments have passed the tool's input schema. */
export interface InvocableTool {
  /**
   * Calls it. What goes wrong upstream is a result with `isError: true`, not a throw.
   * @throws GatewayError Validation when the arguments cannot make a request (say a path value `..`).
   */
  call(args: JsonObject, ctx: CallContext): Promise<ToolResult>;
}

export interface TargetType {
  /** `TargetType` of the wire, for example `OPEN_API_SCHEMA`. */
  readonly type: string;
  /** Its place in `targetConfiguration`, for example `['mcp', 'openApiSchema']`. */
  readonly member: readonly [string, string];
  /** Credential provider types it takes; none configured is always allowed. */
  readonly credentialTypes: readonly CredentialProviderTypeName[];
  /** What the published shapes cannot say. Pure and quick. */
  check(config: JsonObject): readonly FieldFault[];
  /** Makes the tools. @throws GatewayError Validation with a message that says where and what to do. */
  discover(config: JsonObject, ctx: DiscoverContext): Promise<Catalogue>;
  /** Once per change of the target. */
  prepare(config: JsonObject, services: TargetServices): PreparedTarget;
}

/** The kind of a target and its own configuration: the type whose member a `targetConfiguration` has. */
export function findTargetType(
  targetConfiguration: JsonObject,
  types: readonly TargetType[],
): { readonly type: TargetType; readonly config: JsonObject } | undefined {
  for (const type of types) {
    const [plane, kind] = type.member;
    const group = targetConfiguration[plane];
    const config = isJsonObject(group) ? group[kind] : undefined;
    if (isJsonObject(config)) return { type, config };
  }
  return undefined;
}

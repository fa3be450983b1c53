// What the data plane runs on: one frozen value per gateway, made when something changes, never per call.
// Types only. It holds no store, and secrets only inside the credentials that apply them.

import type { Authorizer } from '../authorizers/authorizer.ts';
import type { JsonObject } from '../core/json.ts';
import type { UpstreamServer } from '../core/relay.ts';
import type { ToolDefinition } from '../core/tool.ts';
import type { SchemaFault } from '../lib/json-schema/compile.ts';
import type { InvocableTool } from '../targets/target-type.ts';
import type { NamingRules } from '../core/tool-names.ts';

/** A tool as this gateway offers it. Nothing of it is parsed or compiled before it is first needed. */
export interface SnapshotTool {
  /** The name clients use: prefixed, shortened, unique in the gateway. */
  readonly name: string;
  readonly targetId: string;
  readonly targetName: string;
  /** JSON text of the whole definition, `name` included, ready to be sent. */
  readonly text: string;
  readonly definition: () => ToolDefinition;
  /** Faults of some arguments against `inputSchema`; empty when they are fine. */
  readonly validate: (args: JsonObject) => readonly SchemaFault[];
  /** The target's own name for it. */
  readonly ownName: string;
  /** Takes the call; absent where `server` does. */
  readonly invocable?: InvocableTool;
  /** The MCP server whose tool it is: calls go through as they are, with what discovery wrote down of it. */
  readonly server?: UpstreamServer;
  readonly plan?: string;
}

/** A target that is an MCP server, with what it offers besides tools. */
export interface SnapshotServer {
  readonly targetId: string;
  readonly targetName: string;
  readonly server: UpstreamServer;
  /** Its lists are asked for each time instead of being kept. */
  readonly isDynamic: boolean;
  /** Among servers with the same resource the lowest number wins. */
  readonly resourcePriority: number;
  /** `capabilities` as the server declared them when it was last synchronised. */
  readonly capabilities: JsonObject;
  /** Texts are whole definitions with the gateway's names, ready to be sent. */
  readonly prompts: readonly { readonly name: string; readonly ownName: string; readonly text: string }[];
  readonly resources: readonly { readonly uri: string; readonly text: string }[];
  readonly resourceTemplates: readonly { readonly uriTemplate: string; readonly text: string }[];
}

/** One page of `tools/list`: one target's tools (AgentCore's paging), as ready JSON texts. */
export interface ToolPage {
  readonly targetId: string;
  /** What the target is for, in the words of whoever made it and of its source. */
  readonly description: string;
  readonly tools: readonly SnapshotTool[];
}

export interface GatewaySnapshot {
  readonly gatewayId: string;
  readonly gatewayArn: string;
  readonly name: string;
  readonly url: string;
  readonly authorizer: Authorizer;
  /** MCP versions offered, newest first. */
  readonly protocolVersions: readonly string[];
  /** Those of them that describe themselves on each request, and those with a handshake. */
  readonly modernVersions: readonly string[];
  readonly legacyVersions: readonly string[];
  readonly instructions?: string;
  /** True when `tools/list` answers with everything at once (`disableMcpListToolsPagination`). */
  readonly singlePage: boolean;
  /** True when calls may answer as a stream of events (`streamingConfiguration`). */
  readonly isStreaming: boolean;
  /** Absolute life of a session; absent: the gateway keeps none (`sessionConfiguration`). */
  readonly sessionTimeoutMs?: number;
  /** True when the search tool is offered (`searchType: SEMANTIC`). */
  readonly hasSearch: boolean;
  /** `gatewright:` settings of the gateway, keys without the prefix. */
  readonly settings: Readonly<Record<string, string>>;
  readonly naming: NamingRules;
  readonly pages: readonly ToolPage[];
  readonly tools: ReadonlyMap<string, SnapshotTool>;
  /** Targets that are MCP servers, in order of creation. */
  readonly servers: readonly SnapshotServer[];
  readonly exceptionLevel?: 'DEBUG';
}

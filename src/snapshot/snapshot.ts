// What the data plane runs on: one frozen value per gateway, made when something changes, never per call.
// Types only. It holds no store, and secrets only inside the credentials that apply them.

import type { Authorizer } from '../authorizers/authorizer.ts';
import type { JsonObject } from '../core/json.ts';
import type { ToolDefinition } from '../core/tool.ts';
import type { SchemaFault } from '../lib/json-schema/compile.ts';
import type { InvocableTool } from '../targets/target-type.ts';

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
  readonly invocable: InvocableTool;
}

/** One page of `tools/list`: one target's tools (AgentCore's paging), as ready JSON texts. */
export interface ToolPage {
  readonly targetId: string;
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
  readonly pages: readonly ToolPage[];
  readonly tools: ReadonlyMap<string, SnapshotTool>;
  readonly exceptionLevel?: 'DEBUG';
}

// Tools as the Model Context Protocol names them, and the catalogue a target's discovery leaves behind.
// The catalogue keeps each definition and plan as JSON text, so that a target of a thousand tools costs
// nothing to hold and each tool is parsed on its first call only.

import type { JsonObject, JsonValue } from './json.ts';

/** The gateway’s own tool, which finds others (AgentCore’s name for it). */
export const SEARCH_TOOL_NAME = 'x_amz_bedrock_agentcore_search';

export interface ToolAnnotations {
  readonly title?: string;
  readonly readOnlyHint?: boolean;
  readonly destructiveHint?: boolean;
  readonly idempotentHint?: boolean;
  readonly openWorldHint?: boolean;
}

/** A tool as `tools/list` shows it (MCP 2025-03-26 and later; `title`/`outputSchema` from 2025-06-18). */
export interface ToolDefinition {
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly inputSchema: JsonObject;
  readonly outputSchema?: JsonObject;
  readonly annotations?: ToolAnnotations;
  readonly _meta?: JsonObject;
}

export type ContentBlock =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image' | 'audio'; readonly data: string; readonly mimeType: string }
  | {
      readonly type: 'resource';
      readonly resource: {
        readonly uri: string;
        readonly mimeType?: string;
        readonly text?: string;
        readonly blob?: string;
      };
    };

/** What a call gives back. `isError` is a failure the model should see, not a protocol error. */
export interface ToolResult {
  readonly content: readonly ContentBlock[];
  readonly structuredContent?: JsonValue;
  readonly isError: boolean;
  readonly _meta?: JsonObject;
}

/** One tool of a target, in the form that is stored: both members after `name` are JSON texts. */
export interface CatalogueEntry {
  /** The target's own name for the tool, before any prefix. */
  readonly name: string;
  /** JSON text of the ToolDefinition without its `name`. */
  readonly definition: string;
  /** JSON text of whatever the target type needs to call it. */
  readonly plan: string;
}

/** What the import did with one operation that did not become a tool unchanged. */
export interface ImportNote {
  /** For example `GET /pets/{petId}`. */
  readonly operation: string;
  readonly tool?: string;
  /** `skipped`: no tool; `changed`: a tool, but not word for word as the document has it. */
  readonly outcome: 'skipped' | 'changed';
  readonly reasons: readonly string[];
}

/** The import report: counts, and each operation that was skipped or changed, with the reason. */
export interface ImportReport {
  readonly source: string;
  readonly title?: string;
  readonly format: string;
  readonly operations: number;
  readonly tools: number;
  readonly skipped: number;
  readonly notes: readonly ImportNote[];
  /** Remarks on the document as a whole (servers, external references, …). */
  readonly warnings: readonly string[];
}

/** What an MCP server offers besides tools, and how it described itself. Definitions are JSON texts. */
export interface ServerCatalogue {
  readonly protocolVersion: string;
  /** `capabilities` as the server declared them. */
  readonly capabilities: JsonObject;
  readonly instructions?: string;
  /** Definition: a prompt without its `name`. */
  readonly prompts: readonly { readonly name: string; readonly definition: string }[];
  /** Definition: the whole resource. */
  readonly resources: readonly { readonly uri: string; readonly definition: string }[];
  /** Definition: the whole resource template. */
  readonly resourceTemplates: readonly { readonly uriTemplate: string; readonly definition: string }[];
}

/** What discovery leaves behind; stored, and all that the data plane needs to serve a target. */
export interface Catalogue {
  readonly entries: readonly CatalogueEntry[];
  /** JSON text of what the plans of all entries have in common, for kinds of target whose plans do. */
  readonly shared?: string;
  readonly report: ImportReport;
  /** Only of targets that are MCP servers. */
  readonly server?: ServerCatalogue;
}

// The targets of a snapshot that are MCP servers: their prompts under the gateway's names, their resources under
// their own URIs.

import { isJsonObject } from '../core/json.ts';
import type { ServerCatalogue } from '../core/tool.ts';
import type { LiveTarget } from '../core/resources.ts';
import type { PreparedTarget } from '../targets/target-type.ts';
import type { SnapshotServer } from './snapshot.ts';
import { nameTools } from '../core/tool-names.ts';
import type { NamingRules } from '../core/tool-names.ts';

/** AgentCore's default of `resourcePriority`. */
const DEFAULT_PRIORITY = 1_000;

interface ServerDraft {
  readonly row: {
    readonly id: string;
    readonly name: string;
    readonly document: { readonly live?: LiveTarget };
  };
  readonly catalogue: { readonly server?: ServerCatalogue };
  readonly prepared: { readonly target: PreparedTarget };
}

/** The MCP servers among some targets. Prompts are named as tools are (AgentCore prefixes both alike). */
export function compileServers(
  drafts: readonly ServerDraft[],
  rules: NamingRules,
): readonly SnapshotServer[] {
  const names = nameTools(
    drafts.flatMap(({ row, catalogue }) =>
      (catalogue.server?.prompts ?? []).map(({ name }) => ({ target: row.name, tool: name })),
    ),
    rules,
  );
  let position = 0;
  return drafts.flatMap(({ row, catalogue, prepared }) => {
    const { server } = prepared.target;
    if (!server) return [];
    const offered = catalogue.server;
    const config = configurationOf(row.document.live);
    const priority = config['resourcePriority'];
    return [
      {
        targetId: row.id,
        targetName: row.name,
        server,
        isDynamic: config['listingMode'] === 'DYNAMIC',
        resourcePriority: typeof priority === 'number' ? priority : DEFAULT_PRIORITY,
        capabilities: offered?.capabilities ?? {},
        prompts: (offered?.prompts ?? []).map(({ name: ownName, definition }) => {
          const name = names[position++] ?? ownName;
          return { name, ownName, text: `{"name":${JSON.stringify(name)},${definition.slice(1)}` };
        }),
        resources: (offered?.resources ?? []).map(({ uri, definition }) => ({ uri, text: definition })),
        resourceTemplates: (offered?.resourceTemplates ?? []).map(({ uriTemplate, definition }) => ({
          uriTemplate,
          text: definition,
        })),
      },
    ];
  });
}

function configurationOf(live: LiveTarget | undefined): Readonly<Record<string, unknown>> {
  const mcp = live?.targetConfiguration['mcp'];
  const config = isJsonObject(mcp) ? mcp['mcpServer'] : undefined;
  return isJsonObject(config) ? config : {};
}

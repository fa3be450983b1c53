// The four lists of MCP, by the member of the result that holds them.

export type ListKind = 'tools' | 'prompts' | 'resources' | 'resourceTemplates';

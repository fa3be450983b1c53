// Which endpoints and schemas a target may be given.

import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../core/json.ts';
import { checkMcpServer, parseEndpoint, showEndpoint } from './check.ts';

const faults = (config: JsonObject): string[] =>
  checkMcpServer(config).map(({ name, message }) => `${name}: ${message}`);
const RUNTIME =
  'https://bedrock-agentcore.us-east-1.amazonaws.com/runtimes/arn%3Aaws%3Abedrock-agentcore%3Aus-east-1%3A123456789012%3Aruntime%2Fx-0123456789/invocations?qualifier=DEFAULT';

describe('an endpoint', () => {
  it.each([
    'https://mcp.example.com/mcp',
    'https://mcp.example.com',
    'http://127.0.0.1:8080/mcp',
    'https://mcp.example.com/mcp?key=a%20b&c',
    'stdio:files',
    'stdio:a.b-c_9',
    RUNTIME,
  ])('may be %s', (endpoint) => {
    expect(faults({ endpoint })).toEqual([]);
    expect(parseEndpoint(endpoint)).toBeDefined();
  });

  it('of an AgentCore Runtime stays as it is, byte by byte', () => {
    const endpoint = parseEndpoint(RUNTIME);
    expect(endpoint && 'url' in endpoint ? endpoint.url.href : '').toBe(RUNTIME);
  });

  it.each<[unknown, string]>([
    [undefined, 'is required'],
    ['', 'is required'],
    ['mcp.example.com', 'must be the https:// URL'],
    ['ftp://mcp.example.com/', 'must be the https:// URL'],
    ['https://', 'must be the https:// URL'],
    ['https://mcp.example.com/a b', 'must be URL-encoded'],
    ['https://mcp.example.com/ü', 'must be URL-encoded'],
    ['https://mcp.example.com/100%', 'must be URL-encoded'],
    ['https://mcp.example.com/%zz', 'must be URL-encoded'],
    ['https://mcp.example.com/a\\b', 'must be URL-encoded'],
    [
      'https://b.example/runtimes/arn:aws:bedrock-agentcore:us-east-1:1:runtime/x/invocations',
      'write the ARN in its path with %3A',
    ],
    ['https://user:secret@mcp.example.com/', 'must not hold a user name'],
    ['https://mcp.example.com/mcp#top', 'fragment'],
    ['https://mcp.example.com/a/../b', 'segments'],
    ['https://mcp.example.com/%2e%2e/b', 'segments'],
    ['stdio:', 'must name a program'],
    ['stdio:../bin/sh', 'must name a program'],
    ['stdio:rm -rf', 'must name a program'],
  ])('may not be %s', (endpoint, message) => {
    expect(faults({ endpoint } as JsonObject)).toEqual([expect.stringContaining(message)]);
    expect(parseEndpoint(endpoint)).toBeUndefined();
  });

  it('is shown without its query', () => {
    const shown = ['https://h.example/mcp?key=secret', 'stdio:files'].map((text) => {
      const endpoint = parseEndpoint(text);
      return endpoint && showEndpoint(endpoint);
    });
    expect(shown).toEqual(['https://h.example/mcp', 'stdio:files']);
  });
});

describe('a tool schema', () => {
  const endpoint = 'https://mcp.example.com/mcp';
  it.each<[string, JsonObject, string[]]>([
    ['as text', { mcpToolSchema: { inlinePayload: '{"tools":[]}' } }, []],
    ['as an address', { mcpToolSchema: { s3: { uri: 's3://b/k' } } }, []],
    ['with a fixed list', { mcpToolSchema: { inlinePayload: '{}' }, listingMode: 'DEFAULT' }, []],
    ['with a live list', { mcpToolSchema: { inlinePayload: '{}' }, listingMode: 'DYNAMIC' }, ['DYNAMIC']],
    ['that is empty', { mcpToolSchema: { inlinePayload: ' ' } }, ['needs the schema']],
    ['that is nowhere', { mcpToolSchema: { s3: {} } }, ['needs the schema']],
  ])('%s', (_, config, messages) => {
    expect(faults({ endpoint, ...config })).toEqual(
      messages.map((message) => expect.stringContaining(message) as string),
    );
  });
});

// Prompts, resources, templates and completions of the fixture MCP server, for both eras.

import type {
  CompleteResult,
  GetPromptResult,
  InputRequiredResult,
  Prompt,
  ReadResourceResult,
  Resource,
  ResourceTemplateType,
} from '@modelcontextprotocol/server';
import { ProtocolError, ProtocolErrorCode, ResourceNotFoundError } from '@modelcontextprotocol/server';
import type { JsonObject } from '../../src/core/json.ts';
import type { FixtureState } from './fixture-state.ts';
import { PNG, answerTo, ask, form } from './fixture-tool.ts';
import type { FixtureCall } from './fixture-tool.ts';
import { VIEW_URI } from './fixture-tools-own.ts';

const argument = (name: string) => ({ name, description: `The ${name}`, required: true });

const PROMPTS: readonly Prompt[] = [
  { name: 'test_simple_prompt', description: 'A prompt without arguments' },
  {
    name: 'test_prompt_with_arguments',
    description: 'A prompt with arguments',
    arguments: [argument('arg1'), argument('arg2')],
  },
  {
    name: 'test_prompt_with_embedded_resource',
    description: 'A prompt with a resource',
    arguments: [argument('resourceUri')],
  },
  { name: 'test_prompt_with_image', description: 'A prompt with an image' },
  { name: 'test_input_required_result_prompt', description: 'A prompt that asks for its context' },
];

const RESOURCES: readonly Resource[] = [
  {
    uri: 'test://static-text',
    name: 'static-text',
    description: 'Text that stays as it is',
    mimeType: 'text/plain',
  },
  {
    uri: 'test://static-binary',
    name: 'static-binary',
    description: 'An image that stays as it is',
    mimeType: 'image/png',
  },
  {
    uri: 'test://watched-resource',
    name: 'watched-resource',
    description: 'Text that changes',
    mimeType: 'text/plain',
  },
  {
    uri: VIEW_URI,
    name: 'view',
    description: 'The view of a tool',
    mimeType: 'text/html;profile=mcp-app',
    _meta: { ui: { prefersBorder: true } },
  },
];

const TEMPLATES: readonly ResourceTemplateType[] = [
  {
    uriTemplate: 'test://template/{id}/data',
    name: 'template-data',
    description: 'Data by id',
    mimeType: 'application/json',
  },
  {
    uriTemplate: 'test://archive/{year}/{month}',
    name: 'archive',
    description: 'What was written in a month',
    mimeType: 'text/plain',
  },
];

export const listPrompts = (state: FixtureState): readonly Prompt[] => [
  ...PROMPTS,
  ...[...state.extraPrompts].map((name) => ({ name, description: 'A prompt that comes and goes' })),
];
export const listResources = (): readonly Resource[] => RESOURCES;
export const listTemplates = (): readonly ResourceTemplateType[] => TEMPLATES;

const user = (content: GetPromptResult['messages'][number]['content']) => ({
  role: 'user' as const,
  content,
});
const say = (words: string) => user({ type: 'text', text: words });

export function getPrompt(name: string, call: FixtureCall): GetPromptResult | InputRequiredResult {
  const { args, state } = call;
  switch (name) {
    case 'test_simple_prompt':
      return { messages: [say('This is a simple prompt for testing.')] };
    case 'test_prompt_with_arguments':
      return {
        messages: [
          say(`Prompt with arguments: arg1='${String(args['arg1'])}', arg2='${String(args['arg2'])}'`),
        ],
      };
    case 'test_prompt_with_embedded_resource':
      return {
        messages: [
          user({
            type: 'resource',
            resource: {
              uri: String(args['resourceUri']),
              mimeType: 'text/plain',
              text: 'Embedded resource content for testing.',
            },
          }),
          say('Please process the embedded resource above.'),
        ],
      };
    case 'test_prompt_with_image':
      return {
        messages: [
          user({ type: 'image', data: PNG, mimeType: 'image/png' }),
          say('Please analyze the image above.'),
        ],
      };
    case 'test_input_required_result_prompt': {
      const answer = answerTo(call, 'user_context');
      if (!answer)
        return ask({
          user_context: form('What context should the prompt use?', { context: { type: 'string' } }),
        });
      return { messages: [say(`Context: ${JSON.stringify(answer['content'] ?? null)}`)] };
    }
    default:
      if (state.extraPrompts.has(name)) return { messages: [say('Here for now.')] };
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown prompt: ${name}`);
  }
}

export function readResource(uri: string): ReadResourceResult {
  const [, id] = /^test:\/\/template\/([^/]+)\/data$/.exec(uri) ?? [];
  if (id !== undefined)
    return {
      contents: [
        {
          uri,
          mimeType: 'application/json',
          text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }),
        },
      ],
    };
  if (/^test:\/\/archive\/\d{4}\/\d{2}$/.test(uri))
    return { contents: [{ uri, mimeType: 'text/plain', text: `Archive of ${uri.slice(15)}` }] };
  switch (uri) {
    case 'test://static-text':
      return {
        contents: [{ uri, mimeType: 'text/plain', text: 'This is the content of the static text resource.' }],
      };
    case 'test://static-binary':
      return { contents: [{ uri, mimeType: 'image/png', blob: PNG }] };
    case 'test://watched-resource':
      return { contents: [{ uri, mimeType: 'text/plain', text: 'Watched.' }] };
    case VIEW_URI:
      return {
        contents: [
          {
            uri,
            mimeType: 'text/html;profile=mcp-app',
            text: '<!doctype html><title>View</title>',
            _meta: { ui: { csp: { connectDomains: ['https://example.com'] } } },
          },
        ],
      };
    default:
      throw new ResourceNotFoundError(uri);
  }
}

/** Completes the one prompt that has arguments, and the id of the template. */
export function complete(params: JsonObject): CompleteResult {
  const ref = params['ref'] as JsonObject;
  const { name, value } = params['argument'] as { name: string; value: string };
  const { arguments: known = {} } = (params['context'] ?? {}) as { arguments?: Record<string, string> };
  const among = (words: readonly string[]): CompleteResult => {
    const values = words.filter((word) => word.startsWith(value));
    return { completion: { values, total: values.length, hasMore: false } };
  };
  if (ref['type'] === 'ref/prompt' && ref['name'] === 'test_prompt_with_arguments')
    return among(name === 'arg1' ? ['paris', 'park', 'party'] : [`${known['arg1'] ?? 'no'}-one`, 'other']);
  if (ref['type'] === 'ref/resource' && ref['uri'] === 'test://template/{id}/data')
    return among(['101', '102', '203']);
  return among([]);
}

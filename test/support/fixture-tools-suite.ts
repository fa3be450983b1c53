// The tools that the MCP conformance suite calls by name, with the behaviour it looks for.

import {
  MissingRequiredClientCapabilityError,
  ProtocolError,
  ProtocolErrorCode,
  inputRequired,
} from '@modelcontextprotocol/server';
import type { FixtureCall, FixtureTool } from './fixture-tool.ts';
import {
  PNG,
  WAV,
  answerTo,
  ask,
  blocks,
  form,
  pause,
  progress,
  sample,
  sign,
  text,
  tool,
  verify,
} from './fixture-tool.ts';

const STRING = { type: 'string' };
const NAME = { name: STRING };

/** Every keyword that must reach the client as it is. */
const SCHEMA_2020_12 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: STRING, city: STRING },
    },
  },
  properties: {
    name: STRING,
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: STRING,
    email: STRING,
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // eslint-disable-next-line unicorn/no-thenable
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};

const image = { type: 'image', data: PNG, mimeType: 'image/png' } as const;
const resource = (uri: string, mimeType: string, words: string) =>
  ({ type: 'resource', resource: { uri, mimeType, text: words } }) as const;

/** A question, and the words made of its answer. */
function asking(
  call: FixtureCall,
  key: string,
  question: Parameters<typeof ask>[0][string],
  say: (answer: NonNullable<ReturnType<typeof answerTo>>) => string,
) {
  const answer = answerTo(call, key);
  return answer ? text(say(answer)) : ask({ [key]: question });
}

const describe = (answer: object): string => {
  const { action, content } = answer as { action?: string; content?: unknown };
  return `action=${action}, content=${JSON.stringify(content ?? {})}`;
};
const contentOf = (answer: object, field: string): string =>
  String((answer as { content?: Record<string, unknown> }).content?.[field]);

async function logThree({ ctx }: FixtureCall) {
  for (const words of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
    await ctx.mcpReq.log('info', words, 'fixture');
    await pause(20, ctx.mcpReq.signal);
  }
  return text('Three messages were logged.');
}

const refuseState = (): never => {
  throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'requestState was not made by this server');
};

const PLAIN: readonly FixtureTool[] = [
  tool('test_simple_text', 'Answers with text', {}, () =>
    text('This is a simple text response for testing.'),
  ),
  tool('test_image_content', 'Answers with an image', {}, () => blocks(image)),
  tool('test_audio_content', 'Answers with a sound', {}, () =>
    blocks({ type: 'audio', data: WAV, mimeType: 'audio/wav' }),
  ),
  tool('test_embedded_resource', 'Answers with a resource', {}, () =>
    blocks(resource('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')),
  ),
  tool('test_multiple_content_types', 'Answers with blocks of three types', {}, () =>
    blocks(
      { type: 'text', text: 'Multiple content types test:' },
      image,
      resource('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
    ),
  ),
  tool('test_error_handling', 'Always fails', {}, () => ({
    ...text('This tool intentionally returns an error for testing'),
    isError: true,
  })),
  {
    definition: {
      name: 'json_schema_2020_12_tool',
      description: 'Has every keyword of its dialect',
      inputSchema: SCHEMA_2020_12,
    },
    run: ({ args }) => text(JSON.stringify(args)),
  },
];

const STREAMING: readonly FixtureTool[] = [
  tool('test_tool_with_logging', 'Logs three messages', {}, logThree),
  tool('test_logging_tool', 'Logs, for those who want it', {}, logThree),
  tool('test_tool_with_progress', 'Reports progress three times', {}, async (call) => {
    for (const done of [0, 50, 100]) {
      await progress(call, done, 100, `Completed ${done} of 100`);
      await pause(20, call.ctx.mcpReq.signal);
    }
    return text('Progress was reported.');
  }),
  tool('test_reconnection', 'Closes its stream before it answers', {}, async (call) => {
    await call.ctx.mcpReq.log('info', 'The stream will be closed.', 'fixture');
    await pause(30, call.ctx.mcpReq.signal);
    call.ctx.http?.closeSSE?.();
    call.state.tell('stream-closed');
    await pause(100, call.ctx.mcpReq.signal);
    return text('Answered after the stream was closed.');
  }),
  tool('test_streaming_elicitation', 'Reports progress, then asks', {}, async (call) => {
    await progress(call, 1, 2);
    return asking(call, 'user_name', form('What is your name?', NAME), (answer) => describe(answer));
  }),
];

const ASKING: readonly FixtureTool[] = [
  tool('test_sampling', 'Asks the client’s model', { prompt: STRING }, (call) =>
    asking(
      call,
      'answer',
      sample(String(call.args['prompt'])),
      (answer) => `LLM response: ${JSON.stringify((answer['content'] as { text?: string }).text)}`,
    ),
  ),
  tool('test_elicitation', 'Asks the user', { message: STRING }, (call) =>
    asking(
      call,
      'user',
      form(String(call.args['message']), {
        username: { type: 'string', description: "User's response" },
        email: { type: 'string', description: "User's email address" },
      }),
      (answer) => `User response: ${describe(answer)}`,
    ),
  ),
  tool('test_elicitation_sep1034_defaults', 'Asks with a default in each field', {}, (call) =>
    asking(
      call,
      'defaults',
      form(
        'Please check these values',
        {
          name: { type: 'string', default: 'John Doe' },
          age: { type: 'integer', default: 30 },
          score: { type: 'number', default: 95.5 },
          status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
          verified: { type: 'boolean', default: true },
        },
        [],
      ),
      (answer) => `Elicitation completed: ${describe(answer)}`,
    ),
  ),
  tool('test_elicitation_sep1330_enums', 'Asks with each kind of choice', {}, (call) => {
    const titled = (noun: string) =>
      ['First', 'Second', 'Third'].map((word, index) => ({
        const: `value${index + 1}`,
        title: `${word} ${noun}`,
      }));
    const options = ['option1', 'option2', 'option3'];
    return asking(
      call,
      'choices',
      form(
        'Please choose',
        {
          untitledSingle: { type: 'string', enum: options },
          titledSingle: { type: 'string', oneOf: titled('Option') },
          legacyEnum: {
            type: 'string',
            enum: ['opt1', 'opt2', 'opt3'],
            enumNames: ['Option One', 'Option Two', 'Option Three'],
          },
          untitledMulti: { type: 'array', items: { type: 'string', enum: options } },
          titledMulti: { type: 'array', items: { anyOf: titled('Choice') } },
        },
        [],
      ),
      (answer) => `Elicitation completed: ${describe(answer)}`,
    );
  }),
  tool('test_missing_capability', 'Only works for clients that sample', {}, (call) => {
    if (!call.capabilities['sampling'])
      throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { sampling: {} } });
    return text('The client can sample.');
  }),
];

const OF_CHANGE: readonly FixtureTool[] = [
  tool('test_trigger_tool_change', 'Adds or removes a tool', {}, ({ state }) => {
    if (!state.extraTools.delete('triggered_tool')) state.extraTools.add('triggered_tool');
    state.news.toolsChanged();
    return text('The list of tools has changed.');
  }),
  tool('test_trigger_prompt_change', 'Adds or removes a prompt', {}, ({ state }) => {
    if (!state.extraPrompts.delete('triggered_prompt')) state.extraPrompts.add('triggered_prompt');
    state.news.promptsChanged();
    return text('The list of prompts has changed.');
  }),
];

const confirm = form('Please confirm', { ok: { type: 'boolean' } });
/** Asks once with a signed state, and goes on only with that state. */
function withState(call: FixtureCall, say: () => string) {
  const state = call.ctx.mcpReq.requestState();
  if (state === undefined) return ask({ confirm }, sign('confirm'));
  if (verify(state) !== 'confirm') return refuseState();
  return answerTo(call, 'confirm') ? text(say()) : ask({ confirm }, sign('confirm'));
}

const NEEDING_INPUT: readonly FixtureTool[] = [
  tool('test_input_required_result_elicitation', 'Asks for a name', {}, (call) =>
    asking(
      call,
      'user_name',
      form('What is your name?', NAME),
      (answer) => `Hello, ${contentOf(answer, 'name')}!`,
    ),
  ),
  tool('test_input_required_result_sampling', 'Asks for a capital', {}, (call) =>
    asking(call, 'capital_question', sample('What is the capital of France?'), (answer) =>
      JSON.stringify(answer['content']),
    ),
  ),
  tool('test_input_required_result_list_roots', 'Asks for the roots', {}, (call) =>
    asking(call, 'client_roots', inputRequired.listRoots(), (answer) => JSON.stringify(answer['roots'])),
  ),
  tool('test_input_required_result_request_state', 'Asks, and wants its state back', {}, (call) =>
    withState(call, () => 'state-ok'),
  ),
  tool('test_input_required_result_tampered_state', 'Refuses a state that was changed', {}, (call) =>
    withState(call, () => 'state-ok'),
  ),
  tool('test_input_required_result_multiple_inputs', 'Asks three things at once', {}, (call) => {
    const questions = {
      user_name: form('What is your name?', NAME),
      greeting: sample('Generate a greeting', 50),
      client_roots: inputRequired.listRoots(),
    };
    const answers = Object.keys(questions).map((key) => answerTo(call, key));
    return answers.every((answer) => answer !== undefined)
      ? text(JSON.stringify(answers))
      : ask(questions, sign('multiple'));
  }),
  tool('test_input_required_result_multi_round', 'Asks twice, one after the other', {}, (call) => {
    const state = call.ctx.mcpReq.requestState();
    const known = state === undefined ? '' : (verify(state) ?? refuseState());
    const colour = answerTo(call, 'step2');
    if (known.startsWith('name:') && colour)
      return text(`${known.slice(5)} likes ${contentOf(colour, 'color')}.`);
    const name = answerTo(call, 'step1');
    if (known === 'start' && name)
      return ask(
        { step2: form('Step 2: What is your favorite color?', { color: STRING }) },
        sign(`name:${contentOf(name, 'name')}`),
      );
    return ask({ step1: form('Step 1: What is your name?', NAME) }, sign('start'));
  }),
  tool('test_input_required_result_capabilities', 'Asks only what the client can be asked', {}, (call) => {
    const { elicitation, sampling, roots } = call.capabilities;
    const questions = {
      ...(elicitation ? { user_name: form('What is your name?', NAME) } : {}),
      ...(sampling ? { greeting: sample('Generate a greeting', 50) } : {}),
      ...(roots ? { client_roots: inputRequired.listRoots() } : {}),
    };
    const keys = Object.keys(questions);
    return keys.every((key) => answerTo(call, key) !== undefined)
      ? text(`Asked for ${keys.join(', ') || 'nothing'}.`)
      : ask(questions);
  }),
];

export const SUITE_TOOLS: readonly FixtureTool[] = [
  ...PLAIN,
  ...STREAMING,
  ...ASKING,
  ...OF_CHANGE,
  ...NEEDING_INPUT,
];

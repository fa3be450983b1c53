// The tools of the fixture MCP server that only our own tests call: streams, cancellation, sessions, mirrored headers,
// an app's view. And how the tools that can be tasks behave for clients without the tasks extension.

import { MissingRequiredClientCapabilityError, inputRequired } from '@modelcontextprotocol/server';
import type { FixtureCall, FixtureTool } from './fixture-tool.ts';
import { answerTo, ask, form, pause, progress, text, tool } from './fixture-tool.ts';

const STRING = { type: 'string' };
const NUMBER = { type: 'number' };
export const VIEW_URI = 'ui://fixture/view.html';

const structured = (data: Record<string, unknown>) => ({
  ...text(JSON.stringify(data)),
  structuredContent: data,
});

/** Steps with progress and a log message each. */
async function stream(call: FixtureCall): Promise<number> {
  const steps = Number(call.args['steps'] ?? 3);
  for (let step = 1; step <= steps; step += 1) {
    await progress(call, step, steps, `step ${step}`);
    await call.ctx.mcpReq.log('info', `step ${step} of ${steps}`, 'fixture');
    await pause(1, call.ctx.mcpReq.signal);
  }
  return steps;
}

export const OWN_TOOLS: readonly FixtureTool[] = [
  tool(
    'session_counter',
    'Counts the calls of a session',
    {},
    ({ ctx, state }) => {
      const session = ctx.sessionId ?? '';
      const calls = (state.calls.get(session) ?? 0) + 1;
      state.calls.set(session, calls);
      return structured({ calls, hasSession: session !== '' });
    },
    {
      outputSchema: {
        type: 'object',
        properties: { calls: { type: 'integer' }, hasSession: { type: 'boolean' } },
        required: ['calls', 'hasSession'],
      },
      annotations: { title: 'Counter', readOnlyHint: false, openWorldHint: false },
    },
  ),
  tool('slow_echo', 'Gives a value back after some time', { ms: NUMBER, value: STRING }, async (call) => {
    const { value } = call.args;
    const { signal } = call.ctx.mcpReq;
    call.state.tell('slow_echo started', value);
    try {
      for (let step = 0; step < 4; step += 1) {
        await progress(call, step, 4, String(value));
        await pause(Number(call.args['ms']) / 4, signal);
      }
    } catch (error) {
      if (signal.aborted) call.state.tell('slow_echo cancelled', value);
      throw error;
    }
    call.state.tell('slow_echo finished', value);
    return structured({ value });
  }),
  tool('streaming_demo', 'Answers after some steps', { 'steps?': NUMBER }, async (call) =>
    text(`${await stream(call)} steps done`),
  ),
  tool('failing_demo', 'Fails after some steps', { 'steps?': NUMBER }, async (call) => ({
    ...text(`failed after ${await stream(call)} steps`),
    isError: true,
  })),
  tool(
    'region_echo',
    'Gives back a region that must stand in a header too',
    { region: { type: 'string', 'x-mcp-header': 'Region' }, 'note?': STRING },
    ({ args }) => structured({ region: args['region'] }),
  ),
  tool(
    'show_view',
    'Has a view of its own',
    { 'city?': STRING },
    ({ args }) => structured({ city: args['city'] ?? 'Oslo' }),
    { _meta: { ui: { resourceUri: VIEW_URI, visibility: ['model', 'app'] } } },
  ),
  tool('visit', 'Sends the user to a page', { url: STRING }, (call) => {
    const answer = answerTo(call, 'visit');
    const url = String(call.args['url']);
    return answer
      ? text(`visit: ${String(answer['action'])}`)
      : ask({ visit: inputRequired.elicitUrl({ message: 'Please sign in', url }) });
  }),
  tool('echo_meta', 'Tells what came beside the arguments', {}, ({ ctx }) =>
    structured({ meta: ctx.mcpReq._meta ?? {}, envelope: ctx.mcpReq.envelope ?? {} }),
  ),
];

/** Only as a task: everybody else is told what is missing. */
const needsTasks = (): never => {
  throw new MissingRequiredClientCapabilityError({
    requiredCapabilities: { extensions: { 'io.modelcontextprotocol/tasks': {} } },
  });
};

/** The same names without the tasks extension; with it fixture-tasks.ts answers. */
export const TASK_TOOLS: readonly FixtureTool[] = [
  tool('greet', 'Greets at once', { name: STRING }, ({ args }) => text(`Hello, ${String(args['name'])}!`)),
  tool(
    'slow_compute',
    'Takes its time',
    { seconds: NUMBER, 'label?': STRING },
    async ({ args, ctx }) => {
      await pause(Number(args['seconds']) * 1_000, ctx.mcpReq.signal);
      return text(`computed for ${Number(args['seconds'])} s`);
    },
    { execution: { taskSupport: 'optional' } },
  ),
  tool('failing_job', 'A job that fails', {}, needsTasks),
  tool('protocol_error_job', 'A job that breaks down', {}, needsTasks),
  tool('confirm_delete', 'Deletes after a confirmation', { filename: STRING }, (call) => {
    const answer = answerTo(call, 'confirm');
    return answer
      ? text(`${String(call.args['filename'])}: ${String(answer['action'])}`)
      : ask({
          confirm: form(`Delete ${String(call.args['filename'])}?`, { confirm: { type: 'boolean' } }),
        });
  }),
  tool('multi_input', 'A job that asks two things at once', {}, needsTasks),
  tool('test_tool_with_task', 'Asks, then goes on as a task', {}, needsTasks),
];

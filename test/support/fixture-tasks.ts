// The tasks extension (SEP-2663) of the fixture MCP server: jobs that go on after their call was answered, in the
// words of 2026-07-28. Written by hand, for the server package does not serve `tasks/*`.

import { randomUUID } from 'node:crypto';
import type { JsonObject, JsonValue } from '../../src/core/json.ts';
import type { FixtureState } from './fixture-state.ts';

/** A fault of a request: a JSON-RPC error and its HTTP status. */
export interface Fault {
  readonly code: number;
  readonly message: string;
  readonly data?: JsonValue;
  readonly status: number;
}
export type Outcome = { readonly result: JsonObject } | { readonly fault: Fault };

interface Task {
  readonly id: string;
  readonly createdAt: string;
  lastUpdatedAt: string;
  status: 'working' | 'input_required' | 'completed' | 'failed' | 'cancelled';
  result?: JsonObject;
  error?: JsonObject;
  /** What is still to be answered. */
  pending: Record<string, JsonObject>;
  answers: Record<string, JsonValue | undefined>;
  /** Goes on when nothing is pending any more. */
  goOn?: (answers: Record<string, JsonValue | undefined>) => void;
  timer?: NodeJS.Timeout;
}

const words = (text: string, isError?: true): JsonObject => ({
  content: [{ type: 'text', text }],
  ...(isError ? { isError } : {}),
});
const question = (message: string, property: string, type: string): JsonObject => ({
  method: 'elicitation/create',
  params: {
    mode: 'form',
    message,
    requestedSchema: { type: 'object', properties: { [property]: { type } }, required: [property] },
  },
});
const fault = (code: number, message: string, status: number, data?: JsonValue): Outcome => ({
  fault: { code, message, status, ...(data === undefined ? {} : { data }) },
});

export const UNDECLARED: Fault = {
  code: -32021,
  message: 'The client has not declared the tasks extension',
  data: { requiredCapabilities: { extensions: { 'io.modelcontextprotocol/tasks': {} } } },
  status: 400,
};

export class FixtureTasks {
  readonly #tasks = new Map<string, Task>();
  readonly #state: FixtureState;

  constructor(state: FixtureState) {
    this.#state = state;
  }

  /** Answers a call of a tool that is a task here; undefined for every other tool. */
  call(name: string, params: JsonObject): Outcome | undefined {
    const args = (params['arguments'] ?? {}) as JsonObject;
    switch (name) {
      case 'slow_compute': {
        const seconds = Number(args['seconds'] ?? 0);
        return this.#start((task) =>
          this.#later(task, seconds * 1_000, { result: words(`computed for ${seconds} s`) }),
        );
      }
      case 'failing_job':
        return this.#start((task) => this.#later(task, 50, { result: words('The job failed.', true) }));
      case 'protocol_error_job':
        return this.#start((task) =>
          this.#later(task, 50, { error: { code: -32603, message: 'The job broke down' } }),
        );
      case 'confirm_delete':
        return this.#start((task) =>
          this.#wants(
            task,
            { confirm: question(`Delete ${String(args['filename'])}?`, 'confirm', 'boolean') },
            (answers) =>
              this.#end(task, { result: words(`${String(args['filename'])}: ${JSON.stringify(answers)}`) }),
          ),
        );
      case 'multi_input':
        return this.#start((task) =>
          this.#wants(
            task,
            { name: question('Your name?', 'name', 'string'), sure: question('Sure?', 'confirm', 'boolean') },
            (answers) => this.#end(task, { result: words(JSON.stringify(answers)) }),
          ),
        );
      case 'test_tool_with_task': {
        const answer = (params['inputResponses'] as JsonObject | undefined)?.['user_name'];
        if (answer === undefined)
          return {
            result: {
              resultType: 'input_required',
              inputRequests: { user_name: question('What is your name?', 'name', 'string') },
              requestState: 'test_tool_with_task:1',
            },
          };
        if (params['requestState'] !== 'test_tool_with_task:1')
          return fault(-32602, 'requestState was not made by this server', 200);
        const { name: given } = (answer as { content: { name: string } }).content;
        return this.#start((task) => this.#later(task, 50, { result: words(`Done for ${given}.`) }));
      }
      default:
        return undefined;
    }
  }

  /** Answers `tasks/get`, `tasks/update` and `tasks/cancel`. */
  handle(method: string, params: JsonObject): Outcome {
    const task = this.#tasks.get(String(params['taskId']));
    if (!task) return fault(-32602, 'Unknown task', 200, { taskId: params['taskId'] ?? null });
    if (method === 'tasks/get') return { result: { resultType: 'complete', ...this.#detailed(task) } };
    if (method === 'tasks/cancel') {
      if (task.status === 'working' || task.status === 'input_required') this.#end(task, 'cancelled');
      return { result: { resultType: 'complete' } };
    }
    for (const [key, answer] of Object.entries((params['inputResponses'] ?? {}) as JsonObject)) {
      if (!(key in task.pending)) continue;
      task.answers[key] = answer;
      task.pending = Object.fromEntries(Object.entries(task.pending).filter(([other]) => other !== key));
      this.#changed(task);
    }
    if (task.status === 'input_required' && Object.keys(task.pending).length === 0) {
      task.status = 'working';
      task.goOn?.(task.answers);
    }
    return { result: { resultType: 'complete' } };
  }

  close(): void {
    for (const { timer } of this.#tasks.values()) clearTimeout(timer);
  }

  #start(run: (task: Task) => void): Outcome {
    const now = new Date().toISOString();
    const task: Task = {
      id: randomUUID(),
      createdAt: now,
      lastUpdatedAt: now,
      status: 'working',
      pending: {},
      answers: {},
    };
    this.#tasks.set(task.id, task);
    const created = { resultType: 'task', ...this.#summary(task) };
    run(task);
    this.#state.tell('task created', task.id);
    return { result: created };
  }

  #later(task: Task, ms: number, end: { result: JsonObject } | { error: JsonObject }): void {
    task.timer = setTimeout(() => this.#end(task, end), ms);
  }

  #wants(
    task: Task,
    pending: Record<string, JsonObject>,
    goOn: (answers: Record<string, JsonValue | undefined>) => void,
  ): void {
    task.status = 'input_required';
    task.pending = pending;
    task.goOn = goOn;
    this.#changed(task);
  }

  #end(task: Task, end: { result: JsonObject } | { error: JsonObject } | 'cancelled'): void {
    clearTimeout(task.timer);
    if (end === 'cancelled') task.status = 'cancelled';
    else if ('result' in end) {
      task.status = 'completed';
      task.result = end.result;
    } else {
      task.status = 'failed';
      task.error = end.error;
    }
    this.#changed(task);
    this.#state.tell(`task ${task.status}`, task.id);
  }

  #changed(task: Task): void {
    task.lastUpdatedAt = new Date().toISOString();
    this.#state.news.taskChanged(this.#detailed(task));
  }

  #summary(task: Task): JsonObject {
    return {
      taskId: task.id,
      status: task.status,
      createdAt: task.createdAt,
      lastUpdatedAt: task.lastUpdatedAt,
      ttlMs: 600_000,
      pollIntervalMs: 50,
    };
  }

  #detailed(task: Task): JsonObject {
    return {
      ...this.#summary(task),
      ...(task.status === 'completed' ? { result: task.result ?? {} } : {}),
      ...(task.status === 'failed' ? { error: task.error ?? {} } : {}),
      ...(task.status === 'input_required' ? { inputRequests: task.pending } : {}),
    };
  }
}

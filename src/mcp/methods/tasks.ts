// `tasks/get`, `tasks/update`, `tasks/cancel` of the tasks extension (SEP-2663), handed on to the server that has the
// task. The id that a client holds is sealed for it: another caller's does not open.

import type { JsonObject } from '../../core/json.ts';
import { TASKS_EXTENSION } from '../../core/relay.ts';
import { knowsTasks } from '../capabilities.ts';
import { INVALID_PARAMS, MISSING_CAPABILITY, ProtocolError } from '../error-response.ts';
import { relay } from '../relay.ts';
import { finishRelayed } from '../render.ts';
import type { Method } from './method.ts';

const handOn =
  (method: string): Method =>
  async (ctx) => {
    if (!knowsTasks(ctx.capabilities()))
      throw new ProtocolError(400, MISSING_CAPABILITY, `${method} needs the tasks extension`, {
        requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } },
      });
    const { taskId, _meta: _ours, ...rest } = ctx.request.params;
    const handle = typeof taskId === 'string' ? ctx.tokens().openTask(taskId) : undefined;
    const target = ctx.snapshot.servers.find(({ targetId }) => targetId === handle?.targetId);
    if (!handle || !target || typeof taskId !== 'string')
      throw new ProtocolError(200, INVALID_PARAMS, 'The task is not known');
    ctx.note({ targetId: target.targetId });
    const params: JsonObject = { ...rest, taskId: handle.taskId };
    const result = await relay(ctx, target, method, params);
    const named = result['taskId'] === undefined ? result : { ...result, taskId };
    return finishRelayed(named, ctx.isModern);
  };

export const tasksGet = handOn('tasks/get');
export const tasksUpdate = handOn('tasks/update');
export const tasksCancel = handOn('tasks/cancel');

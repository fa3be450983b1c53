// The lists: `tools/list`, `prompts/list`, `resources/list`, `resources/templates/list`.

import { listPage } from '../lists.ts';
import type { Method } from './method.ts';

export const toolsList: Method = (ctx) => listPage(ctx, 'tools');
export const promptsList: Method = (ctx) => listPage(ctx, 'prompts');
export const resourcesList: Method = (ctx) => listPage(ctx, 'resources');
export const resourceTemplatesList: Method = (ctx) => listPage(ctx, 'resourceTemplates');

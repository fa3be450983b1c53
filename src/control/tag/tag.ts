// TagResource.

import type { Tags } from '../../core/resources.ts';
import type { Handler } from '../context.ts';
import { changeTags } from './resource.ts';

/** Handles TagResource. */
export const tagResource: Handler = async (input, ctx) => {
  await changeTags(input['resourceArn'] as string, (tags) => ({ ...tags, ...(input['tags'] as Tags) }), ctx);
  return {};
};

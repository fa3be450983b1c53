// ListTagsForResource.

import type { Handler } from '../context.ts';
import { loadTagged } from './resource.ts';

/** Handles ListTagsForResource. */
export const listTagsForResource: Handler = async (input, ctx) => {
  const { row } = await loadTagged(ctx.store, input['resourceArn'] as string, ctx);
  return { tags: row.document.tags };
};

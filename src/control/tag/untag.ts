// UntagResource.

import type { Handler } from '../context.ts';
import { changeTags } from './resource.ts';

/** Handles UntagResource. */
export const untagResource: Handler = async (input, ctx) => {
  const gone = new Set(input['tagKeys'] as readonly string[]);
  const keep = (tags: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(tags).filter(([key]) => !gone.has(key)));
  await changeTags(input['resourceArn'] as string, keep, ctx);
  return {};
};

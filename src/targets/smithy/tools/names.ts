// Names of tools: the operations' own (AgentCore: tool name = operation shape name), shortened and told apart where
// clients need it. Independent of the order of the model, so that a tool keeps its name when others come and go.

import { createHash } from 'node:crypto';

const MAX_LENGTH = 64;

/** One name for each `[wish, id]`, unique also without regard to case. */
export function nameOperations(wishes: readonly (readonly [wish: string, id: string])[]): string[] {
  const groups = new Map<string, number>();
  for (const [wish] of wishes) groups.set(wish.toLowerCase(), (groups.get(wish.toLowerCase()) ?? 0) + 1);
  const taken = new Set<string>();
  return wishes.map(([wish, id]) => {
    let name = (groups.get(wish.toLowerCase()) ?? 0) > 1 ? withHash(wish, id) : fit(wish, id);
    for (let salt = 1; taken.has(name.toLowerCase()); salt += 1) name = withHash(wish, `${id}#${salt}`);
    taken.add(name.toLowerCase());
    return name;
  });
}

function fit(name: string, id: string): string {
  return name.length <= MAX_LENGTH ? name : withHash(name, id);
}

function withHash(name: string, hashed: string): string {
  const hash = createHash('sha256').update(hashed).digest('hex').slice(0, 8);
  return `${name.slice(0, MAX_LENGTH - 1 - hash.length)}_${hash}`;
}

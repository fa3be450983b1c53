// Names of tools: the document's own where clients can take it, else one made from it. Deterministic, and
// independent of the order of the document, so that a tool keeps its name when others come and go.

import { createHash } from 'node:crypto';

/** What a tool's name is made from. */
export interface NameSource {
  readonly operationId?: string;
  /** Upper case. */
  readonly method: string;
  /** As the document writes it. */
  readonly path: string;
}

const MAX_LENGTH = 64;
const CLEAN = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** Eight hexadecimal digits that stand for a text. */
export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** The names of all operations, in their order: unique also without regard to case. */
export function nameTools(sources: readonly NameSource[]): string[] {
  const wishes = sources.map(wishFor);
  const groups = new Map<string, number[]>();
  wishes.forEach((wish, index) => {
    const key = wish.toLowerCase();
    groups.set(key, [...(groups.get(key) ?? []), index]);
  });
  const names = [...wishes];
  const taken = new Set<string>();
  for (const [key, members] of groups) {
    const owner = ownerOf(members, sources, wishes);
    if (owner !== undefined) taken.add(key);
    for (const index of members) if (index !== owner) names[index] = '';
  }
  names.forEach((name, index) => {
    if (name !== '') return;
    const source = sources[index] as NameSource;
    const wish = wishes[index] as string;
    for (let salt = ''; ; salt += '+') {
      const candidate = withHash(wish, shortHash(`${source.method} ${source.path}${salt}`));
      if (taken.has(candidate.toLowerCase())) continue;
      taken.add(candidate.toLowerCase());
      names[index] = candidate;
      return;
    }
  });
  return names;
}

/** Among operations that wish for one name, the one whose operationId it is word for word, if it is one. */
function ownerOf(
  members: readonly number[],
  sources: readonly NameSource[],
  wishes: readonly string[],
): number | undefined {
  if (members.length === 1) return members[0];
  const owners = members.filter((index) => sources[index]?.operationId === wishes[index]);
  return owners.length === 1 ? owners[0] : undefined;
}

function wishFor(source: NameSource): string {
  const own = source.operationId?.trim() ?? '';
  if (CLEAN.test(own)) return fit(own);
  const cleaned = clean(own);
  return fit(/[A-Za-z0-9]/.test(cleaned) ? cleaned : deriveName(source.method, source.path));
}

/** `GET /pets/{petId}` is `get_pets_petId`. */
export function deriveName(method: string, path: string): string {
  const words = clean(path);
  return `${method.toLowerCase()}_${words === '_' || words === '' ? 'root' : words.replace(/^_+/, '')}`;
}

function clean(text: string): string {
  const words = text.replaceAll(/[^A-Za-z0-9_-]+/g, '_').replaceAll(/^_+|_+$/g, '');
  return /^[A-Za-z_]/.test(words) ? words : `_${words}`;
}

function fit(name: string): string {
  return name.length <= MAX_LENGTH ? name : withHash(name, shortHash(name));
}

function withHash(name: string, hash: string): string {
  return `${name.slice(0, MAX_LENGTH - 1 - hash.length)}_${hash}`;
}

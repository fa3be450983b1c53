// Gives each parameter and body property its member of the tool's one flat argument object. No two share a
// member, none is lost, and every key is one that clients accept.

import { shortHash } from './names.ts';

/** Something that wants a place among the arguments. */
export interface Claim {
  readonly in: 'path' | 'query' | 'header' | 'cookie' | 'querystring' | 'body';
  /** Name on the wire. */
  readonly name: string;
}

const CLEAN_KEY = /^[a-zA-Z0-9_.-]{1,64}$/;
const MAX_LENGTH = 64;

/** The argument names of the claims, in their order. Body properties keep a name that a parameter also wants. */
export function nameArguments(claims: readonly Claim[]): string[] {
  const wishes = claims.map((claim) => cleanKey(claim.name));
  const groups = new Map<string, number[]>();
  wishes.forEach((wish, index) => groups.set(wish, [...(groups.get(wish) ?? []), index]));
  const names = claims.map((): string | undefined => undefined);
  const taken = new Set<string>();
  const take = (index: number, name: string): void => {
    names[index] = name;
    taken.add(name);
  };
  for (const [wish, members] of groups) {
    const owner = ownerOf(members, claims, wish);
    if (owner !== undefined) take(owner, wish);
  }
  claims.forEach((claim, index) => {
    if (names[index] !== undefined) return;
    const wish = wishes[index] as string;
    const first =
      claim.in === 'body' ? withSuffix(wish, `_${shortHash(claim.name)}`) : withSuffix(wish, `__${claim.in}`);
    let name = first;
    for (let salt = ''; taken.has(name); salt += '+')
      name = withSuffix(first, `_${shortHash(claim.name + salt)}`);
    take(index, name);
  });
  return names as string[];
}

function ownerOf(members: readonly number[], claims: readonly Claim[], wish: string): number | undefined {
  if (members.length === 1) return members[0];
  const body = members.filter((index) => claims[index]?.in === 'body');
  const pool = body.length > 0 ? body : sameLocation(members, claims) ? members : [];
  return pool.find((index) => claims[index]?.name === wish) ?? (body.length > 0 ? body[0] : undefined);
}

/** `ids` and `ids[]` in one query: the one that needs no mending keeps the name. */
function sameLocation(members: readonly number[], claims: readonly Claim[]): boolean {
  return new Set(members.map((index) => claims[index]?.in)).size === 1;
}

/** A key clients accept: as it is when it can be, else mended (`StartTime<` is `StartTime`). */
export function cleanKey(name: string): string {
  // Clients lose a member called `__proto__` from the schemas they read.
  if (CLEAN_KEY.test(name) && name !== '__proto__') return name;
  const mended = name.replaceAll(/[^a-zA-Z0-9_.-]+/g, '_').replaceAll(/^_+|_+$/g, '');
  if (mended === '') return `arg_${shortHash(name)}`;
  return mended.length <= MAX_LENGTH ? mended : `${mended.slice(0, MAX_LENGTH - 9)}_${shortHash(name)}`;
}

function withSuffix(name: string, suffix: string): string {
  return name.slice(0, MAX_LENGTH - suffix.length) + suffix;
}

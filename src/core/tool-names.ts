// The names under which a gateway offers its tools: `target___tool` or bare where unique, never longer than
// the gateway's limit. Shortening keeps the beginning and adds a hash of the whole name, so that the same
// tool has the same name on every node and after every restart.

import { createHash } from 'node:crypto';

const SEPARATOR = '___';
const HASH_LENGTH = 8;

export interface NamingRules {
  readonly style: 'prefixed' | 'bare';
  readonly maxLength: number;
  /** Names that are the gateway’s own. */
  readonly reserved?: readonly string[];
}

export interface NamedTool {
  readonly target: string;
  readonly tool: string;
}

/** One unique name for each tool, in the order given. Two tools never share a name. */
export function nameTools(tools: readonly NamedTool[], rules: NamingRules): string[] {
  const occurrences = new Map<string, number>();
  for (const { tool } of tools) occurrences.set(tool, (occurrences.get(tool) ?? 0) + 1);
  const taken = new Set<string>(rules.reserved);
  return tools.map(({ target, tool }) => {
    const full = `${target}${SEPARATOR}${tool}`;
    const wanted = rules.style === 'bare' && occurrences.get(tool) === 1 ? tool : full;
    let name = shorten(wanted, full, rules.maxLength);
    // Only a hash collision or a bare name equal to another's prefixed one gets here.
    for (let attempt = 1; taken.has(name); attempt += 1)
      name = withHash(wanted, `${full}#${attempt}`, rules.maxLength);
    taken.add(name);
    return name;
  });
}

/** The name of a tool whose siblings are not known: of a target with dynamic listing. */
export function publishedName({ target, tool }: NamedTool, rules: NamingRules): string {
  const full = `${target}${SEPARATOR}${tool}`;
  return shorten(rules.style === 'bare' ? tool : full, full, rules.maxLength);
}

/** The target's own name in a prefixed one, or undefined when it is another target's. */
export function unprefixed(target: string, name: string): string | undefined {
  const prefix = `${target}${SEPARATOR}`;
  return name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
}

function shorten(wanted: string, full: string, maxLength: number): string {
  return wanted.length <= maxLength ? wanted : withHash(wanted, full, maxLength);
}

function withHash(wanted: string, hashed: string, maxLength: number): string {
  const hash = createHash('sha256')
    .update(hashed)
    .digest('hex')
    .slice(0, Math.min(HASH_LENGTH, maxLength - 2));
  return `${wanted.slice(0, maxLength - hash.length - 1)}_${hash}`;
}

// Challenges of `WWW-Authenticate` (RFC 9110 §11.6.1), read as they come from servers that may be careless or hostile:
// several in one field, several fields joined by commas. What cannot be read ends the reading; what stood before counts.
// Knows no scheme; what a parameter means is its reader's matter.

/** More than any honest field needs. */
const MAX_LENGTH = 16 * 1024;
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const SPACE = /[ \t]*/y;
const SEPARATORS = /[ \t,]*/y;
const TOKEN68 = /[ \t]+[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;
const EQUALS = /[ \t]*=[ \t]*/y;
const QUOTED = /"((?:[\t\x20\x21\x23-\x5b\x5d-\x7e\u0080-\uffff]|\\[\t\x20-\x7e\u0080-\uffff])*)"/y;

/** One challenge: its scheme and the names of its parameters in lower case. */
export interface AuthChallenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** The challenges of a field, in order. A parameter that is given twice counts as it was given first. */
export function parseChallenges(field: string | undefined): readonly AuthChallenge[] {
  const text = (field ?? '').slice(0, MAX_LENGTH);
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) at += match[0].length;
    return match ?? undefined;
  };
  for (;;) {
    take(SEPARATORS);
    const word = take(TOKEN)?.[0].toLowerCase();
    if (word === undefined) return challenges;
    const current = challenges.at(-1);
    if (current && take(EQUALS)) {
      const value = take(QUOTED)?.[1]?.replaceAll(/\\(.)/g, '$1') ?? take(TOKEN)?.[0];
      if (value === undefined) return challenges;
      if (!current.parameters.has(word)) current.parameters.set(word, value);
    } else {
      challenges.push({ scheme: word, parameters: new Map() });
      take(TOKEN68);
    }
    take(SPACE);
    if (at < text.length && text[at] !== ',' && !isBeforeParameter(text, at, challenges)) return challenges;
  }
}

/** Between a scheme and its first parameter stands a space and no comma. */
function isBeforeParameter(
  text: string,
  at: number,
  challenges: readonly { readonly parameters: ReadonlyMap<string, string> }[],
): boolean {
  return challenges.at(-1)?.parameters.size === 0 && /[ \t]/.test(text[at - 1] ?? '');
}

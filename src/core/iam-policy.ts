// Resource policies in AWS's policy language, as far as it decides who may call a gateway: statements with effect,
// principal, action, resource and conditions. An explicit deny wins, and what is not allowed is denied. What this
// version does not understand is refused when the policy is put, never ignored. Reference: IAM User Guide, "Policy
// evaluation logic" and "IAM JSON policy elements".

import { isJsonObject } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { parseStrictJson } from './strict-json.ts';

export interface PolicyQuestion {
  readonly principalArn: string;
  readonly accountId: string;
  readonly action: string;
  readonly resource: string;
  /** Condition keys of the request, in lower case, for example `aws:sourceip`. */
  readonly context: Readonly<Record<string, string | undefined>>;
}

export type PolicyAnswer = 'allow' | 'deny' | 'silent';

const MEMBERS: ReadonlySet<string> = new Set([
  'Sid',
  'Effect',
  'Principal',
  'Action',
  'Resource',
  'Condition',
]);
const OPERATORS: Readonly<Record<string, (value: string, wanted: string) => boolean>> = Object.freeze({
  StringEquals: (value, wanted) => value === wanted,
  StringNotEquals: (value, wanted) => value !== wanted,
  StringEqualsIgnoreCase: (value, wanted) => value.toLowerCase() === wanted.toLowerCase(),
  StringLike: (value, wanted) => matches(wanted, value),
  StringNotLike: (value, wanted) => !matches(wanted, value),
  ArnEquals: (value, wanted) => matches(wanted, value),
  ArnLike: (value, wanted) => matches(wanted, value),
});
/** What is known of each request. A condition on anything else could never be fulfilled, or always. */
const CONDITION_KEYS: ReadonlySet<string> = new Set([
  'aws:sourceip',
  'aws:principalarn',
  'aws:principalaccount',
  'aws:username',
]);
const PRINCIPAL = /^(\*|\d{12}|arn:aws:iam::\d{12}:(root|user\/[\w+=,.@/-]+))$/;
const NEGATIVE: ReadonlySet<string> = new Set(['StringNotEquals', 'StringNotLike']);

/** What is wrong with a policy's text, or undefined when it is one that can be obeyed whole. */
export function policyFault(text: string): string | undefined {
  let policy: unknown;
  try {
    // Strict: of two Effects in one statement neither may count without the other.
    policy = parseStrictJson(Buffer.from(text));
  } catch {
    return 'is not JSON, or names a member twice';
  }
  if (!isJsonObject(policy)) return 'is not a JSON object';
  const { Version, Statement } = policy;
  if (Version !== '2012-10-17' && Version !== '2008-10-17') return 'needs "Version": "2012-10-17"';
  const statements = listOf(Statement);
  if (statements.length === 0) return 'needs a Statement';
  for (const [index, statement] of statements.entries()) {
    const fault = isJsonObject(statement) ? statementFault(statement) : 'is not an object';
    if (fault !== undefined) return `Statement ${index + 1} ${fault}`;
  }
  return undefined;
}

function statementFault(statement: JsonObject): string | undefined {
  const unknown = Object.keys(statement).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) return `has ${unknown}, which is not understood here`;
  if (statement['Effect'] !== 'Allow' && statement['Effect'] !== 'Deny')
    return 'needs "Effect": "Allow" or "Deny"';
  const { Principal, Action, Resource, Condition } = statement;
  if (Principal !== '*' && !(isJsonObject(Principal) && Object.keys(Principal).join() === 'AWS'))
    return 'needs "Principal": "*" or { "AWS": … }';
  if (!areTexts(Action) || !areTexts(Resource)) return 'needs Action and Resource';
  if (isJsonObject(Principal) && !areTexts(Principal['AWS']))
    return 'needs ARNs or accounts in Principal.AWS';
  if (isJsonObject(Principal)) {
    const nobody = textsOf(Principal['AWS']).find((who) => !PRINCIPAL.test(who));
    if (nobody !== undefined)
      return `has the principal ${nobody}, which is not understood here: *, an account, its root, or the ARN of a user`;
  }
  if (Condition === undefined) return undefined;
  if (!isJsonObject(Condition)) return 'has a Condition that is not an object';
  for (const [operator, tests] of Object.entries(Condition)) {
    if (!Object.hasOwn(OPERATORS, operator))
      return `has the condition operator ${operator}, which is not understood here`;
    if (!isJsonObject(tests) || !Object.values(tests).every(areTexts))
      return `has a ${operator} that is not understood`;
    for (const [key, wanted] of Object.entries(tests)) {
      if (!CONDITION_KEYS.has(key.toLowerCase()))
        return `has the condition key ${key}, which is not understood here`;
      for (const value of textsOf(wanted)) {
        if (value.includes('${')) return 'has a policy variable, which is not understood here';
        if (key.toLowerCase() === 'aws:sourceip' && value.includes('/'))
          return 'has a range of addresses, which is not understood here: aws:SourceIp is compared as text';
      }
    }
  }
  return undefined;
}

/** What a policy without faults says to a question. */
export function evaluatePolicy(text: string, question: PolicyQuestion): PolicyAnswer {
  const policy = JSON.parse(text) as { readonly Statement: JsonValue };
  let answer: PolicyAnswer = 'silent';
  for (const statement of listOf(policy.Statement)) {
    if (!isJsonObject(statement) || !applies(statement, question)) continue;
    if (statement['Effect'] === 'Deny') return 'deny';
    answer = 'allow';
  }
  return answer;
}

function applies(statement: JsonObject, question: PolicyQuestion): boolean {
  const { Principal, Action, Resource, Condition } = statement;
  const { action, resource } = question;
  return (
    (Principal === '*' || textsOf((Principal as JsonObject)['AWS']).some((who) => isMeant(who, question))) &&
    // Actions are compared without regard to case.
    textsOf(Action).some((wanted) => matches(wanted.toLowerCase(), action.toLowerCase())) &&
    textsOf(Resource).some((wanted) => matches(wanted, resource)) &&
    (!isJsonObject(Condition) || holds(Condition, question))
  );
}

/** A principal's ARN, its account (by number or root ARN), or everybody. */
function isMeant(who: string, { principalArn, accountId }: PolicyQuestion): boolean {
  return who === '*' || who === principalArn || who === accountId || who === `arn:aws:iam::${accountId}:root`;
}

function holds(condition: JsonObject, { context }: PolicyQuestion): boolean {
  return Object.entries(condition).every(([operator, tests]) =>
    Object.entries(tests as JsonObject).every(([key, wanted]) => {
      const value = context[key.toLowerCase()];
      const compare = OPERATORS[operator];
      // A key that the request lacks fulfils negative conditions only.
      if (value === undefined || !compare) return NEGATIVE.has(operator);
      return NEGATIVE.has(operator)
        ? textsOf(wanted).every((one) => compare(value, one))
        : textsOf(wanted).some((one) => compare(value, one));
    }),
  );
}

/** `*` and `?` as in ARNs; linear in both lengths' product at worst, and no regular expression of anybody's. */
function matches(pattern: string, text: string): boolean {
  let [at, star, mark, i] = [0, -1, 0, 0];
  while (i < text.length)
    if (pattern[at] === '?' || (pattern[at] === text[i] && pattern[at] !== '*')) {
      at += 1;
      i += 1;
    } else if (pattern[at] === '*') {
      star = at;
      mark = i;
      at += 1;
    } else if (star >= 0) {
      at = star + 1;
      mark += 1;
      i = mark;
    } else return false;
  while (pattern[at] === '*') at += 1;
  return at === pattern.length;
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : value === undefined ? [] : [value];
}

function areTexts(value: JsonValue | undefined): boolean {
  const list = listOf(value);
  return list.length > 0 && list.every((entry) => typeof entry === 'string' && entry !== '');
}

function textsOf(value: JsonValue | undefined): readonly string[] {
  return listOf(value) as readonly string[];
}

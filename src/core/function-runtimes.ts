// The runtimes of AWS Lambda whose programs run here, by the names that its API has for them.

export type RuntimeFamily = 'nodejs' | 'python' | 'provided';

const PATTERN = /^(nodejs|python|provided)/;

/** Names in the order in which AWS brought them out. */
export const RUNTIME_NAMES: readonly string[] = Object.freeze([
  'nodejs18.x',
  'nodejs20.x',
  'nodejs22.x',
  'nodejs24.x',
  'python3.9',
  'python3.10',
  'python3.11',
  'python3.12',
  'python3.13',
  'python3.14',
  'provided.al2',
  'provided.al2023',
]);

/** How programs of a runtime are started; undefined for a name that is none of ours. */
export function familyOf(runtime: string): RuntimeFamily | undefined {
  return RUNTIME_NAMES.includes(runtime) ? (PATTERN.exec(runtime)?.[1] as RuntimeFamily) : undefined;
}

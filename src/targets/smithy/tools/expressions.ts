// Which JMESPath expressions of a model are evaluated: they run where calls are served, on arguments and answers of any
// size. Each list of alternatives (`[a, a]`) may double what is worked on, so there are few of them.

const MAX_LENGTH = 1_000;
const MAX_COMMAS = 6;

/** Whether an expression is no larger than those that models really have. */
export function isModest(expression: string): boolean {
  return expression.length <= MAX_LENGTH && expression.split(',').length - 1 <= MAX_COMMAS;
}

// Headers of a target's answer that go on to the caller: those that the operator allow-listed, as plain texts of sensible
// size (AgentCore, header propagation).

import type { CallContext } from './call.ts';

const MAX_VALUE = 4_096;
const PRINTABLE = /^[\t\x20-\x7e]*$/;

/**
 * Hands the allow-listed headers of an answer to the caller's response.
 * @param headers of the answer, lower-case names, without secrets
 * @param allowed lower-case names
 */
export function passHeaders(
  headers: Readonly<Record<string, string>>,
  allowed: readonly string[],
  { setResponseHeader }: Pick<CallContext, 'setResponseHeader'>,
): void {
  if (!setResponseHeader) return;
  for (const name of allowed) {
    const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
    if (value !== undefined && value.length <= MAX_VALUE && PRINTABLE.test(value))
      setResponseHeader(name, value);
  }
}

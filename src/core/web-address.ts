// Which addresses a user's browser may be sent to, and which endpoints tokens may be asked of. TLS, but for this very
// machine, where developers work (RFC 6749 §3.1.2.1, RFC 8252 §7.3, RFC 9700 §2.6).

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
/** A program on the user's machine, by the reversed domain of its maker (RFC 8252 §7.1). */
const PRIVATE_SCHEME = /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:$/;

/** What is wrong with an address of an authorization server, or undefined. */
export function endpointFault(text: string): string | undefined {
  if (!URL.canParse(text)) return 'is not a URL';
  const { protocol, hostname, username, password, hash } = new URL(text);
  if (username !== '' || password !== '') return 'must not hold a user name or a password';
  if (hash !== '' || text.includes('#')) return 'must not have a fragment';
  if (protocol === 'https:' || (protocol === 'http:' && LOOPBACK.has(hostname))) return undefined;
  return 'must be https; http is for loopback addresses only';
}

/** What is wrong with an address that browsers are sent back to, or undefined. It is compared as text, never normalised. */
export function returnUrlFault(text: string): string | undefined {
  if (!/^[\x21-\x7e]+$/.test(text) || /[\\<>"`]/.test(text)) return 'holds a character that URLs cannot have';
  if (!URL.canParse(text)) return 'is not a URL';
  const { protocol } = new URL(text);
  if (PRIVATE_SCHEME.test(protocol)) return text.includes('#') ? 'must not have a fragment' : undefined;
  if (!/^https?:\/\/[^/]/i.test(text)) return 'must begin with https:// and a host';
  return endpointFault(text);
}

/** The address with one more parameter in its query. */
export function withParameter(address: string, name: string, value: string): string {
  const [before = '', query] = address.split('?', 2);
  const pair = `${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
  return query === undefined || query === '' ? `${before}?${pair}` : `${address}&${pair}`;
}

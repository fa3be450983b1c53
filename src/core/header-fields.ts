// Which header fields of a request that leaves may be set from outside, and to what (RFC 9110 §5, §7.6.1; T-92, T-95).

/** They frame the message or belong to the connection. A document that declares one as a parameter is ignored. */
const FRAMING: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** True for a field name that arguments and propagation may set. */
export function isSettableField(name: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name) && !FRAMING.has(name.toLowerCase());
}

/** True for a value that fits into a header field: Latin-1 without control characters, except the tab. */
export function isFieldValue(value: string): boolean {
  return /^[\t\u0020-\u007e\u0080-\u00ff]*$/.test(value);
}

// What an answer's Content-Type says of it: text or bytes, and in which charset (RFC 9110 §8.3). Nothing is sniffed:
// a body is only what its header calls it (T-96); without a header it is text if it is UTF-8.

/** The media type in lower case without parameters; '' when there is none. */
export function mediaTypeOf(contentType: string | undefined): string {
  return contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
}

/** True for media types that people can read as they are. SVG is markup, and read better as such. */
export function isTextMediaType(mediaType: string): boolean {
  return (
    mediaType.startsWith('text/') ||
    /[/+](?:json|xml|yaml)$/.test(mediaType) ||
    /^application\/(?:(?:x-)?(?:ndjson|jsonlines|json-lines|yaml|javascript|ecmascript|sh|www-form-urlencoded)|jsonl|json-seq|graphql|sql|xml-dtd|toml|problem\+json|csv|stream\+json|http|jwt|jose|pem-certificate-chain)$/.test(
      mediaType,
    )
  );
}

/** The body as text, in its declared charset or UTF-8; a byte order mark is dropped. */
export function decodeText(body: Buffer, contentType: string | undefined): string {
  const charset = contentType?.includes(';')
    ? (/;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType)?.[1]?.toLowerCase() ?? 'utf-8')
    : 'utf-8';
  if (charset === 'utf-8' || charset === 'utf8') {
    const text = body.toString('utf8');
    return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  }
  try {
    return new TextDecoder(charset).decode(body);
  } catch {
    return new TextDecoder().decode(body);
  }
}

/** The body as text when it is well-formed UTF-8 without NUL. */
export function decodeUnlabelled(body: Buffer): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}

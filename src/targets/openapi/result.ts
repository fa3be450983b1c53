// An upstream's answer → the tool result (MCP "Tool Result"). Text is given as received, so that no digit is lost.
// A failure is `isError` with the status line, then the body. Knows nothing of requests; secrets are not its matter.

import { STATUS_CODES } from 'node:http';

import { isJsonObject, type JsonValue } from '../../core/json.ts';
import type { UpstreamResponse } from '../../core/outbound.ts';
import type { ContentBlock, ToolResult } from '../../core/tool.ts';
import { parseLossless } from '../../lib/lossless-json.ts';
import { decodeText, decodeUnlabelled, isTextMediaType, mediaTypeOf } from './answer-text.ts';
import { isJsonMediaType } from './content.ts';

/** What the answer is answered to. */
export interface ResultOptions {
  readonly requestId: string;
  readonly method: string;
  /** OperationPlan.structured. */
  readonly structured?: string;
  /** Says whether a value conforms to the tool's output schema. */
  readonly conforms?: (value: JsonValue) => boolean;
}

const MAX_ERROR_CHARACTERS = 65_536;
// JSON.stringify fails some thousand levels deep; nothing honest comes near this.
const MAX_STRUCTURED_DEPTH = 256;

/** Renders an answer of any status. */
export function renderResult(response: UpstreamResponse, options: ResultOptions): ToolResult {
  if (response.status < 200 || response.status > 299) return renderFailure(response);
  const text = response.body.length === 0 ? undefined : readableBody(response);
  const content = [contentOf(response, text, options)];
  if (options.structured === undefined) return { content, isError: false };
  const structuredContent = structuredOf(response, text, options);
  if (structuredContent !== undefined) return { content, structuredContent, isError: false };
  return { content: [{ type: 'text', text: mismatch(response) }, ...content], isError: true };
}

/** `HTTP 404 Not Found`. */
export function statusLine(status: number): string {
  const phrase = STATUS_CODES[status];
  return phrase === undefined ? `HTTP ${status}` : `HTTP ${status} ${phrase}`;
}

// One text block: the status line, for a redirect where it leads, then the body word for word.
function renderFailure(response: UpstreamResponse): ToolResult {
  const lines = [statusLine(response.status)];
  const { location, 'retry-after': retryAfter } = response.headers;
  if (response.status >= 300 && response.status < 400 && location !== undefined)
    lines.push(`Redirects are not followed. Location: ${location}`);
  if (retryAfter !== undefined) lines.push(`Retry-After: ${retryAfter}`);
  const body = readableBody(response);
  if (body === undefined) lines.push(`(${response.body.length} bytes that are no text)`);
  else if (body.length > MAX_ERROR_CHARACTERS)
    lines.push(
      body.slice(0, MAX_ERROR_CHARACTERS).toWellFormed(),
      `(cut after ${MAX_ERROR_CHARACTERS} characters)`,
    );
  else if (body !== '') lines.push(body);
  return { content: [{ type: 'text', text: lines.join('\n') }], isError: true };
}

function contentOf(
  response: UpstreamResponse,
  text: string | undefined,
  { requestId, method }: ResultOptions,
): ContentBlock {
  const { status, headers, body } = response;
  if (body.length === 0) return { type: 'text', text: bodiless(status, headers, method) };
  const mimeType = mediaTypeOf(headers['content-type']);
  if (text !== undefined) return { type: 'text', text };
  const data = body.toString('base64');
  if (mimeType.startsWith('image/')) return { type: 'image', data, mimeType };
  if (mimeType.startsWith('audio/')) return { type: 'audio', data, mimeType };
  return {
    type: 'resource',
    resource: {
      uri: `gatewright://response/${encodeURIComponent(requestId)}`,
      mimeType: mimeType === '' ? 'application/octet-stream' : mimeType,
      blob: data,
    },
  };
}

// Without a body the header fields are the answer: all of them for HEAD, else where the made thing is.
function bodiless(status: number, headers: UpstreamResponse['headers'], method: string): string {
  const told = Object.entries(headers).filter(([name]) =>
    method === 'HEAD' ? name !== 'set-cookie' : ['location', 'content-location', 'etag'].includes(name),
  );
  return [statusLine(status), ...told.map(([name, value]) => `${name}: ${value}`)].join('\n');
}

function readableBody({ headers, body }: UpstreamResponse): string | undefined {
  const mimeType = mediaTypeOf(headers['content-type']);
  if (mimeType === '') return decodeUnlabelled(body);
  return isTextMediaType(mimeType) ? decodeText(body, headers['content-type']) : undefined;
}

/**
 * The answer as the tool's output schema wants it. MCP clients throw away results that lack it or break the schema,
 * unless `isError` is set. So an answer that does not fit gives `{}`, or null in the wrapping member, "nothing that
 * the schema knows", beside the text that holds it all; and where not even that conforms, the result is marked as an
 * error whose text says that the call itself went through.
 */
function structuredOf(
  response: UpstreamResponse,
  text: string | undefined,
  options: ResultOptions,
): JsonValue | undefined {
  const { structured = '', conforms = () => true } = options;
  const parsed = parseJson(response, text);
  const candidates: JsonValue[] = [];
  if (structured === '') {
    if (isJsonObject(parsed)) candidates.push(parsed);
  } else {
    if (parsed !== undefined) candidates.push({ [structured]: parsed });
    else if (text !== undefined && text !== '') candidates.push({ [structured]: text });
    candidates.push({ [structured]: null });
  }
  candidates.push({});
  return candidates.find((candidate) => conforms(candidate));
}

function parseJson({ headers }: UpstreamResponse, text: string | undefined): JsonValue | undefined {
  if (text === undefined || text === '' || !isJsonMediaType(headers['content-type'] ?? '')) return undefined;
  try {
    const value = parseLossless(text) as JsonValue;
    return isShallow(text) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Nesting is counted on the text: that costs nothing for small answers and needs no recursion for hostile ones. */
function isShallow(text: string): boolean {
  if (text.length < 2 * MAX_STRUCTURED_DEPTH) return true;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      at = endOfString(text, at);
    } else if (code === 0x5b || code === 0x7b) {
      depth += 1;
      if (depth > MAX_STRUCTURED_DEPTH) return false;
    } else if (code === 0x5d || code === 0x7d) depth -= 1;
  }
  return true;
}

/** Index of the quote that ends the string begun at `start`; the text is known to be JSON. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text.charCodeAt(at) !== 0x22) at += text.charCodeAt(at) === 0x5c ? 2 : 1;
  return at;
}

function mismatch({ status }: UpstreamResponse): string {
  return `The API carried out the call (${statusLine(status)}), but its answer does not match the output schema that its OpenAPI document declares. Do not repeat the call for this reason. The answer as received follows.`;
}

// A function's answer → the tool result. Any JSON is its text; `{statusCode, body, headers}` as functions behind an API
// answer is unwrapped (AgentCore's samples rely on it), unless the target says `gatewright:lambda-result` `raw`.

import { isJsonObject } from '../../core/json.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import type { ContentBlock, ToolResult } from '../../core/tool.ts';
import { parseLossless, stringifyLossless } from '../../lib/lossless-json.ts';

/** How a tool's answers are read; stored as the plan of its catalogue entry. */
export interface ToolPlan {
  /** The whole answer is the text, whatever its form. */
  readonly raw?: true;
  /** There is an output schema: `''`, or the member that a value is wrapped in which is no object. */
  readonly structured?: string;
}

export interface ReadAnswer {
  readonly result: ToolResult;
  /** Headers that the function gave, lower-case names: those that are allow-listed go on to the caller. */
  readonly headers: Readonly<Record<string, string>>;
}

const NO_HEADERS: ReadAnswer['headers'] = Object.freeze({});
/** From this status on, an unwrapped answer is an error that the model should see. */
const FIRST_ERROR_STATUS = 400;
/** An answer nested deeper than this stays a text: JSON writers fail some thousand levels deep. */
const MAX_STRUCTURED_DEPTH = 256;

/** Renders the answer of a function that ended without an error of its own. */
export function renderAnswer(
  payload: Uint8Array,
  plan: ToolPlan,
  conforms: (value: JsonValue) => boolean,
): ReadAnswer {
  const text = Buffer.from(payload).toString('utf8');
  const value = parsed(text);
  if (plan.raw === true || !isJsonObject(value) || !isEnvelope(value))
    return {
      result: withStructure([{ type: 'text', text: textOf(text, value) }], value, false, plan, conforms),
      headers: plan.raw === true || !isJsonObject(value) ? NO_HEADERS : headersOf(value['headers']),
    };
  const headers = headersOf(value['headers']);
  const isError = Number(value['statusCode']) >= FIRST_ERROR_STATUS;
  const { content, inner } = bodyOf(value, headers);
  return { result: withStructure(content, inner, isError, plan, conforms), headers };
}

/** A JSON text is given as its value: handlers that return a text mean the text, not its JSON form. */
function textOf(text: string, value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : text;
}

function isEnvelope(value: JsonObject): boolean {
  return typeof value['statusCode'] === 'number' && Object.hasOwn(value, 'body');
}

function bodyOf(
  { body, isBase64Encoded }: JsonObject,
  headers: Readonly<Record<string, string>>,
): { readonly content: readonly ContentBlock[]; readonly inner: JsonValue | undefined } {
  if (typeof body !== 'string') {
    const inner = body ?? null;
    return { content: [{ type: 'text', text: stringifyLossless(inner) }], inner };
  }
  if (isBase64Encoded !== true) return { content: [{ type: 'text', text: body }], inner: parsed(body) };
  const bytes = Buffer.from(body, 'base64');
  const mimeType = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (mimeType.startsWith('image/') || mimeType.startsWith('audio/')) {
    const type = mimeType.startsWith('image/') ? 'image' : 'audio';
    return { content: [{ type, data: bytes.toString('base64'), mimeType }], inner: undefined };
  }
  const text = decoded(bytes);
  if (text !== undefined) return { content: [{ type: 'text', text }], inner: parsed(text) };
  const resource = {
    uri: 'gatewright://response/function',
    mimeType: mimeType === '' ? 'application/octet-stream' : mimeType,
    blob: bytes.toString('base64'),
  };
  return { content: [{ type: 'resource', resource }], inner: undefined };
}

function decoded(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * The answer as the tool's output schema wants it: MCP clients throw away results that lack it or break the schema,
 * unless `isError` is set. An answer that does not fit is an error whose text says that the function did run.
 */
function withStructure(
  content: readonly ContentBlock[],
  value: JsonValue | undefined,
  isError: boolean,
  { structured }: ToolPlan,
  conforms: (value: JsonValue) => boolean,
): ToolResult {
  if (structured === undefined || isError) return { content, isError };
  const candidate = structured === '' ? value : value === undefined ? undefined : { [structured]: value };
  if (isJsonObject(candidate) && conforms(candidate))
    return { content, structuredContent: candidate, isError: false };
  return { content: [{ type: 'text', text: MISMATCH }, ...content], isError: true };
}

const MISMATCH =
  'The function carried out the call, but its answer does not match the output schema of this tool. Do not repeat the call for this reason. The answer as received follows.';

function parsed(text: string): JsonValue | undefined {
  if (depthOf(text) > MAX_STRUCTURED_DEPTH) return undefined;
  try {
    return parseLossless(text) as JsonValue;
  } catch {
    return undefined;
  }
}

/** Counted on the text, brackets inside strings included: an upper bound that costs no recursion. */
function depthOf(text: string): number {
  let [depth, deepest] = [0, 0];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x5b || code === 0x7b) deepest = Math.max(deepest, (depth += 1));
    else if (code === 0x5d || code === 0x7d) depth -= 1;
  }
  return deepest;
}

/** Plain header fields of an answer; a list of values (API Gateway's `multiValueHeaders`) is not read. */
function headersOf(value: JsonValue | undefined): Readonly<Record<string, string>> {
  if (!isJsonObject(value)) return NO_HEADERS;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, field]) =>
      typeof field === 'string' || typeof field === 'number' || typeof field === 'boolean'
        ? [[name.toLowerCase(), String(field)]]
        : [],
    ),
  );
}

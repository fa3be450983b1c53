// What became of a call → the tool result (MCP, "Tool Result"): the output as text and as structured content, a modelled
// error with its name and members, and an answer that does not fit the model as what it is. Knows no protocol.

import { STATUS_CODES } from 'node:http';
import { gunzipSync } from 'node:zlib';
import type { JsonObject } from '../../core/json.ts';
import type { UpstreamResponse } from '../../core/outbound.ts';
import type { ContentBlock, ToolResult } from '../../core/tool.ts';
import { stringifyLossless } from '../../lib/lossless-json.ts';
import type { Answer } from './operation.ts';
import { payloadOf, type OperationPlan } from './plan.ts';

const MAX_ERROR_CHARACTERS = 65_536;
const MAX_UNPACKED_BYTES = 6 * 1024 * 1024;

/** Renders an answer. */
export function renderAnswer(plan: OperationPlan, answer: Answer, response: UpstreamResponse): ToolResult {
  switch (answer.kind) {
    case 'output':
      return renderOutput(plan, answer.output, response);
    case 'error':
      return renderError(answer, response);
    default:
      return {
        content: [
          {
            type: 'text',
            text: `The service carried out the call (${statusLine(response.status)}), but its answer does not fit its model: ${answer.reason}. Do not repeat the call for this reason. The answer as received follows.`,
          },
          { type: 'text', text: bodyText(response) },
        ],
        isError: true,
      };
  }
}

/** `HTTP 404 Not Found`. */
export function statusLine(status: number): string {
  const phrase = STATUS_CODES[status];
  return phrase === undefined ? `HTTP ${status}` : `HTTP ${status} ${phrase}`;
}

function renderOutput(plan: OperationPlan, output: JsonObject, response: UpstreamResponse): ToolResult {
  const members = plan.shapes[plan.output]?.members ?? [];
  if (members.length === 0)
    return { content: [{ type: 'text', text: `Done (${statusLine(response.status)}).` }], isError: false };
  const content: ContentBlock[] = [{ type: 'text', text: stringifyLossless(output) }];
  const readable = payloadBlock(plan, response);
  if (readable !== undefined) content.push(readable);
  return { content, structuredContent: output, isError: false };
}

/** A body that is text or an image, once more in a form that models can read: base64 they cannot. */
function payloadBlock(plan: OperationPlan, response: UpstreamResponse): ContentBlock | undefined {
  const payload = payloadOf(plan, plan.output);
  if (payload === undefined || plan.shapes[payload.target]?.type !== 'blob' || response.body.length === 0)
    return undefined;
  const [mimeType = ''] = (response.headers['content-type'] ?? '').split(';');
  if (/^image\/(png|jpe?g|gif|webp)$/.test(mimeType))
    return { type: 'image', data: response.body.toString('base64'), mimeType };
  const text = decodeText(unpacked(response));
  return text === undefined ? undefined : { type: 'text', text };
}

/** What is stored gzip-packed, unpacked for reading, if it is no larger then than answers may be. */
function unpacked({ headers, body }: UpstreamResponse): Buffer {
  if (headers['content-encoding']?.trim().toLowerCase() !== 'gzip') return body;
  try {
    return gunzipSync(body, { maxOutputLength: MAX_UNPACKED_BYTES });
  } catch {
    return body;
  }
}

/** The text of UTF-8 bytes, or undefined when they are none. */
function decodeText(body: Buffer): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    return text.includes('\u0000') ? undefined : text;
  } catch {
    return undefined;
  }
}

function renderError(
  { error, members }: Answer & { readonly kind: 'error' },
  response: UpstreamResponse,
): ToolResult {
  const { name, code, fault, message, requestId, shape } = error;
  const said = message === undefined || message === '' ? '' : `: ${message}`;
  const details = {
    error: name,
    status: response.status,
    ...(code === undefined ? {} : { code }),
    ...(fault === undefined ? {} : { fault }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(shape === undefined ? {} : { members }),
  };
  const content: ContentBlock[] = [
    { type: 'text', text: `${name} (${statusLine(response.status)})${said}` },
    { type: 'text', text: stringifyLossless(details) },
  ];
  // What the model does not know is shown as it came.
  const { location } = response.headers;
  if (shape === undefined && response.status >= 300 && response.status < 400 && location !== undefined)
    content.push({ type: 'text', text: `Redirects are not followed. Location: ${location}` });
  if (shape === undefined && response.body.length > 0)
    content.push({ type: 'text', text: bodyText(response) });
  return { content, isError: true };
}

function bodyText({ body }: UpstreamResponse): string {
  if (body.length === 0) return '(no body)';
  const text = decodeText(body);
  if (text === undefined) return `(${body.length} bytes that are no text)`;
  return text.length <= MAX_ERROR_CHARACTERS
    ? text
    : `${text.slice(0, MAX_ERROR_CHARACTERS).toWellFormed()}\n(cut after ${MAX_ERROR_CHARACTERS} characters)`;
}

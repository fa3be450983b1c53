// A tool of the fixture MCP server: its definition as raw JSON, what it does, and the few words its results are made of.

import { createHmac, randomBytes } from 'node:crypto';
import type {
  CallToolResult,
  ContentBlock,
  InputRequest,
  InputRequiredResult,
  ServerContext,
} from '@modelcontextprotocol/server';
import { inputRequired } from '@modelcontextprotocol/server';
import type { JsonObject } from '../../src/core/json.ts';
import type { FixtureState } from './fixture-state.ts';

export interface FixtureCall {
  readonly args: JsonObject;
  readonly ctx: ServerContext;
  readonly state: FixtureState;
  /** What this client may be asked, of either era. */
  readonly capabilities: JsonObject;
}

export interface FixtureTool {
  readonly definition: JsonObject & { readonly name: string };
  run(
    call: FixtureCall,
  ): CallToolResult | InputRequiredResult | Promise<CallToolResult | InputRequiredResult>;
}

export const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
export const WAV = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';

export const text = (words: string): CallToolResult => ({ content: [{ type: 'text', text: words }] });
export const blocks = (...content: ContentBlock[]): CallToolResult => ({ content });

/** A tool that takes the named arguments; a `?` after the name makes one optional. */
export function tool(
  name: string,
  description: string,
  args: Readonly<Record<string, JsonObject>>,
  run: FixtureTool['run'],
  more: JsonObject = {},
): FixtureTool {
  const required = Object.keys(args).filter((arg) => !arg.endsWith('?'));
  const properties = Object.fromEntries(
    Object.entries(args).map(([arg, schema]) => [arg.replace(/\?$/, ''), schema]),
  );
  const inputSchema: JsonObject = {
    type: 'object',
    properties,
    ...(required.length > 0 ? { required } : {}),
  };
  return { definition: { name, description, inputSchema, ...more }, run };
}

/** Waits, and throws when the call is cancelled meanwhile. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(new Error('cancelled'));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** Reports progress, when the caller asked for it. */
export async function progress(
  { ctx }: FixtureCall,
  done: number,
  total: number,
  message?: string,
): Promise<void> {
  const progressToken = ctx.mcpReq._meta?.progressToken;
  if (progressToken === undefined) return;
  await ctx.mcpReq.notify({
    method: 'notifications/progress',
    params: { progressToken, progress: done, total, ...(message === undefined ? {} : { message }) },
  });
}

/** The client's answer to a question, once there is one. */
export function answerTo({ ctx }: FixtureCall, key: string): JsonObject | undefined {
  const given = ctx.mcpReq.inputResponses?.[key];
  return typeof given === 'object' && given !== null ? (given as JsonObject) : undefined;
}

/** Asks, with the state that comes back with the answers. */
export const ask = (
  inputRequests: Record<string, InputRequest>,
  requestState?: string,
): InputRequiredResult =>
  inputRequired({ inputRequests, ...(requestState === undefined ? {} : { requestState }) });

type Property = Record<string, unknown>;

/** A form of the given fields, all required unless told. */
export const form = (
  message: string,
  properties: Record<string, Property>,
  required: readonly string[] = Object.keys(properties),
): InputRequest =>
  inputRequired.elicit({
    message,
    requestedSchema: { type: 'object', properties, required: [...required] } as never,
  });

export const sample = (prompt: string, maxTokens = 100): InputRequest =>
  inputRequired.createMessage({
    messages: [{ role: 'user', content: { type: 'text', text: prompt } }],
    maxTokens,
  });

const secret = randomBytes(32);
const mac = (words: string): string => createHmac('sha256', secret).update(words).digest('base64url');

/** State that the client cannot change unnoticed. */
export const sign = (words: string): string => `${Buffer.from(words).toString('base64url')}.${mac(words)}`;

/** What was signed; undefined when it is not ours any more. */
export function verify(state: unknown): string | undefined {
  if (typeof state !== 'string') return undefined;
  const [encoded = '', tag] = state.split('.');
  const words = Buffer.from(encoded, 'base64url').toString('utf8');
  return tag === mac(words) ? words : undefined;
}

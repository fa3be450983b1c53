// Raw requests whose answers may be streams of events, and raw sessions: for what official clients hide, such as the
// ids of events, streams dropped half-way, and equal JSON-RPC ids of different clients.

import type { JsonObject } from '../../src/core/json.ts';
import { modernParts } from './mcp-client.ts';

export interface StreamEvent {
  readonly id?: string;
  /** The message; undefined for an event that is there for its id. */
  readonly message?: JsonObject;
}

/** The events of an answer, or the one message of an answer that is no stream. */
export async function* eventsOf(response: Response): AsyncGenerator<StreamEvent, void, undefined> {
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
    const body = await response.text();
    if (body !== '') yield { message: JSON.parse(body) as JsonObject };
    return;
  }
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    rest += decoder.decode(chunk as Uint8Array, { stream: true });
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = parseEvent(block);
      if (event) yield event;
    }
  }
}

function parseEvent(block: string): StreamEvent | undefined {
  let id: string | undefined;
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const [, field, value = ''] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (field === 'id') id = value;
    if (field === 'data') data.push(value);
  }
  const text = data.join('\n');
  if (id === undefined && text === '') return undefined;
  return {
    ...(id === undefined ? {} : { id }),
    ...(text === '' ? {} : { message: JSON.parse(text) as JsonObject }),
  };
}

/** All messages of an answer. */
export async function messagesOf(response: Response): Promise<JsonObject[]> {
  const messages: JsonObject[] = [];
  for await (const { message } of eventsOf(response)) if (message) messages.push(message);
  return messages;
}

const BOTH = 'application/json, text/event-stream';

/** POSTs one request of 2026-07-28 with what is added to its `_meta`, and gives the answer unread. */
export function postModern(
  url: string,
  method: string,
  params: JsonObject,
  {
    id = 1,
    meta = {},
    more = {},
    signal,
  }: { id?: unknown; meta?: JsonObject; more?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Response> {
  const { body, headers } = modernParts(method, params, id);
  const name = params['uri'] ?? params['taskId'];
  body.params['_meta'] = { ...(body.params['_meta'] as JsonObject), ...meta };
  return fetch(url, {
    method: 'POST',
    headers: {
      ...(headers as Record<string, string>),
      ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
      'content-type': 'application/json',
      ...more,
    },
    body: JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });
}

export interface RawSession {
  readonly id: string;
  /** POSTs a message and gives the answer unread. */
  post(message: JsonObject, signal?: AbortSignal): Promise<Response>;
  /** GETs the stream, or what came after an event. */
  get(lastEventId?: string, signal?: AbortSignal): Promise<Response>;
  close(): Promise<void>;
}

/** Shakes hands and keeps the session id that it got. */
export async function openRawSession(
  url: string,
  capabilities: JsonObject = {},
  protocolVersion = '2025-11-25',
  more: Record<string, string> = {},
): Promise<RawSession> {
  const headers: Record<string, string> = {
    ...more,
    accept: BOTH,
    'content-type': 'application/json',
    'mcp-protocol-version': protocolVersion,
  };
  const send = (message: JsonObject, signal?: AbortSignal): Promise<Response> =>
    fetch(url, {
      method: 'POST',
      headers,
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
      ...(signal ? { signal } : {}),
    });
  const answer = await send({
    id: 'handshake',
    method: 'initialize',
    params: { protocolVersion, capabilities, clientInfo: { name: 'raw', version: '1' } },
  });
  const id = answer.headers.get('mcp-session-id');
  await answer.text();
  if (id === null) throw new Error(`no session: ${answer.status}`);
  headers['mcp-session-id'] = id;
  await (await send({ method: 'notifications/initialized' })).text();
  return {
    id,
    post: send,
    get: (lastEventId, signal) =>
      fetch(url, {
        headers: {
          ...more,
          accept: 'text/event-stream',
          'mcp-protocol-version': protocolVersion,
          'mcp-session-id': id,
          ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
        },
        ...(signal ? { signal } : {}),
      }),
    async close() {
      await (await fetch(url, { method: 'DELETE', headers })).text();
    },
  };
}

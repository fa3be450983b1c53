// What the endpoint gives the edge: one document, or a stream of events.

import type { EventSource } from './event-stream.ts';

export interface McpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Instead of a body. */
  readonly events?: EventSource;
}

/** A JSON document. */
export function jsonAnswer(
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): McpAnswer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body };
}

/** An answer without a body. */
export function emptyAnswer(status: number, headers: Readonly<Record<string, string>> = {}): McpAnswer {
  return { status, headers };
}

// What clients and servers say they can do, in one form: that of 2026-07-28.

import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import { TASKS_EXTENSION } from '../core/relay.ts';
import type { GatewaySnapshot } from '../snapshot/snapshot.ts';

/** MCP Apps (SEP-1865): what a client can show. */
const UI_EXTENSION = 'io.modelcontextprotocol/ui';
const MAX_MIME_TYPES = 4;
const MAX_MIME_LENGTH = 100;
/** What a server's question needs of the client. */
const ASKED: Readonly<Record<string, string>> = Object.freeze({
  'elicitation/create': 'elicitation',
  'sampling/createMessage': 'sampling',
  'roots/list': 'roots',
});

/**
 * A client's declared capabilities without what this version does not know, in the form of 2026-07-28. The result of a
 * handshake travels in the session id, so it is small.
 */
export function clientCapabilities(declared: unknown): JsonObject {
  const given = isJsonObject(declared) ? declared : {};
  const result: Record<string, JsonObject> = {};
  const { elicitation, sampling, roots, extensions } = given;
  if (isJsonObject(elicitation)) {
    const hasUrl = isJsonObject(elicitation['url']);
    // An empty object means forms (2025-06-18 knew nothing else).
    const hasForm = isJsonObject(elicitation['form']) || !hasUrl;
    result['elicitation'] = { ...(hasForm ? { form: {} } : {}), ...(hasUrl ? { url: {} } : {}) };
  }
  if (isJsonObject(sampling))
    result['sampling'] = {
      ...(isJsonObject(sampling['tools']) ? { tools: {} } : {}),
      ...(isJsonObject(sampling['context']) ? { context: {} } : {}),
    };
  if (isJsonObject(roots)) result['roots'] = {};
  const known = isJsonObject(extensions) ? knownExtensions(extensions) : {};
  if (Object.keys(known).length > 0) result['extensions'] = known;
  return result;
}

function knownExtensions(extensions: JsonObject): JsonObject {
  const ui = extensions[UI_EXTENSION];
  const types =
    isJsonObject(ui) && Array.isArray(ui['mimeTypes']) ? (ui['mimeTypes'] as readonly unknown[]) : [];
  const mimeTypes = types
    .filter((type): type is string => typeof type === 'string' && type.length <= MAX_MIME_LENGTH)
    .slice(0, MAX_MIME_TYPES);
  return {
    ...(isJsonObject(ui) ? { [UI_EXTENSION]: { mimeTypes } } : {}),
    ...(isJsonObject(extensions[TASKS_EXTENSION]) ? { [TASKS_EXTENSION]: {} } : {}),
  };
}

/** Capabilities of a client that no server can ask anything. */
export function withoutQuestions(capabilities: JsonObject): JsonObject {
  const { extensions } = capabilities;
  return extensions === undefined ? {} : { extensions };
}

/** True when a client with these capabilities can be asked by that method. */
export function canBeAsked(capabilities: JsonObject, method: string, params: JsonObject): boolean {
  const name = ASKED[method];
  const capability = name === undefined ? undefined : capabilities[name];
  if (!isJsonObject(capability)) return false;
  if (name !== 'elicitation') return true;
  return isJsonObject(capability[params['mode'] === 'url' ? 'url' : 'form']);
}

/** True when the request's client declared the tasks extension. */
export function knowsTasks(capabilities: JsonObject): boolean {
  const { extensions } = capabilities;
  return isJsonObject(extensions) && isJsonObject(extensions[TASKS_EXTENSION]);
}

/** `capabilities` of the gateway: what its targets offer together, as far as this connection can have it. */
export function serverCapabilities(
  snapshot: GatewaySnapshot,
  connection: { readonly isModern: boolean; readonly hasSession: boolean },
): JsonObject {
  const has = (name: string): boolean =>
    snapshot.servers.some(({ capabilities }) => isJsonObject(capabilities[name]));
  const { isModern, hasSession } = connection;
  const listChanged = isModern || hasSession;
  const canSubscribe = snapshot.servers.some(({ capabilities }) => {
    const { resources } = capabilities;
    return isJsonObject(resources) && resources['subscribe'] === true;
  });
  const hasTasks = isModern && snapshot.servers.some(({ capabilities }) => knowsTasks(capabilities));
  return {
    tools: { listChanged },
    ...(has('prompts') ? { prompts: { listChanged } } : {}),
    ...(has('resources')
      ? { resources: { ...(listChanged ? { subscribe: canSubscribe } : {}), listChanged } }
      : {}),
    ...(has('completions') ? { completions: {} } : {}),
    ...(has('logging') && (isModern || hasSession) ? { logging: {} } : {}),
    ...(hasTasks ? { extensions: { [TASKS_EXTENSION]: {} } } : {}),
  };
}

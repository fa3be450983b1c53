// Whether a server's result is one that a client can read: members of known names are of the kinds that all revisions of
// the protocol give them (MCP "Tools", "Prompts", "Resources"). What nobody knows passes; nothing is changed. Pure.

import { GatewayError } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';

type Fits = (value: JsonValue | undefined) => boolean;

const isText: Fits = (value) => typeof value === 'string';
const isAbsentOr =
  (fits: Fits): Fits =>
  (value) =>
    value === undefined || fits(value);
/** Servers in languages that write what is not there as null mean nothing by it. */
const isNothingOr =
  (fits: Fits): Fits =>
  (value) =>
    value === undefined || value === null || fits(value);
const isObjectWith =
  (members: Readonly<Record<string, Fits>>): Fits =>
  (value) =>
    isJsonObject(value) && Object.entries(members).every(([name, fits]) => fits(value[name]));
const isListOf =
  (fits: Fits): Fits =>
  (value) =>
    Array.isArray(value) && value.every(fits);

const isResourceContents: Fits = (value) =>
  isObjectWith({ uri: isText, text: isNothingOr(isText), blob: isNothingOr(isText) })(value);

/** What each known kind of content block cannot be without. */
const BLOCKS: ReadonlyMap<string, Fits> = new Map([
  ['text', isObjectWith({ text: isText })],
  ['image', isObjectWith({ data: isText, mimeType: isText })],
  ['audio', isObjectWith({ data: isText, mimeType: isText })],
  ['resource', isObjectWith({ resource: isResourceContents })],
  ['resource_link', isObjectWith({ uri: isText, name: isText })],
]);

const isBlock: Fits = (value) => {
  if (!isJsonObject(value)) return false;
  const { type } = value;
  return typeof type === 'string' && (BLOCKS.get(type)?.(value) ?? true);
};

/** What is looked at, by method. A member that is left out is no fault: clients of every revision take that. */
const RESULTS: ReadonlyMap<string, Readonly<Record<string, Fits>>> = new Map([
  [
    'tools/call',
    {
      content: isAbsentOr(isListOf(isBlock)),
      isError: isNothingOr((value) => typeof value === 'boolean'),
      _meta: isNothingOr(isJsonObject),
    },
  ],
  [
    'prompts/get',
    {
      description: isNothingOr(isText),
      messages: isAbsentOr(isListOf(isObjectWith({ role: isText, content: isBlock }))),
      _meta: isNothingOr(isJsonObject),
    },
  ],
  [
    'resources/read',
    { contents: isAbsentOr(isListOf(isResourceContents)), _meta: isNothingOr(isJsonObject) },
  ],
]);

/** @throws GatewayError UpstreamInvalid that names the member no client could read */
export function checkResult(method: string, result: JsonObject, label: string): void {
  if (result['resultType'] !== 'complete') return;
  for (const [name, fits] of Object.entries(RESULTS.get(method) ?? {}))
    if (!fits(result[name]))
      throw new GatewayError(
        'UpstreamInvalid',
        `${label} answered ${method} with a result whose "${name}" is not what the protocol says.`,
      );
}

// Inline documents lie in rows of their own: a target's row is read at every change and every poll of a list, and
// must stay small when its document has megabytes. Only Get and its like put the two together again.

import { newId } from '../../core/ids.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import type { TargetDocument } from '../../core/resources.ts';
import type { StoreReader, StoreTransaction } from '../../stores/store.ts';

const MEMBER = 'inlinePayload';

/** Stores the inline document of a configuration, if it has one; gives what goes into the target's row. */
export async function storePayload(
  tx: StoreTransaction,
  targetId: string,
  configuration: JsonObject,
): Promise<Pick<TargetDocument, 'targetConfiguration' | 'payloadId'>> {
  let text: string | undefined;
  const targetConfiguration = mapPayload(configuration, (payload) => {
    text = payload;
    return '';
  });
  if (text === undefined) return { targetConfiguration };
  const payloadId = newId();
  await tx.create('inline-payload', {
    id: payloadId,
    parentId: targetId,
    name: payloadId,
    document: { text },
  });
  return { targetConfiguration, payloadId };
}

/** The configuration as the caller gave it. */
export async function wholeConfiguration(reader: StoreReader, document: TargetDocument): Promise<JsonObject> {
  const { targetConfiguration, payloadId } = document;
  if (payloadId === undefined) return targetConfiguration;
  const payload = await reader.get('inline-payload', payloadId);
  return mapPayload(targetConfiguration, () => payload?.document.text ?? '');
}

/**
 * `{ plane: { kind: { inlinePayload } } }`, or one object deeper (`mcpServer.mcpToolSchema`), with that text replaced;
 * lists of tools are small and stay.
 */
function mapPayload(configuration: JsonObject, change: (payload: string) => string): JsonObject {
  const replace = (holder: JsonObject): JsonObject => {
    const payload = holder[MEMBER];
    return typeof payload === 'string' ? { ...holder, [MEMBER]: change(payload) } : holder;
  };
  return mapMembers(configuration, (plane) =>
    mapMembers(plane, (kind) => mapMembers(replace(kind), replace)),
  );
}

function mapMembers(object: JsonObject, change: (member: JsonObject) => JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(object).map(([name, member]) => [name, isJsonObject(member) ? change(member) : member]),
  );
}

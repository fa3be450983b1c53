// The handshake of the legacy era (MCP ≤ 2025-11-25, lifecycle): `initialize`, the version both speak, the session id,
// `notifications/initialized`. Knows nothing of who uses the session.

import type { CallContext } from '../../core/call.ts';
import { GatewayError } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import { PROTOCOL_VERSIONS, isModernVersion } from '../../core/protocol-versions.ts';
import { RelayedError } from '../../core/relay.ts';
import { SERVER_INFO } from '../../core/server-info.ts';
import { discard, readAnswer, readError, statusFault } from './answer.ts';
import { createClientSide } from './client-side.ts';
import { supportedBy } from './era.ts';
import type { Transport } from './transport.ts';

const LEGACY_VERSIONS = PROTOCOL_VERSIONS.filter((version) => !isModernVersion(version));
const [LATEST_LEGACY_VERSION = ''] = LEGACY_VERSIONS;
/** From this revision on, requests repeat the negotiated version in a header. */
const FIRST_WITH_VERSION_HEADER = '2025-06-18';
const SESSION_ID = /^[\x21-\x7e]{1,1024}$/;

/** A server of the legacy era, after the handshake. */
export interface LegacySession {
  readonly id?: string;
  readonly version: string;
  readonly capabilities: JsonObject;
  readonly instructions?: string;
}

/** The headers that say which session a request belongs to. */
export function sessionHeaders({ id, version }: LegacySession): Record<string, string> {
  return {
    ...(id === undefined ? {} : { 'mcp-session-id': id }),
    ...(version >= FIRST_WITH_VERSION_HEADER ? { 'mcp-protocol-version': version } : {}),
  };
}

/** Begins a session. @throws GatewayError Upstream… */
export async function openSession(
  transport: Transport,
  capabilities: JsonObject,
  ctx: CallContext,
  offer = LATEST_LEGACY_VERSION,
): Promise<LegacySession> {
  const { label } = transport;
  const id = transport.nextId();
  const side = createClientSide({
    call: ctx,
    id,
    wantsProgress: false,
    answer: () => Promise.resolve(),
    onChange: () => undefined,
  });
  const reply = await transport.send(
    {
      id,
      method: 'initialize',
      params: { protocolVersion: offer, capabilities, clientInfo: SERVER_INFO },
    },
    { ctx },
  );
  const { status } = reply;
  if (status === 401 || status === 403 || status === 429 || status >= 500) {
    await discard(reply);
    throw statusFault(status, label);
  }
  let result: JsonObject;
  try {
    if (status >= 400) throw (await readError(reply)) ?? statusFault(status, label);
    result = await readAnswer(reply, { id, label, side });
  } catch (thrown) {
    if (!(thrown instanceof RelayedError)) throw thrown;
    const other = supportedBy(thrown.data).find((version) => LEGACY_VERSIONS.includes(version));
    if (other === undefined || offer !== LATEST_LEGACY_VERSION) throw refusal(thrown, label);
    return openSession(transport, capabilities, ctx, other);
  }
  const { protocolVersion: version, capabilities: offered, instructions } = result;
  if (typeof version !== 'string' || !LEGACY_VERSIONS.includes(version))
    throw new GatewayError(
      'UpstreamInvalid',
      `${label} answered initialize with a protocol version that this gateway does not speak.`,
    );
  const sessionId = reply.headers['mcp-session-id'];
  if (sessionId !== undefined && !SESSION_ID.test(sessionId))
    throw new GatewayError('UpstreamInvalid', `${label} gave a session id that is not visible ASCII.`);
  const session: LegacySession = {
    ...(sessionId === undefined ? {} : { id: sessionId }),
    version,
    capabilities: isJsonObject(offered) ? offered : {},
    ...(typeof instructions === 'string' ? { instructions } : {}),
  };
  const told = await transport.send(
    { method: 'notifications/initialized' },
    { ctx, headers: sessionHeaders(session) },
  );
  await discard(told);
  if (told.status >= 400) throw statusFault(told.status, label);
  return session;
}

function refusal(error: RelayedError, label: string): GatewayError {
  return new GatewayError(
    'UpstreamInvalid',
    `${label} refused initialize (${error.code}): ${error.message.slice(0, 200)}`,
    { cause: error },
  );
}

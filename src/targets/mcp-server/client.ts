// An MCP client of one server over one transport: finds out the server's era, keeps the verdict as long as it can be
// trusted, and sends each request in the form of that era. Knows neither HTTP nor processes.

import type { CallContext } from '../../core/call.ts';
import type { JsonObject } from '../../core/json.ts';
import type { TargetServices } from '../target-type.ts';
import { statusFault } from './answer.ts';
import { detach } from './context.ts';
import { probe, supportedBy } from './era.ts';
import type { Era } from './era.ts';
import { createLegacyClient } from './legacy.ts';
import type { LegacySessions } from './legacy-sessions.ts';
import { MODERN_VERSIONS, checkResult, sendModern } from './modern.ts';
import type { Outcome } from './modern.ts';
import { createSharedWork } from './shared-work.ts';
import { paramHeaders, parsePlan } from './tool-headers.ts';
import type { ToolHeader } from './tool-headers.ts';
import { createToolIndex } from './tool-index.ts';
import type { Limits, Transport } from './transport.ts';

const HEADER_MISMATCH = -32_020;
const UNSUPPORTED_VERSION = -32_022;
/** What servers of the legacy era say to requests without a session. */
const LEGACY_CODES: ReadonlySet<number> = new Set([-32_000, -32_001, -32_600]);
const MAX_PAGES = 100;

/** What a server says of itself before it is asked for anything. */
export interface ServerDescription {
  readonly protocolVersion: string;
  readonly capabilities: JsonObject;
  readonly instructions?: string;
}

export interface McpClient {
  /** @param plan what discovery wrote down of a tool, for `tools/call` @throws RelayedError, GatewayError */
  request(method: string, params: JsonObject, call: CallContext, plan?: string): Promise<JsonObject>;
  /** The server's era, asked for if need be. @throws GatewayError */
  era(call: CallContext): Promise<Era>;
  /** How the server describes itself. @throws GatewayError */
  describe(call: CallContext): Promise<ServerDescription>;
}

export interface McpClientOptions {
  readonly transport: Transport;
  readonly sessions: LegacySessions;
  readonly services: Pick<TargetServices, 'clock' | 'log'>;
  readonly limits: Limits;
  /** Aborted when the target is closed. */
  readonly closing: AbortSignal;
  readonly onChange: (method: string, params: JsonObject) => void;
  /** How the era is found out, where it is not by `server/discover` alone. */
  readonly probe?: (call: CallContext) => Promise<Era>;
}

/** The server answered as one of the other era would. */
class EraDoubt extends Error {
  readonly failure: Error;

  constructor(failure: Error) {
    super('the server may be of another era');
    this.failure = failure;
  }
}

/** A client that has not asked its server anything yet. */
export function createMcpClient(options: McpClientOptions): McpClient {
  const { transport, sessions, services, limits, closing, onChange } = options;
  const { clock, log } = services;
  const { label } = transport;
  const tools = createToolIndex();
  const legacy = createLegacyClient({ transport, sessions, clock, limits, closing, onChange: notice });
  let verdict: { readonly era: Era; readonly at: number } | undefined;

  function notice(method: string, params: JsonObject): void {
    if (method === 'notifications/tools/list_changed') tools.isComplete = false;
    onChange(method, params);
  }

  const ask = createSharedWork(label, async (call): Promise<Era> => {
    const ctx = detach(call, clock, closing, limits.handshakeMs);
    const era = await (options.probe ? options.probe(ctx) : probe(transport, ctx));
    if (verdict && verdict.era.era !== era.era)
      log.info({ host: label, era: era.era }, 'a server changed its era');
    verdict = { era, at: clock.monotonic() };
    return era;
  });

  async function findEra(call: CallContext): Promise<Era> {
    if (!verdict) return ask(call);
    // A server that has been renewed still shakes hands, so nothing would ever tell that the verdict is stale.
    if (verdict.era.era === 'legacy' && clock.monotonic() - verdict.at > limits.legacyVerdictMs) {
      verdict = { ...verdict, at: clock.monotonic() };
      ask(call).catch(() => undefined);
    }
    return verdict.era;
  }

  async function askAgain(call: CallContext, doubted: Era): Promise<Era> {
    return verdict && verdict.era !== doubted ? verdict.era : ask(call);
  }

  /** Reads all of `tools/list`, for its annotations. */
  const learnTools = createSharedWork(label, async (caller): Promise<void> => {
    const call = detach(caller, clock, closing, limits.handshakeMs);
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const params = cursor === undefined ? {} : { cursor };
      const { result } = await sendModern(transport, {
        method: 'tools/list',
        params,
        call,
        onChange: notice,
      });
      if (!result) break;
      tools.learn(result);
      const { nextCursor } = result;
      if (typeof nextCursor !== 'string' || nextCursor === cursor) break;
      cursor = nextCursor;
    }
    tools.isComplete = true;
  });

  async function headersOf(params: JsonObject, call: CallContext, plan: string | undefined) {
    const name = params['name'];
    if (typeof name !== 'string') return [];
    const planned = tools.find(name) ?? (plan === undefined ? undefined : parsePlan(plan));
    if (planned || tools.isComplete) return planned ?? [];
    await learnTools(call);
    return tools.find(name) ?? [];
  }

  async function sendCall(method: string, params: JsonObject, call: CallContext, plan: string | undefined) {
    const isCall = method === 'tools/call';
    const attempt = (headers: readonly ToolHeader[]): Promise<Outcome> =>
      sendModern(transport, {
        method,
        params,
        call,
        paramHeaders: paramHeaders(headers, params['arguments']),
        onChange: notice,
      });
    const first = await attempt(
      isCall && transport.kind === 'http' ? await headersOf(params, call, plan) : [],
    );
    const code = first.error?.code;
    // Refused before anything was done, so that it may be sent again.
    if (code === HEADER_MISMATCH && isCall) {
      tools.isComplete = false;
      await learnTools(call);
      return attempt(await headersOf(params, call, undefined));
    }
    const isOurs =
      code === UNSUPPORTED_VERSION &&
      supportedBy(first.error?.data).some((version) => MODERN_VERSIONS.includes(version));
    return isOurs ? attempt(isCall ? await headersOf(params, call, plan) : []) : first;
  }

  async function requestModern(
    method: string,
    params: JsonObject,
    call: CallContext,
    plan: string | undefined,
  ) {
    const { status, result, error } = await sendCall(method, params, call, plan);
    if (result) {
      const checked = checkResult(result, call, label);
      if (method === 'tools/list') tools.learn(checked);
      return checked;
    }
    if (status === 401 || status === 403 || status === 429 || (status >= 500 && !error))
      throw statusFault(status, label);
    const failure = error ?? statusFault(status, label);
    if (!error || error.code === UNSUPPORTED_VERSION || (status >= 400 && LEGACY_CODES.has(error.code)))
      throw new EraDoubt(failure);
    throw failure;
  }

  function requestIn(
    era: Era,
    method: string,
    params: JsonObject,
    call: CallContext,
    plan: string | undefined,
  ) {
    return era.era === 'modern'
      ? requestModern(method, params, call, plan)
      : legacy.request(method, params, call);
  }

  return {
    era: findEra,
    async describe(call) {
      const found = await findEra(call);
      if (found.era === 'modern') {
        const { era: _era, ...rest } = found;
        return { protocolVersion: MODERN_VERSIONS[0] ?? '', ...rest };
      }
      const { id: _id, version: protocolVersion, ...rest } = await sessions.find(call);
      return { protocolVersion, ...rest };
    },
    async request(method, params, call, plan) {
      const era = await findEra(call);
      try {
        return await requestIn(era, method, params, call, plan);
      } catch (thrown) {
        if (!(thrown instanceof EraDoubt)) throw thrown;
        const found = await askAgain(call, era);
        if (found.era === 'modern') throw thrown.failure;
        return requestIn(found, method, params, call, plan);
      }
    },
  };
}

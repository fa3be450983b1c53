// Smithy tools without a gateway around them: a model is imported and its tools are called as the data plane calls
// them, with an egress that keeps what would be sent and answers as told.

import type { CallContext } from '../../src/core/call.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { OutboundRequest, UpstreamResponse } from '../../src/core/outbound.ts';
import type { Catalogue, ToolResult } from '../../src/core/tool.ts';
import { createCaller } from '../../src/targets/smithy/call.ts';
import { importSmithy } from '../../src/targets/smithy/import.ts';
import type { TargetServices } from '../../src/targets/target-type.ts';
import { targetServices } from './target-services.ts';

/** An answer as a test writes it. */
export interface CannedAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface SmithyBench {
  readonly catalogue: Catalogue;
  /** What was sent, in order. */
  readonly sent: OutboundRequest[];
  /** Milliseconds that waiters paused for, in order. */
  readonly pauses: number[];
  /** Calls a tool by its name. */
  call(
    tool: string,
    args?: JsonObject,
    answers?: readonly CannedAnswer[],
    change?: Partial<CallContext>,
  ): Promise<ToolResult>;
}

/** An idempotency token that Smithy's own tests expect. */
export const TOKEN = '00000000-0000-4000-8000-000000000000';

/** Imports a model (an AST, or texts of files by name) and makes its tools callable. */
export function openSmithy(
  model: object | string | Readonly<Record<string, string>>,
  settings: Readonly<Record<string, string>> = {},
  change: Partial<TargetServices> = {},
): SmithyBench {
  const text = typeof model === 'string' ? model : JSON.stringify(model);
  const catalogue = importSmithy([{ name: 'model', text }], { location: 'inline', settings });
  const sent: OutboundRequest[] = [];
  const pauses: number[] = [];
  const answers: CannedAnswer[] = [];
  const services = {
    ...targetServices(),
    ...change,
    egress: {
      request(request: OutboundRequest): Promise<UpstreamResponse> {
        sent.push(request);
        const { status = 200, headers = {}, body = '' } = answers.shift() ?? {};
        return Promise.resolve({ status, headers, body: Buffer.from(body) });
      },
      stream: () => Promise.reject(new Error('nothing is streamed')),
    },
  };
  const createTool = createCaller(services, {
    newToken: () => TOKEN,
    pause: (milliseconds) => Promise.resolve(void pauses.push(milliseconds)),
  });
  const tools = new Map(catalogue.entries.map((entry) => [entry.name, createTool(entry, catalogue.shared)]));
  return {
    catalogue,
    sent,
    pauses,
    call(tool, args = {}, canned = [], context = {}) {
      answers.splice(0, answers.length, ...canned);
      const found = tools.get(tool);
      if (found === undefined) throw new Error(`there is no tool ${tool}`);
      return found.call(args, callContext(context));
    },
  };
}

/** A call with a minute of time, by nobody in particular. */
export function callContext(change: Partial<CallContext> = {}): CallContext {
  const silent = (): void => undefined;
  return {
    requestId: 'r',
    gatewayId: 'g',
    principal: { type: 'anonymous', id: 'anonymous' } as unknown as CallContext['principal'],
    signal: new AbortController().signal,
    deadline: performance.now() + 60_000,
    log: { error: silent, warn: silent, info: silent, debug: silent },
    inboundHeaders: {},
    inboundQuery: new URLSearchParams(),
    ...change,
  };
}

// The control plane from request to response, as named steps: route → authenticate → parse → validate →
// handle → render. The page to read first. It knows no socket; the edge hands it bytes and writes its answer.

import { GatewayError, reasonOf } from '../core/errors.ts';
import { newId } from '../core/ids.ts';
import type { JsonObject } from '../core/json.ts';
import { SigningKeys, claimedAccessKeyId, verifySigV4 } from '../core/sigv4-verify.ts';
import type { Caller } from '../core/access.ts';
import { checkAccess, revealsSecret } from './access.ts';
import { beginTrail } from './audit.ts';
import type { Trail } from './audit.ts';
import { DEFAULT_QUOTAS, present } from './context.ts';
import type { ControlContext, ControlServices } from './context.ts';
import { errorResponse } from './error-response.ts';
import { goOn } from './gateway-target/authorization.ts';
import { HANDLERS } from './handlers.ts';
import { OPERATIONS } from './model/model.ts';
import type { OperationModel } from './model/shape.ts';
import { createReconciler } from './reconcile.ts';
import { renderOutput } from './render.ts';
import { readInput } from './request-input.ts';
import { createResynchronizer } from './resynchronize.ts';
import { createRouter } from './router.ts';
import { createValidator } from './validate.ts';

export type { ControlServices } from './context.ts';

export interface ControlRequest {
  readonly method: string;
  /** Raw request target as received: path and query. */
  readonly target: string;
  /** Lower-case names, each with all its values in order. */
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
  readonly body: Uint8Array;
  readonly remoteAddress?: string;
}

export interface ControlResponse {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

export interface ControlPlane {
  /** True when the path is the control plane's. */
  handles(method: string, path: string): boolean;
  /** True when the request names an access key that is known: a cheap question, asked before its body is read. */
  admits(headers: ControlRequest['headers']): Promise<boolean>;
  /** Answers a request. Never rejects. */
  handle(request: ControlRequest): Promise<ControlResponse>;
  /** Runs an operation in process, already authorised. @throws GatewayError */
  invoke(operation: string, input: JsonObject): Promise<JsonObject>;
  /** Takes up whatever was left in a transient state. */
  start(): Promise<void>;
  /** Ends when nothing runs any more; what is not finished is taken up at the next start. */
  stop(): Promise<void>;
  /**
   * Reads the lists of a target's MCP server again, because the server says that they have changed. No effect on
   * targets that are not READY or keep no lists of a server; often asked for it is done once in a few seconds.
   */
  resynchronize(targetId: string): Promise<void>;
  /** Fulfils when no reconciliation is under way. */
  settled(): Promise<void>;
}

const SIGNING_NAMES = ['bedrock-agentcore'];
/** Calls of this process itself. */
const OURSELVES: Caller = Object.freeze({ arn: '', accessKeyId: '', role: 'administrator' });

/** The control plane on these services. */
export function createControlPlane(services: ControlServices): ControlPlane {
  const { accessKeys, arns, clock, log } = services;
  const router = createRouter(OPERATIONS);
  const validate = createValidator({ maxSchemaBytes: services.maxSchemaBytes });
  const quotas = { ...DEFAULT_QUOTAS, ...services.quotas };
  const reconciler = createReconciler({ ...services, quotas });
  const ctx: ControlContext = { ...services, quotas, wake: reconciler.wake, caller: OURSELVES };
  services.identity.consents.onTargetConsent((targetId) => {
    goOn(targetId, ctx).catch((thrown: unknown) => {
      log.error({ targetId, reason: reasonOf(thrown) }, 'a target cannot go on after its consent');
    });
  });
  const resynchronizer = createResynchronizer(ctx, services.reconcile?.resynchronizeEveryMs);
  const signing = {
    region: arns.region,
    services: SIGNING_NAMES,
    accessKeys: (id: string, token: string | undefined) => accessKeys.find(id, token),
    now: () => clock.now(),
    signingKeys: new SigningKeys(),
  };

  const trailOf = (request?: ControlRequest, requestId = newId()): Trail | undefined =>
    beginTrail(services.audit, request && { ...request, requestId }, (id) => arns.gateway(id));

  async function run(
    operation: OperationModel,
    input: JsonObject,
    caller: Caller,
    trail: Trail | undefined,
  ): Promise<JsonObject> {
    if (trail)
      Object.assign(trail, { operation, caller, input, revealsSecret: revealsSecret(operation.name) });
    const clean = validate(operation.input, input);
    checkAccess(operation, clean, caller, arns);
    const handler = HANDLERS[operation.name];
    if (!handler) throw new GatewayError('Internal', `The operation ${operation.name} has no handler.`);
    await trail?.intent();
    const by = { actor: { kind: 'caller', caller }, ...present({ requestId: trail?.requestId }) } as const;
    return renderOutput(operation.output, await handler(clean, { ...ctx, caller, by }));
  }

  async function handle(request: ControlRequest): Promise<ControlResponse> {
    const started = clock.monotonic();
    const requestId = newId();
    const [path, query] = split(request.target);
    const trail = trailOf(request, requestId);
    const elapsed = (): number => clock.monotonic() - started;
    let operationName: string | undefined;
    let accessKeyId: string | undefined;
    let response: Omit<ControlResponse, 'headers'> & { headers?: Readonly<Record<string, string>> };
    try {
      const route = router.find(request.method, path);
      if (!route)
        throw new GatewayError(
          'MethodNotFound',
          'There is no operation with this method and path in this version.',
        );
      operationName = route.operation.name;
      if (trail) trail.operation = route.operation;
      const { key } = await verifySigV4(request, signing);
      ({ accessKeyId } = key.caller);
      accessKeys.used(accessKeyId);
      if (trail) trail.caller = key.caller;
      const input = readInput(route, query, request.body);
      const output = await run(route.operation, input, key.caller, trail);
      await trail?.end(output, elapsed());
      const { status } = route.operation;
      response = { status, body: status === 204 ? '' : JSON.stringify(output) };
    } catch (thrown) {
      trail?.fail(thrown, elapsed());
      const error = errorResponse(thrown, { requestId, isIdentity: path.startsWith('/identities/') }, log);
      response = { ...error, body: JSON.stringify(error.body) };
    }
    log.info(
      {
        requestId,
        operation: operationName,
        status: response.status,
        error: response.headers?.['x-amzn-errortype'],
        accessKeyId,
        remoteAddress: request.remoteAddress,
        ms: Math.round(elapsed() * 10) / 10,
      },
      'control request',
    );
    return {
      status: response.status,
      headers: {
        'content-type': 'application/json',
        'cache-control': 'no-store',
        'x-amzn-requestid': requestId,
        ...response.headers,
      },
      body: response.body,
    };
  }

  return Object.freeze({
    handles: (_method: string, path: string) => router.owns(split(path)[0]),
    async admits(headers: ControlRequest['headers']): Promise<boolean> {
      const id = claimedAccessKeyId(headers);
      const [token] = headers['x-amz-security-token'] ?? [];
      return id !== undefined && (await accessKeys.find(id, token)) !== undefined;
    },
    handle,
    async invoke(operation: string, input: JsonObject): Promise<JsonObject> {
      const model = OPERATIONS.find((candidate) => candidate.name === operation);
      if (!model)
        throw new GatewayError('MethodNotFound', `There is no operation ${operation} in this version.`);
      const trail = trailOf();
      const started = clock.monotonic();
      try {
        const output = await run(model, input, OURSELVES, trail);
        await trail?.end(output, clock.monotonic() - started);
        return output;
      } catch (thrown) {
        trail?.fail(thrown, clock.monotonic() - started);
        throw thrown;
      }
    },
    start: reconciler.start,
    stop(): Promise<void> {
      resynchronizer.stop();
      return reconciler.stop();
    },
    resynchronize: resynchronizer.resynchronize,
    settled: reconciler.settled,
  });
}

function split(target: string): readonly [path: string, query: string] {
  const mark = target.indexOf('?');
  return mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)];
}

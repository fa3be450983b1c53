// The Lambda API from request to response, as named steps: route → authenticate → parse → validate → authorise → handle →
// render. It knows no socket; the edge hands it bytes and writes its answer.

import type { Caller } from '../../core/access.ts';
import { GatewayError, toGatewayError } from '../../core/errors.ts';
import type { GatewayError as Fault } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import { SigningKeys, claimedAccessKeyId, verifySigV4 } from '../../core/sigv4-verify.ts';
import { FUNCTION_LIMITS } from '../../functions/function-host.ts';
import { FUNCTION_OPERATIONS } from '../model/function-model.ts';
import type { FunctionOperation } from '../model/function-operation.ts';
import { beginTrail } from '../audit.ts';
import type { AuditedOperation, Trail } from '../audit.ts';
import { renderOutput } from '../render.ts';
import { readInput } from '../request-input.ts';
import { createRouter } from '../router.ts';
import type { Route } from '../router.ts';
import { createValidator } from '../validate.ts';
import { checkFunctionAccess, showsSecrets } from './access.ts';
import { CODE_LINKS, codeFetch, openCodeLink } from './code-location.ts';
import type { FunctionApiServices, FunctionResponse } from './context.ts';
import { functionErrorResponse } from './error-response.ts';
import { FUNCTION_HANDLERS } from './handlers.ts';

export type { FunctionApiServices } from './context.ts';

export interface FunctionRequest {
  readonly method: string;
  /** Raw request target as received: path and query. */
  readonly target: string;
  /** Lower-case names, each with all its values in order. */
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
  readonly body: Uint8Array;
  readonly remoteAddress?: string;
}

export interface FunctionApiResponse {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array;
}

export interface FunctionApi {
  /** True when the path is the Lambda API's. */
  handles(method: string, path: string): boolean;
  /** True when the request names an access key that is known: a cheap question, asked before its body is read. */
  admits(headers: FunctionRequest['headers']): Promise<boolean>;
  maxBodyBytes(path: string): number;
  unreadable(fault: Fault): ReturnType<typeof functionErrorResponse>;
  /** Answers a request. Never rejects. */
  handle(request: FunctionRequest): Promise<FunctionApiResponse>;
}

/** First segments of the API's paths: the days its parts came out. */
const ROOTS: ReadonlySet<string> = new Set([
  '2014-11-13',
  '2015-03-31',
  '2016-08-19',
  '2017-03-31',
  '2017-10-31',
  '2018-10-31',
  '2019-09-30',
]);
/** An archive in base64, and what stands around it. */
const ARCHIVE_BODY_BYTES = Math.ceil(FUNCTION_LIMITS.zippedBytes / 3) * 4 + 256 * 1024;
const PLAIN_BODY_BYTES = 8 * 1024 * 1024;
const NO_BODY = new Uint8Array();
const LAMBDA_SOURCE = 'lambda.amazonaws.com';

/** The Lambda API on these services. */
export function createFunctionApi(services: FunctionApiServices): FunctionApi {
  const { accessKeys, clock, log, scope } = services;
  const router = createRouter(FUNCTION_OPERATIONS, ROOTS);
  const validate = createValidator({ maxSchemaBytes: Infinity });
  const signing = {
    region: scope.region,
    services: ['lambda'],
    accessKeys: (id: string, token: string | undefined) => accessKeys.find(id, token),
    now: () => clock.now(),
    signingKeys: new SigningKeys(),
  };

  function routeOf(method: string, path: string, query: string): Route<FunctionOperation> {
    const route = router.find(method, path);
    // Two operations of one path: a query parameter tells them apart.
    const name =
      route?.operation.name === 'GetLayerVersionByArn' && !/(^|&)find=LayerVersion(&|$)/.test(query)
        ? 'ListLayers'
        : undefined;
    const operation =
      name === undefined
        ? route?.operation
        : FUNCTION_OPERATIONS.find((candidate) => candidate.name === name);
    if (!route || !operation)
      throw new GatewayError(
        'MethodNotFound',
        'There is no operation with this method and path in this version.',
      );
    return { operation, labels: route.labels };
  }

  async function run(
    { operation, labels }: Route<FunctionOperation>,
    query: string,
    request: FunctionRequest,
    caller: Caller,
    requestId: string,
    trail: Trail | undefined,
  ): Promise<FunctionResponse> {
    const body = operation.hasPayload === true ? NO_BODY : request.body;
    if (trail) Object.assign(trail, { caller, operation: auditedOf(operation) });
    const input: JsonObject = validate(
      operation.input,
      parsed(() => readInput({ operation, labels }, query, body)),
    );
    if (trail) Object.assign(trail, { input, revealsSecret: showsSecrets(operation, caller) });
    await checkFunctionAccess(operation, input, caller, services);
    const handler = FUNCTION_HANDLERS[operation.name];
    if (!handler) throw new GatewayError('Internal', `The operation ${operation.name} has no handler.`);
    await trail?.intent();
    const answer = await handler(input, {
      ...services,
      caller,
      requestId,
      headers: singles(request.headers),
      payload: operation.hasPayload === true ? request.body : NO_BODY,
    });
    return {
      status: operation.status,
      ...answer,
      output: renderOutput(operation.output, answer.output ?? {}),
    };
  }

  async function handle(request: FunctionRequest): Promise<FunctionApiResponse> {
    const started = clock.monotonic();
    const requestId = newId();
    const [path, query] = split(request.target);
    if (path.startsWith(CODE_LINKS)) return fetchCode(request, path.slice(CODE_LINKS.length), requestId);
    const trail = beginTrail(services.audit, { ...request, requestId }, (id) => id, LAMBDA_SOURCE);
    const elapsed = (): number => clock.monotonic() - started;
    let operation: string | undefined;
    let accessKeyId: string | undefined;
    let status: number;
    let headers: Readonly<Record<string, string>> = {};
    let body: string | Uint8Array;
    try {
      const route = routeOf(request.method, path, query);
      operation = route.operation.name;
      if (trail) trail.operation = auditedOf(route.operation);
      const { key } = await verifySigV4(request, signing);
      ({ accessKeyId } = key.caller);
      accessKeys.used(accessKeyId);
      if (trail) trail.caller = key.caller;
      const answer = await run(route, query, request, key.caller, requestId, trail);
      await trail?.end(answer.output, elapsed());
      status = answer.status ?? 200;
      headers = answer.headers ?? {};
      body = answer.payload ?? (status === 204 ? '' : JSON.stringify(answer.output ?? {}));
    } catch (thrown) {
      trail?.fail(thrown, elapsed());
      ({ status, headers, body } = functionErrorResponse(thrown, requestId, log));
    }
    log.info(
      {
        requestId,
        operation,
        status,
        error: headers['x-amzn-errortype'] ?? headers['x-amz-function-error'],
        accessKeyId,
        remoteAddress: request.remoteAddress,
        ms: Math.round(elapsed() * 10) / 10,
      },
      'function request',
    );
    return {
      status,
      headers: {
        'content-type': 'application/json',
        'cache-control': 'no-store',
        'x-amzn-requestid': requestId,
        ...headers,
      },
      body,
    };
  }

  /** The link is its own permission: it was given to somebody who may have the code, and ends soon. */
  async function fetchCode(
    request: FunctionRequest,
    token: string,
    requestId: string,
  ): Promise<FunctionApiResponse> {
    const fact = { ...codeFetch(requestId, request), eventSource: LAMBDA_SOURCE };
    try {
      const bytes = request.method === 'GET' ? await openCodeLink(token, services) : undefined;
      if (!bytes)
        throw new GatewayError(
          'Forbidden',
          'The link does not count, or not any more. GetFunction gives a new one.',
        );
      await services.audit?.commit({ ...fact, decision: 'allow', reason: 'a link that GetFunction gave' });
      const headers = { 'content-type': 'application/zip', 'cache-control': 'no-store' };
      return { status: 200, headers, body: bytes };
    } catch (thrown) {
      const { code } = toGatewayError(thrown);
      services.audit?.record({ ...fact, decision: 'deny', errorCode: code, reason: code });
      return { ...functionErrorResponse(thrown, requestId, log) };
    }
  }

  return Object.freeze({
    handles: (_method: string, path: string) => router.owns(path),
    async admits(headers: FunctionRequest['headers']): Promise<boolean> {
      const id = claimedAccessKeyId(headers);
      const [token] = headers['x-amz-security-token'] ?? [];
      return id !== undefined && (await accessKeys.find(id, token)) !== undefined;
    },
    maxBodyBytes: (path: string) =>
      path.endsWith('/invocations') || path.endsWith('/invoke-async') ? PLAIN_BODY_BYTES : ARCHIVE_BODY_BYTES,
    unreadable: (fault: Fault) => functionErrorResponse(fault, newId(), log),
    handle,
  });
}

/** To call a function is not to read, whatever the API says of its state. */
const auditedOf = ({ name, input, output, readonly }: FunctionOperation): AuditedOperation => ({
  name,
  input,
  output,
  ...(readonly === true && !name.startsWith('Invoke') ? { readonly } : {}),
});

/** A body that cannot be read is no payload of a function: the API has a word of its own for each. */
function parsed<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === 'Malformed')
      throw new GatewayError('Malformed', `Could not parse request body into json: ${thrown.message}`, {
        cause: thrown,
      });
    throw thrown;
  }
}

function singles(headers: FunctionRequest['headers']): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(Object.entries(headers).map(([name, values]) => [name, values?.[0]]));
}

function split(target: string): readonly [path: string, query: string] {
  const mark = target.indexOf('?');
  return mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)];
}

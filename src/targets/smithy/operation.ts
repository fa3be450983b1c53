// One operation, ready to be called: arguments → request, answer → output or error. Made on a tool's first call from its
// plan; knows no credential and no network.

import { GatewayError } from '../../core/errors.ts';
import { isFieldValue } from '../../core/header-fields.ts';
import { isJsonObject, type JsonObject } from '../../core/json.ts';
import type { OutboundRequest, UpstreamResponse } from '../../core/outbound.ts';
import { encodeStrict } from '../../lib/percent.ts';
import { withHostPrefix } from './endpoints/host-prefix.ts';
import { isAwsHost } from './endpoints/partitions.ts';
import {
  createEndpoints,
  type AwsSurroundings,
  type ResolvedEndpoint,
  type ResolveEndpoint,
} from './endpoints/resolve.ts';
import { shapeName, trait } from './model.ts';
import { payloadOf, type OperationPlan, type ServicePlan } from './plan.ts';
import {
  conventionalEndpoint,
  prepareInput,
  prepareRequest,
  prepareResponse,
  serviceKey,
} from './protocols/customisations.ts';
import { foreignAnswer } from './protocols/envelope.ts';
import { addChecksum, askForChecksum, compress, wrongChecksum } from './protocols/finish.ts';
import { createProtocol, type Protocol, type WireRequest } from './protocols/protocol.ts';
import { ErrorAnswer, readServiceError, type ServiceError } from './protocols/service-error.ts';
import { readArguments } from './runtime/input.ts';
import { UnfitAnswer } from './runtime/output-values.ts';
import { renderOutput } from './runtime/output.ts';
import { createSchemas } from './runtime/schemas.ts';

/** What the operations of one target share. */
export interface ServiceRuntime {
  readonly plan: ServicePlan;
  readonly protocol: Protocol;
  readonly endpointOf: ResolveEndpoint;
}

/** What became of a call that was answered. */
export type Answer =
  | { readonly kind: 'output'; readonly output: JsonObject }
  | { readonly kind: 'error'; readonly error: ServiceError; readonly members: JsonObject }
  /** The answer is not what the model says. */
  | { readonly kind: 'unfit'; readonly reason: string };

export interface Operation {
  readonly plan: OperationPlan;
  /** The body of its answer is bytes that are whatever they are, in whatever coding they are stored. */
  readonly givesBytes: boolean;
  /** @throws GatewayError Validation when the arguments cannot make a request */
  buildRequest(args: JsonObject): Promise<OutboundRequest>;
  /** Never throws for what a service answers. */
  readAnswer(response: UpstreamResponse): Promise<Answer>;
}

/** Prepares what all operations of a service share. */
export function openService(plan: ServicePlan, aws: AwsSurroundings): ServiceRuntime {
  return { plan, protocol: createProtocol(plan), endpointOf: createEndpoints(plan, aws) };
}

/**
 * Prepares one operation.
 * @param newToken a fresh idempotency token
 */
export function openOperation(
  plan: OperationPlan,
  service: ServiceRuntime,
  newToken: () => string,
): Operation {
  const schemas = createSchemas(plan, service.plan.protocol);
  const bareKeys = bareQueryKeys(plan);

  const payload = payloadOf(plan, plan.output);
  return {
    plan,
    givesBytes: payload !== undefined && plan.shapes[payload.target]?.type === 'blob',

    async buildRequest(args) {
      const given = readArguments(plan, args, newToken);
      const input = askForChecksum(plan, prepareInput(service.plan, given));
      const endpoint = service.endpointOf(plan, input);
      const prefixed = withHostPrefix(plan, input, endpoint.url);
      const url = conventionalEndpoint(service.plan, plan, input, prefixed, isAwsHost);
      const written = await writeRequest(() => service.protocol.serialize(schemas, input, url));
      const bodied = withoutEmptyUnion(plan, input, written);
      const finished = addChecksum(plan, input, compress(plan, bodied));
      const wire = prepareRequest(service.plan, plan, finished);
      return toOutbound(service.plan, wire, { ...endpoint, url }, bareKeys);
    },

    async readAnswer(answer) {
      const response = prepareResponse(service.plan, plan, answer);
      const foreign = response.status < 300 ? foreignAnswer(service.plan, plan, response) : undefined;
      if (foreign !== undefined) return { kind: 'unfit', reason: foreign };
      try {
        const members = await service.protocol.deserialize(schemas, response);
        const wrong = wrongChecksum(plan, response);
        if (wrong !== undefined)
          return { kind: 'unfit', reason: `its body does not have the checksum ${wrong} that it names` };
        return { kind: 'output', output: renderOutput(plan, plan.output, members) };
      } catch (thrown) {
        const isFailure = thrown instanceof ErrorAnswer;
        if (isFailure || response.status >= 300) {
          const document = isFailure ? thrown.document : {};
          return readError(document, response);
        }
        return { kind: 'unfit', reason: reasonOf(thrown) };
      }
    },
  };

  async function readError(
    document: Readonly<Record<string, unknown>>,
    response: {
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: Uint8Array;
    },
  ): Promise<Answer> {
    const error = readServiceError(service.plan, plan, response, document);
    try {
      const read = await service.protocol.readError(schemas, plan, error, response);
      const members = error.shape === undefined ? {} : renderOutput(plan, error.shape, read);
      return { kind: 'error', error, members };
    } catch {
      // An error whose members do not fit is an error all the same.
      return { kind: 'error', error, members: {} };
    }
  }
}

/** What the runtime refuses to write is the arguments' fault. */
async function writeRequest(write: () => Promise<WireRequest>): Promise<WireRequest> {
  try {
    return await write();
  } catch (thrown) {
    if (thrown instanceof GatewayError) throw thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    const label = /input HTTP label: ([^.]+)\./.exec(message)?.[1];
    const said =
      label === undefined ? message.replace(/^@[\w/-]+ - /, '') : `${label}: must be given and not be empty.`;
    throw new GatewayError('Validation', `The arguments cannot be sent: ${said}`, { cause: thrown });
  }
}

/** A payload that is a union has no empty form: without a value there is no payload. */
function withoutEmptyUnion(
  plan: OperationPlan,
  input: Readonly<Record<string, unknown>>,
  request: WireRequest,
): WireRequest {
  const payload = payloadOf(plan, plan.input);
  if (payload === undefined || plan.shapes[payload.target]?.type !== 'union') return request;
  if (input[payload.name] !== undefined && input[payload.name] !== null) return request;
  const { body: _, ...rest } = request;
  const { 'content-type': __, ...headers } = rest.headers;
  return { ...rest, headers };
}

/** Keys in the uri of the http trait that have no `=`; servers tell `?acl` by it. */
function bareQueryKeys(plan: OperationPlan): ReadonlySet<string> {
  const http = trait(plan.traits ?? {}, 'http');
  const uri = isJsonObject(http) ? http['uri'] : undefined;
  const query = typeof uri === 'string' ? (uri.split('?')[1] ?? '') : '';
  return new Set(query.split('&').filter((part) => part !== '' && !part.includes('=')));
}

/** @throws GatewayError Validation when an argument would lead to another path than the model's */
function toOutbound(
  service: ServicePlan,
  wire: WireRequest,
  endpoint: ResolvedEndpoint,
  bareKeys: ReadonlySet<string>,
): OutboundRequest {
  const isS3 = serviceKey(service) === 's3';
  const base = endpoint.url.pathname === '/' ? '' : endpoint.url.pathname.replace(/\/+$/, '');
  // A bucket in the path is named without a slash behind it.
  const path = isS3 && base !== '' && wire.path === `${base}/` ? base : wire.path;
  const query = writeQuery(wire.query, bareKeys);
  const url = new URL(`${endpoint.url.origin}${path.startsWith('/') ? path : `/${path}`}${query}`);
  const isAsWritten = url.pathname === path;
  // Objects may be called `../x`; that must not lead out of the bucket, should it be in the path.
  const mayDiffer = isS3 && (base === '' || url.pathname.startsWith(`${base}/`));
  if (url.origin !== endpoint.url.origin || url.search !== query || (!isAsWritten && !mayDiffer))
    throw new GatewayError(
      'Validation',
      `The arguments do not fit into the URL of ${shapeName(service.id)}.`,
    );
  const headers: Record<string, string> = { 'user-agent': 'gatewright', ...endpoint.headers };
  for (const [name, value] of Object.entries(wire.headers)) {
    if (!isFieldValue(value) || !/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name))
      throw new GatewayError(
        'Validation',
        `The value for the header field ${name} cannot be sent: it has control characters, or characters beyond Latin-1.`,
      );
    // The length is counted where the body is sent.
    if (name !== 'content-length' && name !== 'host') headers[name] = value;
  }
  return {
    method: wire.method,
    url,
    headers,
    ...(isAsWritten ? {} : { path }),
    ...(wire.body === undefined ? {} : { body: wire.body }),
    ...(endpoint.signing === undefined ? {} : { signing: endpoint.signing }),
  };
}

function writeQuery(query: WireRequest['query'], bareKeys: ReadonlySet<string>): string {
  const parts: string[] = [];
  for (const key of Object.keys(query).sort()) {
    const value = query[key];
    if (value === undefined) continue;
    if (typeof value === 'object' && value !== null)
      for (const item of value) parts.push(`${encodeStrict(key)}=${encodeStrict(item)}`);
    else if (value === null || (value === '' && bareKeys.has(key))) parts.push(encodeStrict(key));
    else parts.push(`${encodeStrict(key)}=${encodeStrict(value)}`);
  }
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

function reasonOf(thrown: unknown): string {
  if (thrown instanceof UnfitAnswer) return thrown.message;
  if (thrown instanceof RangeError) return 'it is nested too deeply';
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return message.replace(/^@[\w/-]+( - )?/, '').slice(0, 300);
}

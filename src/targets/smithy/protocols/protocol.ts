// One way to speak each protocol: the maintained runtime serialises and reads, and what its conventions leave open
// stands here. Knows schemas and HTTP messages, no tool and no network.

import {
  AwsEc2QueryProtocol,
  AwsJson1_0Protocol,
  AwsJson1_1Protocol,
  AwsQueryProtocol,
  AwsRestJsonProtocol,
  AwsRestXmlProtocol,
  AwsSmithyRpcV2CborProtocol,
  AwsSmithyRpcV2JsonProtocol,
} from '@aws-sdk/core/protocols';
import { HttpResponse, type HttpProtocol } from '@smithy/core/protocols';
import { NormalizedSchema } from '@smithy/core/schema';
import { fromBase64, fromUtf8, toBase64, toUtf8 } from '@smithy/core/serde';
import { isJsonObject } from '../../../core/json.ts';
import { shapeName } from '../model.ts';
import type { OperationPlan, ServicePlan } from '../plan.ts';
import type { RuntimeInput } from '../runtime/input.ts';
import type { RuntimeSchema, RuntimeSchemas } from '../runtime/schemas.ts';
import { JSON_SETTINGS, LosslessJsonCodec } from './json.ts';
import { ErrorAnswer, isXml, memberOfError, type ServiceError } from './service-error.ts';
import { makeXmlStrict } from './strict.ts';

/** A request as the runtime makes it: path and header values ready, query not yet written. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string | readonly string[] | null>>;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface WireResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface Protocol {
  /** @throws Error where the input cannot be written, with a message that names the member */
  serialize(schemas: RuntimeSchemas, input: RuntimeInput, endpoint: URL): Promise<WireRequest>;
  /** The members of the output. @throws ErrorAnswer for an error; anything else for an answer that cannot be read */
  deserialize(schemas: RuntimeSchemas, response: WireResponse): Promise<Record<string, unknown>>;
  /** The members of a modelled error. @throws Error where they cannot be read */
  readError(
    schemas: RuntimeSchemas,
    plan: OperationPlan,
    error: ServiceError,
    response: WireResponse,
  ): Promise<Record<string, unknown>>;
}

type Context = Parameters<HttpProtocol['serializeRequest']>[2];
type Read = (schema: unknown, value: unknown) => unknown;

/** The runtime's parts that its types keep to themselves. */
interface Openings {
  readonly deserializer: Readers & { readonly codecDeserializer?: object };
  deserializeHttpMessage(
    schema: RuntimeSchema,
    context: Context,
    response: HttpResponse,
    data: Record<string, unknown>,
  ): Promise<unknown>;
}

interface Readers {
  readonly readObject?: Read;
  readonly readSchema?: Read;
  readonly readValue?: Read;
}

/** Not the service's own: the runtime keeps a global list by namespace, and nobody's errors belong there. */
const NAMESPACE = 'smithy.gatewright';

/** Prepares the protocol of a service. */
export function createProtocol(service: ServicePlan): Protocol {
  const runtime = openRuntime(service);
  // Errors are read by the plan of the operation, not by the runtime's global registries.
  Object.defineProperty(runtime, 'handleError', {
    value: (_operation: unknown, _context: unknown, _response: unknown, document: unknown) => {
      throw new ErrorAnswer(document);
    },
  });
  const openings = runtime as unknown as Openings;
  if (isXml(service.protocol))
    makeXmlStrict(openings.deserializer.codecDeserializer ?? openings.deserializer);
  const serviceName = shapeName(service.id);
  const read = readerOf(runtime, service);
  runtime.setSerdeContext(contextOf(serviceName, '', new URL('http://localhost')));

  return {
    async serialize(schemas, input, endpoint) {
      const { operation } = schemas;
      const context = contextOf(serviceName, operation.name, endpoint);
      const request = await runtime.serializeRequest(operation, input, context);
      const { path, query = {}, headers } = request;
      const body = request.body as string | Uint8Array | undefined | null;
      return {
        method: request.method,
        path,
        query,
        headers: lowerCase(headers),
        ...(body === undefined || body === null ? {} : { body: plainBytes(body) }),
      };
    },

    async deserialize(schemas, response) {
      const { operation } = schemas;
      const context = contextOf(serviceName, operation.name, new URL('http://localhost'));
      const output = await runtime.deserializeResponse(operation, context, httpResponse(response));
      const { $metadata: _, ...members } = output as unknown as Record<string, unknown>;
      return members;
    },

    async readError(schemas, plan, error, response) {
      const members = error.shape === undefined ? undefined : plan.shapes[error.shape]?.members;
      if (error.shape === undefined || members === undefined) return {};
      const schema = schemas.schemaOf(error.shape);
      const normalized = NormalizedSchema.of(schema as Parameters<typeof NormalizedSchema.of>[0]);
      const out: Record<string, unknown> = {};
      for (const member of members) {
        const value = memberOfError(service.protocol, member, error.body);
        if (value !== undefined && value !== null)
          out[member.name] = read(normalized.getMemberSchema(member.name), value);
      }
      if (service.protocol === 'restJson1' || service.protocol === 'restXml') {
        const context = contextOf(serviceName, '', new URL('http://localhost'));
        await openings.deserializeHttpMessage(
          schema,
          context,
          httpResponse({ ...response, body: new Uint8Array() }),
          out,
        );
      }
      return out;
    },
  };
}

function openRuntime(service: ServicePlan): HttpProtocol {
  const defaultNamespace = NAMESPACE;
  const serviceTarget = shapeName(service.id);
  const awsQueryCompatible = service.queryCompatible === true;
  const xmlNamespace = isJsonObject(service.xmlNamespace) ? textOf(service.xmlNamespace['uri']) : '';
  const query = { defaultNamespace, xmlNamespace, version: service.version };
  switch (service.protocol) {
    case 'awsJson1_0':
      return new AwsJson1_0Protocol({
        defaultNamespace,
        serviceTarget,
        awsQueryCompatible,
        jsonCodec: new LosslessJsonCodec(JSON_SETTINGS.rpc),
      });
    case 'awsJson1_1':
      return new AwsJson1_1Protocol({
        defaultNamespace,
        serviceTarget,
        awsQueryCompatible,
        jsonCodec: new LosslessJsonCodec(JSON_SETTINGS.rpc),
      });
    case 'restJson1':
      return new AwsRestJsonProtocol({
        defaultNamespace,
        jsonCodec: new LosslessJsonCodec(JSON_SETTINGS.rest),
      });
    case 'rpcv2Json': {
      const codec = new LosslessJsonCodec(JSON_SETTINGS.rpcV2);
      const protocol = new AwsSmithyRpcV2JsonProtocol({ defaultNamespace, awsQueryCompatible });
      return Object.assign(protocol, {
        codec,
        serializer: codec.createSerializer(),
        deserializer: codec.createDeserializer(),
      }) as AwsSmithyRpcV2JsonProtocol;
    }
    case 'rpcv2Cbor':
      return new AwsSmithyRpcV2CborProtocol({ defaultNamespace, awsQueryCompatible });
    case 'restXml':
      return new AwsRestXmlProtocol({ defaultNamespace, xmlNamespace });
    case 'awsQuery':
      return new AwsQueryProtocol(query);
    case 'ec2Query':
      return new AwsEc2QueryProtocol(query);
    default:
      throw new Error(`the protocol ${String(service.protocol)} is not known`);
  }
}

/** How a value inside of an error document is read: by the codec, without its HTTP bindings. */
function readerOf(runtime: HttpProtocol, { protocol }: ServicePlan): Read {
  const readers =
    protocol === 'awsQuery' || protocol === 'ec2Query'
      ? (runtime as unknown as Openings).deserializer
      : (runtime.getPayloadCodec().createDeserializer() as Readers);
  const read = readers.readObject ?? readers.readSchema ?? readers.readValue;
  return (schema, value) => read?.call(readers, schema, value);
}

function contextOf(service: string, operation: string, endpoint: URL): Context {
  return {
    endpoint: () =>
      Promise.resolve({
        protocol: endpoint.protocol,
        hostname: endpoint.hostname,
        path: endpoint.pathname === '/' ? '/' : endpoint.pathname.replace(/\/+$/, ''),
        ...(endpoint.port === '' ? {} : { port: Number(endpoint.port) }),
      }),
    // Host prefixes are endpoints/host-prefix.ts's matter.
    disableHostPrefix: true,
    base64Decoder: fromBase64,
    base64Encoder: toBase64,
    utf8Decoder: fromUtf8,
    utf8Encoder: toUtf8,
    __smithy_context: { service, operation },
  } as unknown as Context;
}

function httpResponse({ status, headers, body }: WireResponse): HttpResponse {
  // A view of its own: the runtime changes what it is handed, header names and the body's prototype.
  const bytes = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  return new HttpResponse({ statusCode: status, headers: { ...headers }, body: bytes });
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** Bytes without the ways of the runtime's own kind of array. */
function plainBytes(body: string | Uint8Array): string | Uint8Array {
  return typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

// What a service says when it refuses: the error's code, found where each protocol puts it, and the members of the
// modelled error it names. Services that answer something else entirely are still told apart.

import { isJsonObject } from '../../../core/json.ts';
import { shapeName, textTrait } from '../model.ts';
import type { OperationPlan, PlanMember, ProtocolName, ServicePlan } from '../plan.ts';

/** Thrown by a protocol instead of an answer: the error document as the runtime parsed it. */
export class ErrorAnswer extends Error {
  readonly document: Readonly<Record<string, unknown>>;

  constructor(document: unknown) {
    super('the service answered with an error');
    this.document = typeof document === 'object' && document !== null ? { ...document } : {};
  }
}

/** A service's refusal. */
export interface ServiceError {
  /** Name of the modelled error, else the code. */
  readonly name: string;
  /** As the service wrote it. */
  readonly code?: string;
  /** Whose fault, in the service's words (`Sender`, `Receiver`). */
  readonly fault?: string;
  readonly message?: string;
  readonly requestId?: string;
  /** Id of the modelled error. */
  readonly shape?: string;
  /** The body of the error that members are read from. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** Reads what is common to all errors of a protocol. */
export function readServiceError(
  service: ServicePlan,
  plan: OperationPlan,
  answer: { readonly status: number; readonly headers: Readonly<Record<string, string>> },
  document: Readonly<Record<string, unknown>>,
): ServiceError {
  const body = errorBody(service.protocol, document);
  const [queryCode, queryFault] = queryError(service, answer.headers);
  const codes = [...codesOf(service.protocol, body, document, answer.headers), ...(queryCode ?? [])];
  const shape = findError(plan, codes);
  const code = queryCode?.[0] ?? codes[0] ?? (answer.status === 404 ? 'NotFound' : undefined);
  const found = shape ?? (codes.length === 0 && code !== undefined ? findError(plan, [code]) : undefined);
  const message = messageOf(body) ?? messageOf(document);
  const fault = queryFault ?? text(body['Type']);
  const requestId = requestIdOf(document, answer.headers);
  return {
    name: found === undefined ? (code ?? `HTTP ${answer.status}`) : shapeName(found),
    body,
    ...(code === undefined ? {} : { code }),
    ...(fault === undefined ? {} : { fault }),
    ...(message === undefined ? {} : { message }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(found === undefined ? {} : { shape: found }),
  };
}

/** The value of an error's member in the body; services write `Message` where the model says `message`. */
export function memberOfError(
  protocol: ProtocolName,
  member: PlanMember,
  body: Readonly<Record<string, unknown>>,
): unknown {
  const traits = member.traits ?? {};
  const renamed = isXml(protocol)
    ? textTrait(traits, 'xmlName')
    : protocol === 'restJson1'
      ? textTrait(traits, 'jsonName')
      : undefined;
  const name = renamed ?? member.name;
  if (Object.hasOwn(body, name)) return body[name];
  if (name.toLowerCase() !== 'message') return undefined;
  const other = name === 'message' ? 'Message' : 'message';
  return Object.hasOwn(body, other) ? body[other] : undefined;
}

export function isXml(protocol: ProtocolName): boolean {
  return protocol === 'restXml' || protocol === 'awsQuery' || protocol === 'ec2Query';
}

/** XML errors stand inside of one or two elements around them. */
function errorBody(
  protocol: ProtocolName,
  document: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  if (!isXml(protocol)) return document;
  const errors = document['Errors'];
  const first: unknown = isJsonObject(errors) ? errors['Error'] : undefined;
  const inner: unknown = Array.isArray(first) ? first[0] : (first ?? document['Error']);
  return isJsonObject(inner) ? inner : document;
}

function codesOf(
  protocol: ProtocolName,
  body: Readonly<Record<string, unknown>>,
  document: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>>,
): string[] {
  const type = text(document['__type']);
  const header = headers['x-amzn-errortype'];
  const code = text(body['Code'] ?? body['code']);
  const candidates = isXml(protocol)
    ? [code]
    : protocol === 'rpcv2Cbor' || protocol === 'rpcv2Json'
      ? [type]
      : protocol === 'restJson1'
        ? [header, code, type]
        : [type, code, header];
  return candidates.flatMap((candidate) => {
    const cleaned = candidate === undefined ? '' : cleanCode(candidate);
    return cleaned === '' ? [] : [cleaned];
  });
}

/** `aws.protocols#Foo:http://…` is `Foo`. */
function cleanCode(code: string): string {
  const [start = ''] = code.split(/[,:]/, 1);
  return start.slice(start.indexOf('#') + 1).trim();
}

/** `x-amzn-query-error: Code;Fault` of services that came from the query protocol. */
function queryError(
  { queryCompatible }: ServicePlan,
  headers: Readonly<Record<string, string>>,
): readonly [string[] | undefined, string | undefined] {
  const header = queryCompatible === true ? headers['x-amzn-query-error'] : undefined;
  if (header === undefined) return [undefined, undefined];
  const [code = '', fault] = header.split(';');
  return [[code], fault];
}

/** The modelled error of one of these codes: by its name, or by the code it has in query protocols. */
function findError(plan: OperationPlan, codes: readonly string[]): string | undefined {
  for (const code of codes) {
    const found = plan.errors.find((id) => {
      const queryError = plan.shapes[id]?.traits?.['aws.protocols#awsQueryError'];
      return shapeName(id) === code || (isJsonObject(queryError) && queryError['code'] === code);
    });
    if (found !== undefined) return found;
  }
  return undefined;
}

function messageOf(body: Readonly<Record<string, unknown>>): string | undefined {
  return text(body['message'] ?? body['Message'] ?? body['errorMessage']);
}

function requestIdOf(
  document: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>>,
): string | undefined {
  const written = document['RequestId'] ?? document['RequestID'] ?? document['requestId'];
  return (
    headers['x-amzn-requestid'] ??
    headers['x-amzn-request-id'] ??
    headers['x-amz-request-id'] ??
    text(written)
  );
}

function text(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? String(value) : undefined;
}

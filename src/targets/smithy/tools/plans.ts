// An operation of the model → its plan: the slice of the model that it needs, with the traits that matter for a call.

import { isJsonObject, type JsonObject, type JsonValue } from '../../../core/json.ts';
import type { CredentialPlacement } from '../../../core/outbound.ts';
import { closureOf, type Operation } from '../load/service.ts';
import { trait, type Member, type Model, type Shape, type Traits } from '../model.ts';
import {
  type OperationPlan,
  type ParameterSource,
  type PlanMember,
  type PlanShape,
  type ServicePlan,
} from '../plan.ts';
import { serviceKey } from '../protocols/customisations.ts';
import { isModest } from './expressions.ts';

/** What stands before the credential in `Authorization`, by trait. */
const AUTHORIZATION_SCHEMES: Readonly<Record<string, string>> = {
  'smithy.api#httpBearerAuth': 'Bearer',
  'smithy.api#httpBasicAuth': 'Basic',
};
const KEPT_TRAITS: ReadonlySet<string> = new Set([
  ...[
    'clientOptional',
    'default',
    'error',
    'hostLabel',
    'httpError',
    'httpHeader',
    'httpLabel',
    'httpPayload',
    'httpPrefixHeaders',
    'httpQuery',
    'httpQueryParams',
    'httpResponseCode',
    'idempotencyToken',
    'jsonName',
    'mediaType',
    'required',
    'sparse',
    'streaming',
    'timestampFormat',
    'xmlAttribute',
    'xmlFlattened',
    'xmlName',
    'xmlNamespace',
    'endpoint',
    'http',
    'httpChecksumRequired',
    'requestCompression',
  ].map((name) => `smithy.api#${name}`),
  'aws.protocols#ec2QueryName',
  'aws.protocols#awsQueryError',
  'aws.protocols#httpChecksum',
  'aws.customizations#s3UnwrappedXmlOutput',
]);

export interface PlannedOperation {
  readonly plan: OperationPlan;
  /** Ids of shapes that are not in the model, but that the operation needs. */
  readonly missing: readonly string[];
  /** Errors left out because something of them is missing. */
  readonly lostErrors: readonly string[];
}

/** The plan of one operation. */
export function planOperation(
  model: Model,
  service: Shape,
  servicePlan: ServicePlan,
  operation: Operation,
): PlannedOperation {
  const own = closureOf(model, [operation.input, operation.output]);
  const shapes: Record<string, PlanShape> = {};
  for (const shape of own.shapes) shapes[shape.id] = planShape(shape);
  const errors: string[] = [];
  const lostErrors: string[] = [];
  for (const id of operation.errors) {
    const closure = closureOf(model, [id]);
    if (closure.missing.length > 0 || model.shapes.get(id)?.type !== 'structure') {
      lostErrors.push(id);
      continue;
    }
    errors.push(id);
    for (const shape of closure.shapes) shapes[shape.id] ??= planShape(shape);
  }
  delete shapes['smithy.api#Unit'];
  const security = securityOf(service, operation);
  const endpointParameters = parametersOf(model, servicePlan, operation);
  const plan: OperationPlan = {
    operation: operation.shape.id,
    input: operation.input,
    output: operation.output,
    errors,
    ...keepTraits(operation.shape.traits),
    shapes,
    ...(Object.keys(endpointParameters).length === 0 ? {} : { endpointParameters }),
    ...(security === undefined ? {} : { security }),
  };
  return { plan: bucketInHost(servicePlan, plan), missing: own.missing, lostErrors };
}

function planShape(shape: Shape): PlanShape {
  const type = shape.type as PlanShape['type'];
  // The values of an enumeration are the schema's matter.
  const members = type === 'enum' || type === 'intEnum' ? [] : [...shape.members].map(planMember);
  return {
    type,
    ...keepTraits(shape.traits),
    ...(members.length === 0 && type !== 'structure' && type !== 'union' ? {} : { members }),
  };
}

function planMember([name, { target, traits }]: [string, Member]): PlanMember {
  return { name, target, ...keepTraits(traits) };
}

function keepTraits(traits: Traits): { readonly traits?: Traits } {
  const kept = Object.entries(traits).filter(([id]) => KEPT_TRAITS.has(id));
  return kept.length === 0 ? {} : { traits: Object.fromEntries(kept) };
}

/**
 * S3's model has the bucket in the path, and its endpoint rules have it in the host or the base path: it must be in one
 * place only, as in the SDKs.
 */
function bucketInHost(service: ServicePlan, plan: OperationPlan): OperationPlan {
  const http = trait(plan.traits ?? {}, 'http');
  const uri = isJsonObject(http) ? http['uri'] : undefined;
  if (serviceKey(service) !== 's3' || typeof uri !== 'string' || !isJsonObject(http)) return plan;
  const match = /^\/\{Bucket\}(?=$|[/?])/.exec(uri);
  if (match === null) return plan;
  const rest = uri.slice(match[0].length);
  // The member stays bound to a label: one that the path does not have is written nowhere.
  return {
    ...plan,
    traits: { ...plan.traits, 'smithy.api#http': { ...http, uri: rest.startsWith('/') ? rest : `/${rest}` } },
    endpointParameters: { Bucket: { member: 'Bucket' }, ...plan.endpointParameters },
  };
}

function parametersOf(
  model: Model,
  service: ServicePlan,
  operation: Operation,
): Record<string, ParameterSource> {
  const sources: Record<string, ParameterSource> = {};
  const named = operation.shape.traits['smithy.rules#operationContextParams'];
  for (const [name, value] of entries(named))
    if (typeof value['path'] === 'string' && isModest(value['path'])) sources[name] = { path: value['path'] };
  for (const [member, { traits }] of model.shapes.get(operation.input)?.members ?? []) {
    const parameter = traits['smithy.rules#contextParam'];
    const name = isJsonObject(parameter) ? parameter['name'] : undefined;
    if (typeof name === 'string') sources[name] = { member };
  }
  const fixed = operation.shape.traits['smithy.rules#staticContextParams'];
  for (const [name, value] of entries(fixed))
    if (value['value'] !== undefined) sources[name] = { value: value['value'] };
  return service.ruleSet === undefined && serviceKey(service) !== 's3' ? {} : sources;
}

function entries(value: JsonValue | undefined): [string, JsonObject][] {
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([name, entry]) =>
    isJsonObject(entry) ? [[name, entry] as [string, JsonObject]] : [],
  );
}

/** Where the model puts a credential for this operation (Smithy, "Authentication traits"). */
function securityOf(service: Shape, operation: Operation): CredentialPlacement | 'none' | undefined {
  const listed = trait(operation.shape.traits, 'auth') ?? trait(service.traits, 'auth');
  if (Array.isArray(listed) && listed.length === 0) return 'none';
  const wanted = Array.isArray(listed) ? (listed as readonly JsonValue[]) : Object.keys(service.traits);
  for (const id of wanted) {
    const prefix = typeof id === 'string' ? AUTHORIZATION_SCHEMES[id] : undefined;
    if (prefix !== undefined) return { in: 'header', name: 'Authorization', prefix };
    const apiKey = id === 'smithy.api#httpApiKeyAuth' ? service.traits[id] : undefined;
    if (!isJsonObject(apiKey)) continue;
    const name = textOf(apiKey['name']);
    const scheme = textOf(apiKey['scheme']);
    if (name !== undefined)
      return {
        in: apiKey['in'] === 'query' ? 'query' : 'header',
        name,
        ...(scheme === undefined ? {} : { prefix: scheme }),
      };
  }
  return undefined;
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

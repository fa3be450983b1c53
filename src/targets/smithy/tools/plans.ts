// Model → plans: the slice of the model that one operation needs, with the traits that matter for a call, and what all
// operations of the service have in common.

import { GatewayError } from '../../../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../core/json.ts';
import type { CredentialPlacement } from '../../../core/outbound.ts';
import { readDecisions } from '../endpoints/decisions.ts';
import { closureOf, type Operation } from '../load/service.ts';
import { trait, type Member, type Model, type Shape, type Traits } from '../model.ts';
import {
  PROTOCOLS,
  type EndpointSettings,
  type OperationPlan,
  type ParameterSource,
  type PlanMember,
  type PlanShape,
  type ProtocolName,
  type ServicePlan,
} from '../plan.ts';
import { serviceKey } from '../protocols/customisations.ts';

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

/** The protocols of a service that can be spoken, the best first. */
function protocolsOf(service: Shape): ProtocolName[] {
  return Object.entries(PROTOCOLS).flatMap(([id, name]) => (service.traits[id] === undefined ? [] : [name]));
}

/**
 * The protocol to speak.
 * @param wanted of the target's settings
 * @throws GatewayError Validation when there is none
 */
export function chooseProtocol(service: Shape, wanted: string | undefined): ProtocolName {
  const spoken = protocolsOf(service);
  const [first] = spoken;
  const chosen = wanted === undefined ? first : spoken.find((name) => name === wanted);
  if (chosen !== undefined) return chosen;
  const known = Object.values(PROTOCOLS).join(', ');
  if (wanted !== undefined)
    throw new GatewayError(
      'Validation',
      `${service.id} does not speak ${wanted} (gatewright:protocol); its model names ${spoken.join(', ') || 'no protocol that can be spoken here'}.`,
    );
  const others = Object.keys(service.traits).filter((id) => /protocols?#/.test(id));
  throw new GatewayError(
    'Validation',
    `${service.id} names ${others.length === 0 ? 'no protocol' : `the protocol ${others.join(', ')}, which is not known here`}. Known are: ${known}.`,
  );
}

/** What the plans of a service have in common. */
export function planService(service: Shape, protocol: ProtocolName, endpoint: EndpointSettings): ServicePlan {
  const aws = service.traits['aws.api#service'];
  const sigv4 = service.traits['aws.auth#sigv4'];
  const sdkId = isJsonObject(aws) ? textOf(aws['sdkId']) : undefined;
  const signingName = isJsonObject(sigv4) ? textOf(sigv4['name']) : undefined;
  const endpointPrefix =
    (isJsonObject(aws) ? textOf(aws['endpointPrefix']) : undefined) ??
    (sdkId === undefined || !isAwsModel(service)
      ? undefined
      : (signingName ?? textOf(isJsonObject(aws) ? aws['arnNamespace'] : undefined)));
  const { rules: ruleSet } = endpointRulesOf(service);
  const xmlNamespace = trait(service.traits, 'xmlNamespace');
  const restXml = service.traits['aws.protocols#restXml'];
  return {
    id: service.id,
    protocol,
    version: textOf(service.properties['version']) ?? '',
    ...(sdkId === undefined ? {} : { sdkId }),
    ...(endpointPrefix === undefined ? {} : { endpointPrefix }),
    ...(signingName === undefined ? {} : { signingName }),
    ...(isJsonObject(xmlNamespace) ? { xmlNamespace } : {}),
    ...(service.traits['aws.protocols#awsQueryCompatible'] === undefined ? {} : { queryCompatible: true }),
    ...(isJsonObject(restXml) && restXml['noErrorWrapping'] === true ? { noErrorWrapping: true } : {}),
    ...(ruleSet === undefined ? {} : { ruleSet }),
    endpoint,
  };
}

/** The endpoint rules of a service, in either notation; or what is wrong with them. */
export function endpointRulesOf(service: Shape): { readonly rules?: JsonObject; readonly fault?: string } {
  const ruleSet = service.traits['smithy.rules#endpointRuleSet'];
  if (isJsonObject(ruleSet)) return { rules: ruleSet };
  const decisions = service.traits['smithy.rules#endpointBdd'];
  if (!isJsonObject(decisions)) return {};
  try {
    readDecisions(decisions);
    return { rules: decisions };
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    return { fault: `its trait endpointBdd cannot be used: ${reason}` };
  }
}

/** Whether AWS's naming of hosts can be taken for granted. */
function isAwsModel(service: Shape): boolean {
  return service.id.startsWith('com.amazonaws.');
}

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
    if (typeof value['path'] === 'string' && value['path'].length <= 2_000)
      sources[name] = { path: value['path'] };
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
    if (id === 'smithy.api#httpBearerAuth') return { in: 'header', name: 'Authorization', prefix: 'Bearer' };
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

// Where a call of a service goes, and what it is signed for: the model's endpoint rule set, evaluated by the official
// package, or the address that the operator set. Only hosts of AWS's own come out of rule sets; for any other service
// the operator names the address, and the egress rules decide whether it may be reached.

import { resolveEndpoint } from '@smithy/core/endpoints';
import jmespath from 'jmespath';
import { LRUCache } from 'lru-cache';
import { GatewayError } from '../../../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../core/json.ts';
import type { Signing } from '../../../core/outbound.ts';
import type { OperationPlan, ServicePlan } from '../plan.ts';
import { serviceKey } from '../protocols/customisations.ts';
import type { RuntimeInput } from '../runtime/input.ts';
import { conventionalAddress, ownStoreAddress } from './conventional.ts';
import { decide, readDecisions } from './decisions.ts';
import { enableAwsFunctions, isAwsHost } from './partitions.ts';

/** Where one call goes. */
export interface ResolvedEndpoint {
  /** Origin and base path; no query. */
  readonly url: URL;
  /** Headers that the rules add. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signing?: Signing;
}

/** What the installation says of AWS. */
export interface AwsSurroundings {
  readonly region: string;
  /** The operator's own endpoint for the service, as the AWS SDKs' variables name it. */
  readonly endpoint?: URL;
}

export type ResolveEndpoint = (plan: OperationPlan, input: RuntimeInput) => ResolvedEndpoint;

type Parameters = Record<string, JsonValue | undefined>;
const KEPT = 500;
/** Names of objects can be as long as a request: what is longer than this is worked out each time. */
const LONGEST_KEPT = 1_024;

/** Prepares the endpoints of a service. */
export function createEndpoints(service: ServicePlan, aws: AwsSurroundings): ResolveEndpoint {
  const custom = customEndpoint(service, aws);
  const region = service.endpoint.region ?? aws.region;
  const evaluate = prepareRules(service.ruleSet);
  const resolved = new LRUCache<string, ResolvedEndpoint>({ max: KEPT });
  enableAwsFunctions();

  return (plan, input) => {
    const parameters = collectParameters(service, plan, input, region, custom);
    const key = JSON.stringify(parameters);
    const known = resolved.get(key);
    if (known !== undefined) return known;
    const found = resolve(service, evaluate, parameters, region, custom);
    if (key.length <= LONGEST_KEPT) resolved.set(key, found);
    return found;
  };
}

function customEndpoint(service: ServicePlan, aws: AwsSurroundings): URL | undefined {
  return service.endpoint.url === undefined ? aws.endpoint : new URL(service.endpoint.url);
}

/** The rule set's parameters, from the operation, its input, the settings and what is usual, in this order. */
function collectParameters(
  service: ServicePlan,
  plan: OperationPlan,
  input: RuntimeInput,
  region: string,
  custom: URL | undefined,
): Parameters {
  const settings = service.endpoint.parameters ?? {};
  const declared = service.ruleSet?.['parameters'];
  const parameters: Parameters = {};
  for (const [name, definition] of Object.entries(isJsonObject(declared) ? declared : {})) {
    const builtIn = isJsonObject(definition) ? definition['builtIn'] : undefined;
    const usual = typeof builtIn === 'string' ? builtInValue(builtIn, region, custom) : undefined;
    const value = settings[name] ?? usual;
    if (value !== undefined) parameters[name] = value;
  }
  if (declared === undefined) Object.assign(parameters, settings);
  for (const [name, source] of Object.entries(plan.endpointParameters ?? {})) {
    const value = valueOf(source, input);
    // What the caller did not give leaves the client's own value; an operation's fixed value always counts.
    if (value !== undefined && value !== null) parameters[name] = value;
  }
  return parameters;
}

function valueOf(
  source: NonNullable<OperationPlan['endpointParameters']>[string],
  input: RuntimeInput,
): JsonValue | undefined {
  if ('value' in source) return source.value;
  const found: unknown = 'member' in source ? input[source.member] : jmespath.search(input, source.path);
  return typeof found === 'string' || typeof found === 'boolean' || Array.isArray(found)
    ? (found as JsonValue)
    : undefined;
}

function builtInValue(builtIn: string, region: string, custom: URL | undefined): JsonValue | undefined {
  switch (builtIn) {
    case 'AWS::Region':
      return region === '' ? undefined : region;
    case 'SDK::Endpoint':
      return custom === undefined ? undefined : custom.href.replace(/\/$/, '');
    // Stores that are not AWS's rarely have a host name for each bucket.
    case 'AWS::S3::ForcePathStyle':
      return custom !== undefined && !isAwsHost(custom.hostname);
    // Signed as every other request, instead of with keys that a session hands out.
    case 'AWS::S3::DisableS3ExpressSessionAuth':
      return true;
    case 'AWS::Auth::AccountIdEndpointMode':
      return 'preferred';
    default:
      return undefined;
  }
}

function resolve(
  service: ServicePlan,
  evaluate: Evaluate,
  parameters: Parameters,
  region: string,
  custom: URL | undefined,
): ResolvedEndpoint {
  const signing: Signing | undefined =
    service.signingName === undefined ? undefined : { service: service.signingName, region };
  if (service.ruleSet !== undefined && (custom === undefined || takesEndpoint(service.ruleSet)))
    return checked(evaluate(parameters), service, signing, custom, region);
  const url =
    custom !== undefined && serviceKey(service) === 's3'
      ? ownStoreAddress(custom, parameters)
      : (custom ?? conventionalAddress(service, parameters, region));
  if (url === undefined)
    throw new GatewayError(
      'Validation',
      'The model does not say where the service is. Set the tag gatewright:server-url of the target to its base URL.',
    );
  return { url, headers: {}, ...(signing === undefined ? {} : { signing }) };
}

function takesEndpoint(ruleSet: JsonObject): boolean {
  const { parameters } = ruleSet;
  return (
    isJsonObject(parameters) &&
    Object.values(parameters).some((each) => isJsonObject(each) && each['builtIn'] === 'SDK::Endpoint')
  );
}

interface Evaluated {
  readonly url: URL;
  readonly headers?: Readonly<Record<string, readonly string[]>>;
  readonly properties?: JsonObject;
}

type Evaluate = (parameters: Parameters) => Evaluated;

/** Prepares the evaluation of endpoint rules in either notation. */
function prepareRules(ruleSet: JsonObject | undefined): Evaluate {
  const diagram = typeof ruleSet?.['nodes'] === 'string' ? readDecisions(ruleSet) : undefined;
  return (parameters) => {
    try {
      if (diagram !== undefined && ruleSet !== undefined)
        return decide(diagram, ruleSet, parameters) as Evaluated;
      return resolveEndpoint(ruleSet as unknown as RuleSet, {
        endpointParams: { ...parameters } as EndpointParameters,
      });
    } catch (thrown) {
      // The rules' own words: most often a parameter of the caller's is at fault.
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      throw new GatewayError('Validation', `There is no endpoint for this call: ${message}`, {
        cause: thrown,
      });
    }
  };
}

type RuleSet = globalThis.Parameters<typeof resolveEndpoint>[0];
type EndpointParameters = globalThis.Parameters<typeof resolveEndpoint>[1]['endpointParams'];

function checked(
  found: Evaluated,
  service: ServicePlan,
  usual: Signing | undefined,
  custom: URL | undefined,
  region: string,
): ResolvedEndpoint {
  const { url } = found;
  const isOwn =
    custom !== undefined && (url.host === custom.host || url.hostname.endsWith(`.${custom.hostname}`));
  // DynamoDB's rules know a region of that name, for its version on one's own machine.
  const isLocal = region === 'local' && url.hostname === 'localhost';
  if (!isOwn && !isLocal && (url.protocol !== 'https:' || !isAwsHost(url.hostname)))
    throw new GatewayError(
      'Validation',
      `The endpoint rules of ${serviceKey(service) || service.id} lead to ${url.host}, which is no host of AWS. ` +
        'Set the tag gatewright:server-url of the target to the base URL of the service.',
    );
  const headers = Object.fromEntries(
    Object.entries(found.headers ?? {}).map(([name, values]) => [name.toLowerCase(), values.join(', ')]),
  );
  const signing = signingOf(found.properties, usual);
  return { url, headers, ...(signing === undefined ? {} : { signing }) };
}

/** The first way to sign that the rules name and that is known here. */
function signingOf(properties: JsonObject | undefined, usual: Signing | undefined): Signing | undefined {
  const schemes = properties?.['authSchemes'];
  if (!Array.isArray(schemes) || schemes.length === 0) return usual;
  for (const scheme of schemes as readonly JsonValue[]) {
    if (!isJsonObject(scheme)) continue;
    const name = String(scheme['name']);
    // A token or a key is the target's credential's matter.
    if (!name.startsWith('sigv4')) return usual;
    if (name !== 'sigv4') continue;
    const service = scheme['signingName'];
    const region = scheme['signingRegion'];
    return {
      service: typeof service === 'string' ? service : (usual?.service ?? ''),
      ...(typeof region === 'string'
        ? { region }
        : usual?.region === undefined
          ? {}
          : { region: usual.region }),
      ...(scheme['disableDoubleEncoding'] === true ? { isPathEncodedOnce: true } : {}),
    };
  }
  throw new GatewayError(
    'Validation',
    'This call would have to be signed in a way that is not available (SigV4A for several regions, sessions of S3 Express).',
  );
}

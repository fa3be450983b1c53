// The service of a model → what the plans of its operations have in common: protocol, names, endpoint rules.

import { GatewayError } from '../../../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../core/json.ts';
import { readDecisions } from '../endpoints/decisions.ts';
import { trait, type Shape } from '../model.ts';
import { PROTOCOLS, type EndpointSettings, type ProtocolName, type ServicePlan } from '../plan.ts';

/** Characters of JSON; the largest of AWS's has a tenth of it. */
const MAX_RULES = 1_000_000;

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
  return {
    id: service.id,
    protocol,
    version: textOf(service.properties['version']) ?? '',
    ...(sdkId === undefined ? {} : { sdkId }),
    ...(endpointPrefix === undefined ? {} : { endpointPrefix }),
    ...(signingName === undefined ? {} : { signingName }),
    ...(isJsonObject(xmlNamespace) ? { xmlNamespace } : {}),
    ...(service.traits['aws.protocols#awsQueryCompatible'] === undefined ? {} : { queryCompatible: true }),
    ...(ruleSet === undefined ? {} : { ruleSet }),
    endpoint,
  };
}

/** The endpoint rules of a service, in either notation; or what is wrong with them. */
export function endpointRulesOf(service: Shape): { readonly rules?: JsonObject; readonly fault?: string } {
  const ruleSet = service.traits['smithy.rules#endpointRuleSet'];
  if (isJsonObject(ruleSet))
    return JSON.stringify(ruleSet).length <= MAX_RULES
      ? { rules: ruleSet }
      : { fault: 'its trait endpointRuleSet is too large to be evaluated at each call' };
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

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

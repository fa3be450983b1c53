// What the import report says of a model as a whole: what would keep its tools from being called, and what of it has no
// effect.

import { isJsonObject } from '../../../core/json.ts';
import type { Model, Shape } from '../model.ts';
import type { ServicePlan } from '../plan.ts';

/** Remarks on a model whose service has so many operations. */
export function remarksOn(
  model: Model,
  service: Shape,
  servicePlan: ServicePlan,
  operations: number,
): string[] {
  const warnings: string[] = [];
  if (operations === 0) warnings.push(`${service.id} has no operations, so there are no tools.`);
  const { endpoint, ruleSet, endpointPrefix } = servicePlan;
  if (endpoint.url === undefined && ruleSet === undefined && endpointPrefix === undefined)
    warnings.push(
      'The model does not say where the service is: set the tag gatewright:server-url of the target to its base URL, or no call can be made.',
    );
  const declared = ruleSet?.['parameters'];
  const unused = Object.keys(endpoint.parameters ?? {}).filter(
    (name) => isJsonObject(declared) && !Object.hasOwn(declared, name),
  );
  if (unused.length > 0)
    warnings.push(
      `The model's endpoint rules have no parameter ${unused.join(', ')} (gatewright:endpoint-params).`,
    );
  const unknown = unknownTraits(model);
  if (unknown.length > 0)
    warnings.push(
      `Traits that are not known and have no effect: ${unknown.slice(0, 20).join(', ')}${unknown.length > 20 ? ', …' : ''}.`,
    );
  return warnings;
}

/** Traits that neither Smithy nor AWS has, and that the model does not define. */
function unknownTraits(model: Model): string[] {
  const unknown = new Set<string>();
  const look = (traits: Shape['traits']): void => {
    for (const id of Object.keys(traits))
      if (!/^(smithy|aws)\./.test(id) && !model.shapes.has(id)) unknown.add(id);
  };
  for (const { traits, members } of model.shapes.values()) {
    look(traits);
    for (const member of members.values()) look(member.traits);
  }
  return [...unknown].sort();
}

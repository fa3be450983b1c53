// Whether an operation can be called at all: its HTTP bindings fit together, and nothing of it streams events. Gives
// reasons for the import report instead of throwing.

import { isJsonObject } from '../../../core/json.ts';
import { effectiveTrait, type Operation } from '../load/service.ts';
import { textTrait, trait, type Member, type Model } from '../model.ts';
import type { ProtocolName } from '../plan.ts';

const REST: ReadonlySet<ProtocolName> = new Set(['restJson1', 'restXml']);
const BINDINGS = [
  'httpLabel',
  'httpHeader',
  'httpPrefixHeaders',
  'httpQuery',
  'httpQueryParams',
  'httpPayload',
];
const METHOD = /^[A-Z][A-Z-]{0,19}$/;

/** Why the operation cannot be a tool; none when it can. */
export function reasonsAgainst(model: Model, operation: Operation, protocol: ProtocolName): string[] {
  const reasons: string[] = [];
  for (const [side, id] of [
    ['input', operation.input],
    ['output', operation.output],
  ] as const) {
    const shape = model.shapes.get(id);
    if (shape === undefined) {
      reasons.push(`its ${side} ${id} is not in the model`);
      continue;
    }
    if (shape.type !== 'structure') {
      reasons.push(`its ${side} ${id} is of type ${shape.type}, not a structure`);
      continue;
    }
    for (const [name, member] of shape.members)
      if (isEventStream(model, member))
        reasons.push(`its ${side} ${name} is a stream of events, which a tool call cannot carry`);
  }
  if (reasons.length === 0 && REST.has(protocol)) reasons.push(...bindingFaults(model, operation));
  return reasons;
}

function isEventStream(model: Model, member: Member): boolean {
  return (
    model.shapes.get(member.target)?.type === 'union' &&
    effectiveTrait(model, member, 'streaming') !== undefined
  );
}

function bindingFaults(model: Model, operation: Operation): string[] {
  const http = trait(operation.shape.traits, 'http');
  const method = isJsonObject(http) ? http['method'] : undefined;
  const uri = isJsonObject(http) ? http['uri'] : undefined;
  if (typeof method !== 'string' || typeof uri !== 'string')
    return ['it has no http trait with method and uri'];
  if (!METHOD.test(method)) return [`its HTTP method ${method} is none`];
  if (!uri.startsWith('/')) return [`its uri ${uri} does not begin with a slash`];
  const faults: string[] = [];
  const members = model.shapes.get(operation.input)?.members ?? new Map<string, Member>();
  const labels = new Set<string>();
  for (const [, label = ''] of uri.matchAll(/\{([^{}+]*)\+?\}/g)) {
    if (labels.has(label)) faults.push(`its uri has the label ${label} twice`);
    labels.add(label);
    const member = members.get(label);
    if (member === undefined || trait(member.traits, 'httpLabel') === undefined)
      faults.push(`no member of its input is bound to the label ${label} of its uri`);
  }
  faults.push(...memberFaults(model, members, labels));
  return faults;
}

function memberFaults(
  model: Model,
  members: ReadonlyMap<string, Member>,
  labels: ReadonlySet<string>,
): string[] {
  const faults: string[] = [];
  const taken = new Map<string, string>();
  const payloads: string[] = [];
  for (const [name, { target, traits }] of members) {
    const bound = BINDINGS.filter((binding) => trait(traits, binding) !== undefined);
    if (bound.length > 1) faults.push(`its input ${name} has conflicting bindings: ${bound.join(' and ')}`);
    if (trait(traits, 'httpLabel') !== undefined) {
      if (!labels.has(name)) faults.push(`its input ${name} is bound to a label that its uri does not have`);
      const type = model.shapes.get(target)?.type;
      if (type === 'structure' || type === 'union' || type === 'list' || type === 'map')
        faults.push(`its input ${name} is of type ${type} and cannot be a label`);
    }
    for (const binding of ['httpHeader', 'httpQuery']) {
      const field = textTrait(traits, binding);
      if (field === undefined) continue;
      const key = `${binding} ${binding === 'httpHeader' ? field.toLowerCase() : field}`;
      const other = taken.get(key);
      if (other !== undefined)
        faults.push(`its inputs ${other} and ${name} have conflicting bindings: both ${key}`);
      taken.set(key, name);
    }
    if (trait(traits, 'httpPayload') !== undefined) payloads.push(name);
  }
  if (payloads.length > 1)
    faults.push(`its inputs ${payloads.join(' and ')} have conflicting bindings: both are the payload`);
  const unbound = [...members].filter(([, { traits }]) =>
    BINDINGS.every((binding) => trait(traits, binding) === undefined),
  );
  if (payloads.length > 0 && unbound.length > 0)
    faults.push(
      `its input ${payloads[0]} is the whole payload, but ${unbound.map(([name]) => name).join(', ')} would be in it, too`,
    );
  return faults;
}

// The service of a model: its operations (its own, and those of its resources), each with input, output and errors.
// Knows the model, nothing of protocols and tools.

import { GatewayError } from '../../../core/errors.ts';
import { isJsonObject } from '../../../core/json.ts';
import { trait, shapeName, type Model, type ModelFault, type Shape } from '../model.ts';
import { readIds } from './ast.ts';
import { UNIT } from './prelude.ts';

/** An operation as it stands in its service. */
export interface Operation {
  readonly shape: Shape;
  /** Ids; `smithy.api#Unit` where there is none. */
  readonly input: string;
  readonly output: string;
  /** Its own and the service's. */
  readonly errors: readonly string[];
  /** Roles that resources give it: `create`, `read`, … */
  readonly lifecycle?: string;
  /** Ids of the resources around it, outermost first; their traits count for it. */
  readonly resources: readonly Shape[];
}

const LIFECYCLES = ['create', 'put', 'read', 'update', 'delete', 'list'];

/**
 * The service that the target is made of.
 * @param wanted its id or name, where the model has several
 * @throws GatewayError Validation when there is none, or the choice is open
 */
export function findService(model: Model, wanted: string | undefined): Shape {
  const services = [...model.shapes.values()].filter((shape) => shape.type === 'service');
  if (wanted !== undefined) {
    const named = services.filter(({ id }) => id === wanted || shapeName(id) === wanted);
    if (named.length === 1 && named[0] !== undefined) return named[0];
    throw new GatewayError(
      'Validation',
      `The model has no service ${wanted} (gatewright:service). ${listed(services)}`,
    );
  }
  const [only, ...others] = services;
  if (only === undefined)
    throw new GatewayError('Validation', 'The model defines no service, so there are no operations to call.');
  if (others.length > 0)
    throw new GatewayError(
      'Validation',
      `The model defines several services. Name one in the target's tag gatewright:service. ${listed(services)}`,
    );
  return only;
}

function listed(services: readonly Shape[]): string {
  const ids = services.map(({ id }) => id).slice(0, 20);
  return ids.length === 0 ? 'It has no services.' : `It has: ${ids.join(', ')}.`;
}

/** All operations of a service in the order of the model; what is missing or wrong goes to `faults`. */
export function operationsOf(model: Model, service: Shape, faults: ModelFault[]): Operation[] {
  const found = new Map<string, Operation>();
  const visited = new Set<string>();
  const serviceErrors = readIds(service.properties['errors']);

  const add = (id: string, holder: Shape, resources: readonly Shape[], lifecycle?: string): void => {
    if (found.has(id)) return;
    const shape = model.shapes.get(id);
    if (shape?.type !== 'operation') {
      const what = shape === undefined ? 'is not in the model' : `is of type ${shape.type}`;
      faults.push({ shape: id, reason: `${holder.id} has it among its operations, but it ${what}` });
      return;
    }
    found.set(id, {
      shape,
      input: targetOf(shape, 'input'),
      output: targetOf(shape, 'output'),
      errors: [...new Set([...readIds(shape.properties['errors']), ...serviceErrors])],
      resources,
      ...(lifecycle === undefined ? {} : { lifecycle }),
    });
  };

  const addResource = (id: string, holder: Shape, around: readonly Shape[]): void => {
    if (visited.has(id)) return;
    visited.add(id);
    const shape = model.shapes.get(id);
    if (shape?.type !== 'resource') {
      faults.push({
        shape: id,
        reason: `${holder.id} has it among its resources, but it is none of the model's`,
      });
      return;
    }
    const resources = [...around, shape];
    for (const role of LIFECYCLES) {
      const operation = targetOf(shape, role);
      if (operation !== UNIT) add(operation, shape, resources, role);
    }
    addAll(shape, resources);
  };

  const addAll = (holder: Shape, resources: readonly Shape[]): void => {
    for (const list of ['operations', 'collectionOperations'])
      for (const id of readIds(holder.properties[list])) add(id, holder, resources);
    for (const id of readIds(holder.properties['resources'])) addResource(id, holder, resources);
  };

  addAll(service, []);
  return [...found.values()];
}

function targetOf(shape: Shape, member: string): string {
  const value = shape.properties[member];
  const target = isJsonObject(value) ? value['target'] : value;
  return typeof target === 'string' ? target : UNIT;
}

/** The name under which the service knows a shape (its `rename` map). */
export function nameInService(service: Shape, id: string): string {
  const renamed = service.properties['rename'];
  const name = isJsonObject(renamed) ? renamed[id] : undefined;
  return typeof name === 'string' ? name : shapeName(id);
}

/** The closure of some shapes: all they hold, by id, and what is missing of it. */
export interface Closure {
  readonly shapes: readonly Shape[];
  readonly missing: readonly string[];
}

/** Everything reachable through members from some shapes. */
export function closureOf(model: Model, roots: readonly string[]): Closure {
  const seen = new Set<string>(roots);
  const shapes: Shape[] = [];
  const missing: string[] = [];
  // A Set is walked to its growing end.
  for (const id of seen) {
    const shape = model.shapes.get(id);
    if (
      shape === undefined ||
      shape.type === 'service' ||
      shape.type === 'operation' ||
      shape.type === 'resource'
    ) {
      missing.push(id);
      continue;
    }
    shapes.push(shape);
    if (shape.type === 'enum' || shape.type === 'intEnum') continue;
    for (const { target } of shape.members.values()) seen.add(target);
  }
  return { shapes, missing };
}

/** Whether a member or its target carries a trait; the member's own value wins. */
export function effectiveTrait(
  model: Pick<Model, 'shapes'>,
  member: { readonly target: string; readonly traits: Shape['traits'] },
  name: string,
): ReturnType<typeof trait> {
  return trait(member.traits, name) ?? trait(model.shapes.get(member.target)?.traits ?? {}, name);
}

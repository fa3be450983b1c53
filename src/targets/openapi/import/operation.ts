// Makes one operation into one tool: its arguments, its schemas, and the plan by which it is called. Everything
// about the document as a whole is handed in.

import { GatewayError } from '../../../core/errors.ts';
import type { JsonObject, JsonValue } from '../../../core/json.ts';
import type { CredentialPlacement } from '../../../core/outbound.ts';
import type { CatalogueEntry, ToolAnnotations } from '../../../core/tool.ts';
import type { BodyPlan, OperationPlan, ParameterPlan } from '../plan.ts';
import { nameArguments, type Claim } from './arguments.ts';
import { assembleSchema, type Assembled } from './assemble.ts';
import { readBody, type ReadBody } from './body.ts';
import type { Definitions } from './definitions.ts';
import { describe, titleOf } from './description.ts';
import {
  declaredPathNames,
  readParameters,
  type ParametersReading,
  type ReadParameter,
} from './parameters.ts';
import { readPath } from './path.ts';
import { emptyObject, member, type Schema } from './raw.ts';
import type { References } from './references.ts';
import { readResponse } from './response.ts';
import { placeFilled, readSecurity } from './security.ts';
import type { Servers } from './servers.ts';

/** One operation as the document has it. */
export interface OperationSource {
  /** Upper case. */
  readonly method: string;
  readonly path: string;
  readonly pathItem: unknown;
  readonly operation: unknown;
}

/** The document around its operations. */
export interface DocumentContext {
  readonly root: unknown;
  readonly references: References;
  readonly servers: Servers;
  readonly credential: CredentialPlacement | 'by-document' | undefined;
  readonly requests: Definitions;
  readonly responses: Definitions;
}

const INPUT_BUDGET = { soft: 32 * 1024, hard: 64 * 1024 };
const OUTPUT_BUDGET = { soft: 8 * 1024, hard: 64 * 1024 };
const SHORTENED = 'schema shortened: parts of it were left open';

/**
 * Builds the tool. What is not word for word as in the document goes to `notes`.
 * @throws GatewayError Validation when the operation cannot be a tool.
 */
export function buildTool(
  name: string,
  source: OperationSource,
  document: DocumentContext,
  notes: Set<string>,
): CatalogueEntry {
  const { method, operation, pathItem } = source;
  const { root, references, requests, responses } = document;
  requests.noteTo(notes);
  // What is odd about answers changes nothing about calling the tool, and output schemas are loose anyway.
  responses.noteTo(new Set());
  const context = requests.context;
  const path = readPath(source.path, declaredPathNames(pathItem, operation, context));
  if (path.template.length > 8000) throw new GatewayError('Validation', 'its path is too long');
  const security = readSecurity(root, operation, references);
  const read = readParameters(pathItem, operation, context, {
    path,
    filled: placeFilled(document.credential, security),
  });
  const body = readBody(root, operation, read, context);
  if (body !== undefined && /^(GET|HEAD|DELETE|OPTIONS)$/.test(method))
    notes.add(`it has a body although it is ${method}`);

  const input = makeInput(read, body, source, document, notes);
  const response = readResponse(root, operation, responses.context);
  const output =
    response.output === undefined
      ? undefined
      : assembleSchema(response.output.schema, responses, OUTPUT_BUDGET, new Set());
  const title = titleOf(operation);
  const definition = {
    ...(title === undefined ? {} : { title }),
    description: describe(operation, method, source.path),
    inputSchema: input.schema,
    ...(output === undefined ? {} : { outputSchema: output.schema }),
    annotations: annotationsFor(method, title),
  };
  const plan: OperationPlan = {
    method,
    server: document.servers.forOperation(operation, pathItem),
    path: path.template,
    ...(path.query.length === 0 ? {} : { query: path.query }),
    parameters: input.parameters,
    ...(input.body === undefined ? {} : { body: input.body }),
    accept: read.accept ?? response.accept,
    ...(security === undefined ? {} : { security }),
    ...(output === undefined || response.output === undefined
      ? {}
      : { structured: response.output.structured }),
  };
  return { name, definition: JSON.stringify(definition), plan: JSON.stringify(plan) };
}

interface Input {
  readonly schema: JsonObject;
  readonly parameters: readonly ParameterPlan[];
  readonly body?: BodyPlan;
}

/** The input schema; when it cannot be made small enough, once more with the body left open in one piece. */
function makeInput(
  read: ParametersReading,
  body: ReadBody | undefined,
  source: OperationSource,
  document: DocumentContext,
  notes: Set<string>,
): Input {
  const first = layOut(read.parameters, body, notes);
  const assembled = assembleSchema(first.root, document.requests, INPUT_BUDGET, notes);
  if (assembled !== undefined) return finish(first, assembled, notes);
  const open = readBody(document.root, source.operation, read, document.requests.context, true);
  const second = layOut(read.parameters, open, notes);
  const again = assembleSchema(second.root, document.requests, INPUT_BUDGET, notes);
  if (again === undefined) throw new GatewayError('Validation', 'its parameters are too large for a tool');
  return finish(second, { ...again, shortened: true }, notes);
}

interface Layout {
  readonly root: JsonObject;
  readonly parameters: readonly ParameterPlan[];
  readonly body?: BodyPlan;
}

function finish(layout: Layout, assembled: Assembled, notes: Set<string>): Input {
  if (assembled.shortened) notes.add(SHORTENED);
  const { root: _, ...rest } = layout;
  return { ...rest, schema: assembled.schema };
}

function layOut(
  parameters: readonly ReadParameter[],
  body: ReadBody | undefined,
  notes: Set<string>,
): Layout {
  const members =
    body === undefined ? [] : body.properties === undefined ? ['body'] : [...body.properties.keys()];
  const claims: Claim[] = [
    ...parameters.map((parameter) => ({ in: parameter.in, name: parameter.name })),
    ...members.map((name) => ({ in: 'body' as const, name })),
  ];
  const names = nameArguments(claims);
  claims.forEach((claim, index) => {
    if (names[index] !== claim.name)
      notes.add(`argument ${names[index]} stands for ${claim.in} ${show(claim)}`);
  });
  const properties = emptyObject();
  const required: string[] = [];
  const plans = parameters.map((parameter, index): ParameterPlan => {
    const argument = names[index] as string;
    const { schema, ...plan } = parameter;
    properties[argument] = schema;
    if (plan.required === true) required.push(argument);
    return { argument, ...plan };
  });
  const bodyNames = names.slice(parameters.length);
  const bodyPlan = body === undefined ? undefined : placeBody(body, members, bodyNames, properties, required);
  const root = emptyObject();
  root['type'] = 'object';
  root['properties'] = properties;
  if (required.length > 0) root['required'] = required;
  root['additionalProperties'] = false;
  return { root, parameters: plans, ...(bodyPlan === undefined ? {} : { body: bodyPlan }) };
}

function placeBody(
  body: ReadBody,
  members: readonly string[],
  names: readonly string[],
  properties: Schema,
  required: string[],
): BodyPlan {
  if (body.properties === undefined) {
    const argument = names[0] as string;
    properties[argument] = body.whole ?? emptyObject();
    if (body.plan.required) required.push(argument);
    return { ...body.plan, argument };
  }
  const pairs = members.map((property, index) => [names[index] as string, property] as const);
  for (const [argument, property] of pairs) {
    properties[argument] = body.properties.get(property) as JsonValue;
    if (body.required?.has(property) === true) required.push(argument);
  }
  return { ...body.plan, properties: pairs };
}

function show(claim: Claim): string {
  return `${claim.in === 'body' ? 'property' : 'parameter'} ${JSON.stringify(claim.name.slice(0, 80))}`;
}

function annotationsFor(method: string, title: string | undefined): ToolAnnotations {
  const isSafe = ['GET', 'HEAD', 'OPTIONS', 'QUERY'].includes(method);
  return {
    ...(title === undefined ? {} : { title }),
    readOnlyHint: isSafe,
    ...(isSafe ? { destructiveHint: false } : method === 'DELETE' ? { destructiveHint: true } : {}),
    idempotentHint: isSafe || method === 'PUT' || method === 'DELETE',
    openWorldHint: true,
  };
}

/** True for operations that are never tools, with the reason. */
export function reasonNeverTool(method: string): string | undefined {
  if (method === 'TRACE' || method === 'CONNECT') return `${method} is never sent by the gateway`;
  return /^[A-Z][A-Z0-9_-]*$/.test(method) ? undefined : 'its method is no HTTP method';
}

/** The operationId of an operation, when it has a usable one. */
export function operationIdOf(operation: unknown): string | undefined {
  const id = member(operation, 'operationId');
  return typeof id === 'string' && id.trim() !== '' ? id : typeof id === 'number' ? String(id) : undefined;
}

// The import of a Smithy model: documents in, tools with plans and a report out. Pure and synchronous; discover.ts runs
// it beside the main thread. One operation that cannot be a tool never costs the others.

import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Catalogue, CatalogueEntry, ImportNote } from '../../core/tool.ts';
import { parseIdl } from './idl/parse-idl.ts';
import { loadModel, unpackFiles, type ModelFile } from './load/load.ts';
import { placeOf } from './load/places.ts';
import { findService, nameInService, operationsOf, type Operation } from './load/service.ts';
import { textTrait, trait, type Model, type ModelFault, type Shape } from './model.ts';
import type { OperationPlan, ServicePlan } from './plan.ts';
import { conventionalValues } from './protocols/customisations.ts';
import { argumentOf } from './runtime/input.ts';
import { readSettings, type SmithySettings } from './settings.ts';
import { annotationsOf } from './tools/annotations.ts';
import { reasonsAgainst } from './tools/bindings.ts';
import type { PatternCheck } from './tools/constraints.ts';
import { pagesOf, waitersOf, type NamedWaiter } from './tools/extras.ts';
import { createFilter } from './tools/filter.ts';
import { nameOperations } from './tools/names.ts';
import { createPatternCheck } from './tools/patterns.ts';
import { planOperation } from './tools/plans.ts';
import { chooseProtocol, endpointRulesOf, planService } from './tools/service-plan.ts';
import { remarksOn } from './tools/remarks.ts';
import { renderSchema } from './tools/schema.ts';
import { describeOperation, shorten } from './tools/texts.ts';

/** What the import needs to know besides the documents. */
export interface ImportOptions {
  /** Where the model came from; shown in the report. */
  readonly location: string;
  /** `gatewright:` settings, keys without the prefix. */
  readonly settings: Readonly<Record<string, string>>;
}

interface ImportContext {
  readonly model: Model;
  readonly service: Shape;
  readonly servicePlan: ServicePlan;
  readonly settings: SmithySettings;
  readonly isPattern: PatternCheck;
}

/** One tool to be made: an operation, or a waiter for one. */
interface Wish {
  readonly name: string;
  readonly operation: Operation;
  readonly waiter?: NamedWaiter;
}

const MAX_REASONS = 12;
const MAX_WARNINGS = 200;
const MAX_LOOKUPS = 200;
/** Characters of JSON. */
const MAX_PLAN = 4_000_000;
const MAX_CATALOGUE = 64_000_000;

/**
 * Makes the tools of a model.
 * @throws GatewayError Validation when there is nothing to make tools of, with place, cause and cure
 */
export function importSmithy(given: readonly ModelFile[], options: ImportOptions): Catalogue {
  const files = unpackFiles(given);
  const model = loadModel(files, readIdl);
  const settings = readSettings(options.settings);
  const faults: ModelFault[] = [...model.faults];
  const service = findOrExplain(model, settings.service, files);
  const protocol = chooseProtocol(service, settings.protocol);
  const servicePlan = planService(service, protocol, settings.endpoint);
  const { fault } = endpointRulesOf(service);
  if (fault !== undefined) faults.push({ shape: service.id, reason: fault });
  const context: ImportContext = { model, service, servicePlan, settings, isPattern: createPatternCheck() };
  const operations = operationsOf(model, service, faults);
  const filter = createFilter(options.settings);
  const notes: ImportNote[] = [];
  const skip = (operation: string, reasons: readonly string[]): void => {
    notes.push({ operation, outcome: 'skipped', reasons: reasons.slice(0, MAX_REASONS) });
  };

  let lookups = 0;
  const placed = (operation: Operation, reasons: readonly string[]): readonly string[] => {
    // Each look goes through the texts.
    lookups += 1;
    const place = lookups > MAX_LOOKUPS ? undefined : placeOf(files, operation.shape.id);
    return place === undefined ? reasons : reasons.map((reason) => `${place}: ${reason}`);
  };

  const kept = operations.filter((operation) => {
    const name = nameInService(service, operation.shape.id);
    const filtered = filter(name, operation.shape.traits);
    const isInternal = trait(operation.shape.traits, 'internal') !== undefined;
    const reasons =
      filtered !== undefined
        ? [filtered]
        : isInternal
          ? ['it is marked internal']
          : reasonsAgainst(model, operation, protocol);
    if (reasons.length > 0) skip(name, filtered === undefined ? placed(operation, reasons) : reasons);
    return reasons.length === 0;
  });
  const wishes = kept.flatMap((operation) => wishesFor(operation, context));
  const names = nameOperations(
    wishes.map(({ name, operation, waiter }) => [name, `${operation.shape.id} ${waiter?.plan.name ?? ''}`]),
  );
  const entries: CatalogueEntry[] = [];
  let size = 0;
  for (const [index, wish] of wishes.entries()) {
    if (size > MAX_CATALOGUE)
      throw new GatewayError(
        'Validation',
        `The tools of this model are too large together. Choose operations with the target's tags gatewright:include-operations and gatewright:exclude-operations, or divide them among several targets.`,
      );
    const name = names[index] ?? wish.name;
    try {
      const made = makeTool(name, wish, context);
      if ('entry' in made) {
        entries.push(made.entry);
        size += made.entry.definition.length + made.entry.plan.length;
      }
      if (made.reasons.length > 0)
        notes.push({
          operation: wish.name,
          ...('entry' in made ? { tool: name, outcome: 'changed' } : { outcome: 'skipped' }),
          reasons: ('entry' in made ? made.reasons : placed(wish.operation, made.reasons)).slice(
            0,
            MAX_REASONS,
          ),
        });
    } catch (thrown) {
      skip(wish.name, [`it could not be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`]);
    }
  }
  const general = remarksOn(model, service, servicePlan, operations.length);
  const told = faults.slice(0, MAX_WARNINGS).map((fault) => tellFault(files, fault));
  const untold = faults.length - told.length;
  const warnings = [...general, ...told, ...(untold > 0 ? [`… and ${untold} more faults`] : [])];
  return {
    entries,
    shared: JSON.stringify(servicePlan),
    report: {
      source: options.location,
      ...titleOf(service),
      format: `Smithy ${model.version} (${protocol})`,
      operations: operations.length + wishes.filter(({ waiter }) => waiter !== undefined).length,
      tools: entries.length,
      skipped: notes.filter(({ outcome }) => outcome === 'skipped').length,
      notes,
      warnings,
    },
  };
}

function readIdl(files: readonly ModelFile[]): ReturnType<Parameters<typeof loadModel>[1]> {
  const { ast, faults } = parseIdl(files);
  return {
    ast,
    faults: faults.map(({ file, line, column, message }) => ({
      shape: `${file}:${line}:${column}`,
      reason: message,
    })),
  };
}

/** A fault with its file and line, where they can be told. */
function tellFault(files: readonly ModelFile[], { shape, reason }: ModelFault): string {
  const place = placeOf(files, shape);
  return `${place === undefined ? '' : `${place}: `}${shape}: ${reason}`;
}

/** Without a service the faults of the documents are the answer. */
function findOrExplain(model: Model, wanted: string | undefined, files: readonly ModelFile[]): Shape {
  try {
    return findService(model, wanted);
  } catch (thrown) {
    const [first, ...others] = model.faults;
    if (!(thrown instanceof GatewayError) || first === undefined) throw thrown;
    const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
    throw new GatewayError(
      'Validation',
      `${thrown.message} The first fault in it: ${tellFault(files, first)}${more}.`,
      { cause: thrown },
    );
  }
}

function wishesFor(operation: Operation, { service, settings }: ImportContext): Wish[] {
  const name = nameInService(service, operation.shape.id);
  const waiters = settings.waiters ? waitersOf(operation) : [];
  return [
    { name, operation },
    ...waiters.map((waiter) => ({ name: `wait_for_${waiter.plan.name}`, operation, waiter })),
  ];
}

type Made =
  | { readonly entry: CatalogueEntry; readonly reasons: readonly string[] }
  | { readonly reasons: readonly string[] };

function makeTool(name: string, { operation, waiter }: Wish, context: ImportContext): Made {
  const { model, service, servicePlan, settings } = context;
  const { plan, missing, lostErrors } = planOperation(model, service, servicePlan, operation);
  if (missing.length > 0) return { reasons: missing.map((id) => `${id} is not in the model`) };
  const reasons = lostErrors.map((id) => `its error ${id} is left out: something of it is not in the model`);
  const pages =
    settings.maxPages > 1 && waiter === undefined
      ? pagesOf(service, operation, settings.maxPages)
      : undefined;
  const defined = defineTool(operation, waiter, context);
  if (defined === undefined) return { reasons: ['its input is too large for a tool'] };
  const { definition, shortened } = defined;
  if (shortened) reasons.push('its schema was too large and has been shortened');
  for (const member of model.shapes.get(operation.input)?.members.keys() ?? [])
    if (argumentOf(member) !== member) reasons.push(`its argument ${member} is called ${argumentOf(member)}`);
  const whole: OperationPlan = {
    ...plan,
    ...(pages === undefined ? {} : { pages }),
    ...(waiter === undefined ? {} : { waiter: waiter.plan }),
  };
  const text = JSON.stringify(whole);
  if (text.length > MAX_PLAN) return { reasons: ['it needs more of the model than a tool can hold'] };
  return { entry: { name, definition: JSON.stringify(definition), plan: text }, reasons };
}

function defineTool(
  operation: Operation,
  waiter: NamedWaiter | undefined,
  { model, service, servicePlan, isPattern }: ImportContext,
): { readonly definition: JsonObject; readonly shortened: boolean } | undefined {
  const own = nameInService(service, operation.shape.id);
  const title = textTrait(service.traits, 'title') ?? nameInService(service, service.id);
  const optional = new Set(Object.keys(conventionalValues(servicePlan)));
  const input = renderSchema(model, operation.input, { side: 'input', isPattern, optional });
  if (input === undefined) return undefined;
  // A waiter may end well with an error, and then there is no output.
  const hasOutput = waiter === undefined && (model.shapes.get(operation.output)?.members.size ?? 0) > 0;
  const output = hasOutput ? renderSchema(model, operation.output, { side: 'output', isPattern }) : undefined;
  const description =
    waiter === undefined
      ? describeOperation(operation.shape.traits, `${own} of ${title}.`)
      : shorten(
          `Waits until ${waiter.plan.name}: calls ${own} again and again until the answer says so. ${waiter.documentation ?? ''}`.trim(),
          1024,
        );
  const annotations = annotationsOf(operation);
  return {
    definition: {
      description,
      inputSchema: input.schema,
      ...(output === undefined ? {} : { outputSchema: output.schema }),
      annotations: { ...annotations },
    },
    shortened: input.shortened || output?.shortened === true,
  };
}

function titleOf(service: Shape): { title?: string } {
  const title = textTrait(service.traits, 'title');
  return title === undefined ? {} : { title: shorten(title, 200) };
}

// The function that a request names, and the version or alias of it.

import { GatewayError } from '../../core/errors.ts';
import { functionArn, parseFunctionReference } from '../../core/function-name.ts';
import type { JsonObject } from '../../core/json.ts';
import type { FunctionConfigurationDocument } from '../../core/resources.ts';
import type { Row, StoreReader } from '../../stores/store.ts';
import type { FunctionContext } from './context.ts';

export interface Named {
  readonly name: string;
  /** Of the name or of the query; both may say it if they agree. */
  readonly qualifier?: string;
}

/** @throws GatewayError NotFound, Validation when name and query name different versions */
export function namedIn(input: JsonObject, ctx: FunctionContext, member = 'FunctionName'): Named {
  const text = String(input[member]);
  const reference = parseFunctionReference(text, ctx.scope);
  if (!reference) throw notFound(text, undefined, ctx);
  const given = input['Qualifier'] as string | undefined;
  const own = reference.qualifier;
  if (given !== undefined && own !== undefined && given !== own)
    throw new GatewayError(
      'Validation',
      'The derived qualifier from the function name does not match the specified qualifier.',
    );
  const qualifier = given ?? own;
  return qualifier === undefined ? { name: reference.name } : { name: reference.name, qualifier };
}

/** For operations on the function itself. @throws GatewayError Validation when a version is named */
export function unqualified({ name, qualifier }: Named): string {
  if (qualifier !== undefined && qualifier !== '$LATEST')
    throw new GatewayError(
      'Validation',
      'This operation is permitted only on the function itself: leave the qualifier out.',
    );
  return name;
}

/** @throws GatewayError NotFound */
export async function loadFunction(
  reader: StoreReader,
  name: string,
  ctx: FunctionContext,
  qualifier?: string,
): Promise<Row<'function'>> {
  const row = await reader.find('function', '', name);
  if (!row) throw notFound(name, qualifier, ctx);
  return row;
}

/** A version of a function, by number, alias or `$LATEST`. @throws GatewayError NotFound */
export async function loadVersion(
  reader: StoreReader,
  { name, qualifier }: Named,
  ctx: FunctionContext,
): Promise<{
  readonly row: Row<'function'>;
  readonly version: string;
  readonly configuration: FunctionConfigurationDocument;
}> {
  const row = await loadFunction(reader, name, ctx, qualifier);
  if (qualifier === undefined || qualifier === '$LATEST')
    return { row, version: '$LATEST', configuration: row.document.configuration };
  const alias = await reader.find('function-alias', row.id, qualifier);
  const version = alias?.document.FunctionVersion ?? qualifier;
  if (version === '$LATEST') return { row, version, configuration: row.document.configuration };
  const published = await reader.find('function-version', row.id, version);
  if (!published) throw notFound(name, qualifier, ctx);
  return { row, version, configuration: published.document.configuration };
}

/** What the service says of a function that is not there. */
export function notFound(name: string, qualifier: string | undefined, ctx: FunctionContext): GatewayError {
  const arn = name.startsWith('arn:') ? name : functionArn(ctx.scope, name, qualifier);
  return new GatewayError('NotFound', `Function not found: ${arn}`);
}

// Which edition of the specification a document follows, and what differs between them for the readers of
// schemas and references. Knows the version members only.

import { GatewayError } from '../../../core/errors.ts';
import { entriesOf, isRaw, member } from './raw.ts';

/** What an edition means for its readers. */
export interface Dialect {
  readonly version: '2.0' | '3.0' | '3.1' | '3.2';
  /** As shown in reports, for example `OpenAPI 3.0.3`. */
  readonly format: string;
  /** 3.1 and later: schemas are JSON Schema 2020-12, and members beside a `$ref` count. */
  readonly jsonSchema: boolean;
}

/**
 * Finds the edition of a document.
 * @throws GatewayError Validation when it is no OpenAPI document, with what to add.
 */
export function detectDialect(root: unknown): Dialect {
  if (!isRaw(root))
    throw new GatewayError(
      'Validation',
      'The document is not an object at its root (#). Give an OpenAPI document.',
    );
  const swagger = versionText(member(root, 'swagger'));
  const openapi = versionText(member(root, 'openapi'));
  if (openapi !== undefined && /^3(\.|$)/.test(openapi)) {
    const version = /^3\.1(\.|$|-)/.test(openapi) ? '3.1' : /^3(\.0|$)/.test(openapi) ? '3.0' : '3.2';
    return { version, format: `OpenAPI ${openapi}`, jsonSchema: version !== '3.0' };
  }
  const two = [swagger, openapi].find((text) => text !== undefined && /^2(\.|$)/.test(text));
  if (two !== undefined) return { version: '2.0', format: `Swagger ${two}`, jsonSchema: false };
  if (swagger !== undefined || openapi !== undefined)
    throw new GatewayError(
      'Validation',
      `#/${openapi === undefined ? 'swagger' : 'openapi'}: version "${openapi ?? swagger}" is not supported. Convert the document to OpenAPI 3.0, 3.1 or 3.2, or Swagger 2.0.`,
    );
  throw new GatewayError('Validation', `#: the document names no version. ${cure(root)}`);
}

function versionText(value: unknown): string | undefined {
  if (typeof value === 'string') return value.trim().slice(0, 20);
  // YAML reads `3.0` and `3.1` without quotes as numbers.
  if (typeof value === 'number') return Number.isInteger(value) ? `${value}.0` : String(value);
  return undefined;
}

function cure(root: unknown): string {
  if (entriesOf(member(root, 'definitions')).length > 0 || member(root, 'host') !== undefined)
    return 'Add the member `swagger: "2.0"` at its root.';
  if (member(root, 'paths') !== undefined || member(root, 'components') !== undefined)
    return 'Add the member `openapi: 3.0.3` (or the version it is written for) at its root.';
  return 'An OpenAPI document begins with `openapi: 3.x.x` or `swagger: "2.0"`.';
}

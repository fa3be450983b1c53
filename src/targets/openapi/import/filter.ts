// Which operations the target's settings let through. The words are those of the settings' table in core.

import { splitWords } from '../../../core/settings.ts';
import { member, textsMember } from './raw.ts';

/** Says why an operation is left out, or undefined when it is not. */
export type OperationFilter = (method: string, path: string, operation: unknown) => string | undefined;

/** Reads the settings once. */
export function createFilter(settings: Readonly<Record<string, string>>): OperationFilter {
  const words = (key: string): string[] | undefined => {
    const value = settings[key];
    const list = value === undefined ? [] : splitWords(value);
    return list.length === 0 ? undefined : list;
  };
  const tags = { include: words('include-tags'), exclude: words('exclude-tags') };
  const paths = { include: words('include-paths'), exclude: words('exclude-paths') };
  const upper = (list: string[] | undefined): string[] | undefined => list?.map((word) => word.toUpperCase());
  const methods = { include: upper(words('include-methods')), exclude: upper(words('exclude-methods')) };
  const withoutDeprecated = settings['include-deprecated'] === 'false';

  return (method, path, operation) => {
    const own = textsMember(operation, 'tags');
    if (tags.include?.some((tag) => own.includes(tag)) === false) return 'filtered out by include-tags';
    if (tags.exclude?.some((tag) => own.includes(tag)) === true) return 'filtered out by exclude-tags';
    if (paths.include?.some((prefix) => isBelow(path, prefix)) === false)
      return 'filtered out by include-paths';
    if (paths.exclude?.some((prefix) => isBelow(path, prefix)) === true)
      return 'filtered out by exclude-paths';
    if (methods.include?.includes(method) === false) return 'filtered out by include-methods';
    if (methods.exclude?.includes(method) === true) return 'filtered out by exclude-methods';
    if (withoutDeprecated && member(operation, 'deprecated') === true)
      return 'filtered out by include-deprecated';
    return undefined;
  };
}

/** `/pets` holds `/pets`, `/pets/{id}` and `/pets?x`, but not `/petshop`. */
function isBelow(path: string, prefix: string): boolean {
  const start = prefix.endsWith('*') ? prefix.slice(0, -1) : prefix;
  if (!path.startsWith(start)) return false;
  return (
    prefix.endsWith('*') ||
    start.endsWith('/') ||
    path.length === start.length ||
    /[/?#:.]/.test(path[start.length] ?? '')
  );
}

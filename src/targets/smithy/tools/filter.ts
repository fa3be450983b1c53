// Which operations the target's settings let through. The words are those of the settings' table in core.

import { splitWords } from '../../../core/settings.ts';
import { isJsonObject, type JsonValue } from '../../../core/json.ts';
import { trait, type Traits } from '../model.ts';

/** Says why an operation is left out, or undefined when it is not. */
export type OperationFilter = (name: string, traits: Traits) => string | undefined;

/** Reads the settings once. */
export function createFilter(settings: Readonly<Record<string, string>>): OperationFilter {
  const words = (key: string): readonly string[] | undefined => {
    const list = splitWords(settings[key] ?? '');
    return list.length === 0 ? undefined : list;
  };
  const names = { include: globs(words('include-operations')), exclude: globs(words('exclude-operations')) };
  const tags = { include: words('include-tags'), exclude: words('exclude-tags') };
  const paths = { include: words('include-paths'), exclude: words('exclude-paths') };
  const methods = {
    include: words('include-methods')?.map((word) => word.toUpperCase()),
    exclude: words('exclude-methods')?.map((word) => word.toUpperCase()),
  };
  const withoutDeprecated = settings['include-deprecated'] === 'false';

  return (name, traits) => {
    if (names.include?.some((glob) => glob.test(name)) === false) return 'filtered out by include-operations';
    if (names.exclude?.some((glob) => glob.test(name)) === true) return 'filtered out by exclude-operations';
    const own = tagsOf(trait(traits, 'tags'));
    if (tags.include?.some((tag) => own.includes(tag)) === false) return 'filtered out by include-tags';
    if (tags.exclude?.some((tag) => own.includes(tag)) === true) return 'filtered out by exclude-tags';
    const http = trait(traits, 'http');
    const method = isJsonObject(http) ? http['method'] : undefined;
    if (typeof method === 'string' && methods.include?.includes(method) === false)
      return 'filtered out by include-methods';
    if (typeof method === 'string' && methods.exclude?.includes(method) === true)
      return 'filtered out by exclude-methods';
    const path = isJsonObject(http) ? http['uri'] : undefined;
    if (typeof path === 'string') {
      if (paths.include?.some((prefix) => isBelow(path, prefix)) === false)
        return 'filtered out by include-paths';
      if (paths.exclude?.some((prefix) => isBelow(path, prefix)) === true)
        return 'filtered out by exclude-paths';
    }
    if (withoutDeprecated && trait(traits, 'deprecated') !== undefined)
      return 'filtered out by include-deprecated';
    return undefined;
  };
}

/** `List...` is every name that begins with it (`List*` cannot stand in a tag); case does not matter. */
function globs(words: readonly string[] | undefined): readonly RegExp[] | undefined {
  return words?.map((word) => {
    const parts = word
      .split(/\*|\.{3}/)
      .map((part) => part.replaceAll(/[^A-Za-z0-9_]/g, (char) => `\\${char}`));
    return new RegExp(`^${parts.join('[A-Za-z0-9_]*')}$`, 'i');
  });
}

function tagsOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : [];
}

/** `/pets` holds `/pets`, `/pets/{id}` and `/pets?x`, but not `/petshop`. */
function isBelow(path: string, prefix: string): boolean {
  const start = prefix.endsWith('*') ? prefix.slice(0, -1) : prefix;
  if (!path.startsWith(start)) return false;
  return (
    prefix.endsWith('*') ||
    start.endsWith('/') ||
    path.length === start.length ||
    /[/?]/.test(path[start.length] ?? '')
  );
}

// The target's settings (`gatewright:` tags) as far as they concern Smithy models. Values were checked where tags are
// written (core/settings.ts); what depends on the model is checked here.

import { splitWords } from '../../core/settings.ts';
import type { EndpointSettings } from './plan.ts';

export interface SmithySettings {
  /** Shape id or name of the service, for models with several. */
  readonly service?: string;
  readonly protocol?: string;
  readonly endpoint: EndpointSettings;
  /** Make tools of waiters, too. */
  readonly waiters: boolean;
  /** Pages that one call collects at most; 1: one page, as the service gives it. */
  readonly maxPages: number;
}

/** Reads the settings; keys are without the prefix. */
export function readSettings(settings: Readonly<Record<string, string>>): SmithySettings {
  const { service, protocol, 'server-url': url, 'aws-region': region } = settings;
  const parameters = readParameters(settings['endpoint-params'] ?? '');
  return {
    ...(service === undefined ? {} : { service }),
    ...(protocol === undefined ? {} : { protocol }),
    endpoint: {
      ...(url === undefined ? {} : { url }),
      ...(region === undefined ? {} : { region }),
      ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
    },
    waiters: settings['waiters'] === 'true',
    maxPages: Number(settings['max-pages'] ?? 1),
  };
}

/** `UseFIPS=true Bucket=name` as parameters. */
function readParameters(text: string): Record<string, string | boolean> {
  return Object.fromEntries(
    splitWords(text).map((word) => {
      const [name, value] = splitOnce(word);
      return [name, value === 'true' ? true : value === 'false' ? false : value];
    }),
  );
}

function splitOnce(word: string): readonly [string, string] {
  const at = word.indexOf('=');
  return at < 0 ? [word, 'true'] : [word.slice(0, at), word.slice(at + 1)];
}

// What a token is asked for, and the parameters of a request that say it (RFC 6749 §3.3, RFC 8707).

import type { Provider } from './providers.ts';

/** What a token is asked for. */
export interface Wanted {
  readonly scopes: readonly string[];
  readonly customParameters: Readonly<Record<string, string>>;
  readonly resources: readonly string[];
  readonly audiences: readonly string[];
}

/** A token for a protected server names it, letter by letter (RFC 8707), unless the configuration names something else. */
export function forServer<W extends Wanted>(wanted: W, { resource }: Pick<Provider, 'resource'>): W {
  const isNamed = wanted.resources.length > 0 || wanted.customParameters['resource'] !== undefined;
  return resource === undefined || isNamed ? wanted : { ...wanted, resources: [resource] };
}

/** The same without a user at hand: also the scopes are the server's wish, where none are configured. */
export function forItself(wanted: Wanted, provider: Provider): Wanted {
  const { scopes } = wanted;
  return { ...forServer(wanted, provider), scopes: scopes.length > 0 ? scopes : provider.wantedScopes };
}

/** Resource indicators (RFC 8707 §2.2) and audiences go along with every request of a grant. */
export function targetsOf({ resources, audiences, customParameters }: Wanted): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const name of ['resource', 'audience'])
    if (customParameters[name] !== undefined) parameters.append(name, customParameters[name]);
  for (const resource of resources) parameters.append('resource', resource);
  for (const audience of audiences) parameters.append('audience', audience);
  return parameters;
}

/** Everything that is wanted, as parameters. */
export function parametersOf(wanted: Wanted): URLSearchParams {
  const parameters = targetsOf(wanted);
  for (const [name, value] of Object.entries(wanted.customParameters))
    if (!parameters.has(name)) parameters.set(name, value);
  if (wanted.scopes.length > 0) parameters.set('scope', wanted.scopes.join(' '));
  return parameters;
}

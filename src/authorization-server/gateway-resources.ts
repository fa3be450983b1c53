// Gateways as resources of the authorization server (RFC 8707): a token is for one gateway, named by its URL, and only for
// gateways whose authorizer names this server.

import { isJsonObject } from '../core/json.ts';
import type { Store } from '../stores/store.ts';

/** Every token has this scope: it says that the gateway may be called, and nothing else. */
export const BASE_SCOPE = 'mcp';

export interface GatewayResource {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  /** Scopes that the gateway's authorizer asks for. */
  readonly scopes: readonly string[];
}

export interface GatewayResources {
  /** The gateway whose URL this is, byte by byte; undefined for everything that no token is given for. */
  find(url: string): Promise<GatewayResource | undefined>;
  /** The gateway of clients that name none, where there is only one. */
  only(): Promise<GatewayResource | undefined>;
}

/** The gateways that use the server with this discovery URL. */
export function createGatewayResources(services: {
  readonly store: Pick<Store, 'get' | 'list'>;
  readonly discoveryUrl: () => string;
  readonly urlOf: (gatewayId: string) => string;
}): GatewayResources {
  const { store, urlOf } = services;

  async function byId(id: string): Promise<GatewayResource | undefined> {
    const row = await store.get('gateway', id);
    const jwt = row?.document.authorizerConfiguration?.['customJWTAuthorizer'];
    if (!row || !isJsonObject(jwt) || jwt['discoveryUrl'] !== services.discoveryUrl()) return undefined;
    const allowed: readonly unknown[] = Array.isArray(jwt['allowedScopes']) ? jwt['allowedScopes'] : [];
    return {
      id,
      name: row.name,
      url: urlOf(id),
      scopes: allowed.filter((scope) => typeof scope === 'string'),
    };
  }

  return Object.freeze({
    async find(url: string) {
      const id = gatewayIdsIn(url).find((candidate) => urlOf(candidate) === url);
      return id === undefined ? undefined : byId(id);
    },
    async only() {
      let found: GatewayResource | undefined;
      let after: string | undefined;
      do {
        const page = await store.list('gateway', undefined, {
          limit: 100,
          ...(after === undefined ? {} : { after }),
        });
        for (const { id } of page.rows) {
          const resource = await byId(id);
          if (resource && found) return undefined;
          found ??= resource;
        }
        after = page.next;
      } while (after !== undefined);
      return found;
    },
  });
}

/** Ids that a gateway's URL may hold: in its path, or as the first label of its host. */
function gatewayIdsIn(url: string): readonly string[] {
  const inPath = /\/gateways\/([^/]{1,160})\/mcp$/.exec(url)?.[1];
  const inHost = /^https:\/\/([^./]{1,160})\./.exec(url)?.[1];
  return [inPath, inHost].filter((id) => id !== undefined);
}

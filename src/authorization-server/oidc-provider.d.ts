// What is used of the package `oidc-provider`, which has no types of its own. Whoever uses more of it adds it here.

declare module 'oidc-provider' {
  import type { EventEmitter } from 'node:events';
  import type { IncomingMessage, ServerResponse } from 'node:http';

  /** A stored record of any model; members depend on the model. */
  export interface AdapterPayload {
    [member: string]: unknown;
    readonly accountId?: string;
    readonly clientId?: string;
    readonly grantId?: string;
    readonly uid?: string;
    readonly loginTs?: number;
  }

  export interface Adapter {
    upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void>;
    find(id: string): Promise<AdapterPayload | undefined>;
    findByUid(uid: string): Promise<AdapterPayload | undefined>;
    findByUserCode(userCode: string): Promise<AdapterPayload | undefined>;
    consume(id: string): Promise<void>;
    destroy(id: string): Promise<void>;
    revokeByGrantId(grantId: string): Promise<void>;
  }

  export interface Client {
    readonly clientId: string;
    readonly clientName?: string;
    readonly clientUri?: string;
    readonly redirectUris: readonly string[];
    readonly clientAuthMethod: string;
    readonly clientIdMetadataDocument?: boolean;
    grantTypeAllowed(type: string): boolean;
  }

  export interface Interaction {
    readonly uid: string;
    readonly exp: number;
    readonly prompt: { readonly name: string; readonly reasons: readonly string[] };
    readonly params: Readonly<Record<string, unknown>>;
    readonly session?: { readonly accountId?: string };
    readonly grantId?: string;
    readonly returnTo: string;
  }

  export interface Grant {
    addOIDCScope(scope: string): void;
    addResourceScope(resource: string, scope: string): void;
    save(): Promise<string>;
  }

  export interface KoaContext {
    readonly method: string;
    readonly path: string;
    readonly req: IncomingMessage;
    status: number;
    type: string;
    body: unknown;
    set(name: string, value: string): void;
    remove(name: string): void;
    readonly oidc: {
      readonly route: string;
      readonly client?: Client;
      readonly params?: Record<string, unknown>;
      readonly entities: Readonly<Record<string, unknown>>;
    };
  }

  export class Provider extends EventEmitter {
    constructor(issuer: string, configuration: Readonly<Record<string, unknown>>);
    proxy: boolean;
    readonly Client: { find(id: string): Promise<Client | undefined> };
    readonly Grant: {
      new (grant: { readonly accountId: string; readonly clientId: string }): Grant;
      find(
        id: string,
      ): Promise<(Grant & { readonly accountId: string; readonly clientId: string }) | undefined>;
    };
    /** Before the package's own answer, with what was used before it around. */
    use(middleware: (context: KoaContext, next: () => Promise<void>) => Promise<void>): this;
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>;
    interactionResult(
      request: IncomingMessage,
      response: ServerResponse,
      result: Readonly<Record<string, unknown>>,
      options?: { readonly mergeWithLastSubmission?: boolean },
    ): Promise<string>;
  }

  export const errors: {
    readonly InvalidClientMetadata: new (description: string) => Error;
    readonly InvalidClientAuth: new (detail: string) => Error;
    readonly InvalidGrant: new (detail: string) => Error;
    readonly InvalidTarget: new (description?: string) => Error;
  };
}

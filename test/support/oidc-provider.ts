// The package oidc-provider has no types: here is what the tests use of it.

import type { IncomingMessage, ServerResponse } from 'node:http';
import Untyped from 'oidc-provider';

interface StoredToken {
  readonly accountId?: string;
  readonly clientId?: string;
  destroy(): Promise<void>;
  save(): Promise<string>;
}

interface TokenModel {
  new (properties: object): StoredToken;
  find(value: string): Promise<StoredToken | undefined>;
}

export interface OidcProvider {
  readonly AccessToken: TokenModel;
  readonly ClientCredentials: TokenModel;
  readonly Grant: TokenModel;
  readonly Client: { readonly prototype: { redirectUriAllowed: (uri: string) => boolean } };
  callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  registerGrantType(
    name: string,
    handler: (ctx: never) => Promise<void>,
    parameters: readonly string[],
  ): void;
  on(
    event: string,
    listener: (ctx: {
      readonly oidc?: { readonly entities?: { readonly Grant?: { readonly jti?: string } } };
    }) => void,
  ): void;
}

export const Provider = Untyped as unknown as new (issuer: string, configuration: object) => OidcProvider;

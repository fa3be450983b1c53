// The contract of the identity service: tokens for outbound calls, for applications that ask through the API, and the
// users' consents they rest on. Types only; engine.ts puts the parts together.

import type { AuditFact } from '../core/audit.ts';
import type { TokenSource } from '../core/token-source.ts';
import type { TokenUser } from '../core/resources.ts';
import type { WebAnswer } from '../core/web-page.ts';
import type { Secret } from '../lib/secret.ts';
import type { StoreTransaction } from '../stores/store.ts';

/** Who asks: an application (or gateway), and perhaps the user it acts for. */
export interface WorkloadClaims {
  readonly workloadId: string;
  readonly user?: TokenUser;
}

/** What is asked of a provider. */
export interface ResourceWish {
  readonly providerName: string;
  readonly flow: 'M2M' | 'USER_FEDERATION' | 'ON_BEHALF_OF_TOKEN_EXCHANGE';
  readonly scopes: readonly string[];
  readonly customParameters: Readonly<Record<string, string>>;
  readonly resources: readonly string[];
  readonly audiences: readonly string[];
  /** Where the user's browser goes after consent. */
  readonly returnUrl?: string;
  readonly customState?: string;
  readonly forceAuthentication?: boolean;
  /** A consent that was begun before, whose end is waited for. */
  readonly sessionUri?: string;
  /** Who asks, for the audit log. */
  readonly by?: Partial<AuditFact>;
}

export type ResourceToken =
  | { readonly accessToken: Secret }
  | {
      readonly authorizationUrl?: string;
      readonly sessionUri: string;
      readonly sessionStatus?: 'IN_PROGRESS' | 'FAILED';
    };

/** A consent that a target's tools are read with. */
export interface TargetConsentWish {
  readonly gatewayId: string;
  readonly targetId: string;
  readonly userId: string;
  readonly providerArn: string;
  readonly scopes: readonly string[];
  readonly customParameters: Readonly<Record<string, string>>;
  readonly returnUrl?: string;
}

/** A consent as users and operators see it. */
export interface UserConsent {
  readonly consentId: string;
  readonly providerName: string;
  readonly workloadId: string;
  readonly user: TokenUser;
  readonly scopes: readonly string[];
  readonly obtainedAt: number;
  readonly expiresAt?: number;
  readonly isRefreshable: boolean;
}

/** Tokens, for the data plane and for applications. */
export interface Tokens {
  /** The tokens of a gateway's targets. `onBehalfOf`: a user id that stands in where a call has no user. */
  tokensFor(gatewayId: string, onBehalfOf?: string): TokenSource;
  /** @throws GatewayError Validation, NotFound, CredentialUnavailable */
  resourceToken(claims: WorkloadClaims, wish: ResourceWish, subjectToken?: Secret): Promise<ResourceToken>;
  /** Removes every token of a provider or of a workload, and revokes them where their server can (RFC 7009). */
  removeTokens(of: { readonly providerId: string } | { readonly workloadId: string }): Promise<void>;
}

/** Consents: begun here or by calls, given in the user's browser, completed by the application. */
export interface Consents {
  /** Begins the consent of a target, within the transaction that makes it wait. Gives the address to visit. */
  begin(tx: StoreTransaction, wish: TargetConsentWish): Promise<string>;
  /**
   * The user who began it has come back: only now the code is exchanged and the token kept.
   * @param mayTouch whether the caller may have to do with the workload
   * @param by who asks, for the audit log
   * @throws GatewayError NotFound, Validation (not there yet, or over), Forbidden (another user: the consent is void)
   */
  complete(
    sessionUri: string,
    user: TokenUser,
    mayTouch: (workloadId: string) => boolean,
    by?: Partial<AuditFact>,
  ): Promise<void>;
  list(user?: TokenUser): Promise<readonly UserConsent[]>;
  /** False when there is no such consent (any more). */
  revoke(consentId: string): Promise<boolean>;
  /** Called with the id of a target whose consent is complete. */
  onTargetConsent(listener: (targetId: string) => void): void;
  /** Addresses that browsers may be sent back to on this workload's account. */
  allowedReturnUrls(workloadId: string): Promise<readonly string[]>;
}

export interface WebRequest {
  readonly method: string;
  /** Path without query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Fields of a form. */
  readonly form: URLSearchParams;
  /** Of the browser. */
  readonly remoteAddress?: string;
}

/** The pages that users' browsers see. */
export interface IdentityWeb {
  handles(path: string): boolean;
  /** Never rejects. */
  answer(request: WebRequest): Promise<WebAnswer>;
}

export interface Identity {
  readonly tokens: Tokens;
  readonly consents: Consents;
  readonly web: IdentityWeb;
  /** Figures for operators: access tokens in memory. */
  figures(): { readonly tokens: number };
  /** The last part of a provider's callback address is its id. */
  callbackUrl(providerId: string): string;
  start(): Promise<void>;
  close(): void;
}

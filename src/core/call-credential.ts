// Where it is noted that the credential of a target went onto a call, for the record of the call itself: one record then
// says who called what, and as whom the call left. Never the secret.

/** The credential of a target, as far as a record names it. */
export interface NamedCredential {
  /** `credentialProviderType` of the configuration. */
  readonly type: string;
  readonly providerArns: readonly string[];
  readonly grantType?: string;
}

/** Its uses on one call. */
export interface UsedCredential {
  readonly named: NamedCredential;
  /** Origin that it went to. */
  readonly destination: string | undefined;
  /** Requests that carried it; a call may take several. */
  requests: number;
  /** How often it was renewed because it was refused. */
  renewals: number;
}

/** One note a call. */
export interface CallCredential {
  /** True when the call has a record of its own that tells of the use; otherwise each use has one. */
  isTold: boolean;
  used?: UsedCredential;
}

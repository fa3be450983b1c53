// Tokens that clients carry for us: sealed, so that nobody can read or change them, and bound to what they are for.
// Implemented in vault/sealer.ts.

export interface Sealer {
  /**
   * Seals a text into visible ASCII (base64url).
   * @param purpose keeps kinds of tokens apart: each has a key of its own
   * @param bound what the token belongs to; it opens only with the same
   */
  seal(purpose: SealPurpose, text: string, bound: readonly string[]): string;
  /** The text, or undefined for everything that was not sealed here for this purpose and these bounds. */
  open(purpose: SealPurpose, token: string, bound: readonly string[]): string | undefined;
}

export type SealPurpose =
  | 'session'
  | 'aws-session'
  | 'session-state'
  | 'request-state'
  | 'task'
  | 'cursor'
  | 'workload-token'
  | 'mailbox'
  | 'oidc-record'
  | 'function-code';

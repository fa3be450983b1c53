// What a handler of the Lambda API may use: everything comes in here as arguments, nothing is reached for.

import type { ArnScope } from '../../core/arn.ts';
import type { AccessKeys, Caller } from '../../core/access.ts';
import type { Audit } from '../../core/audit.ts';
import type { Log } from '../../core/call.ts';
import type { JsonObject } from '../../core/json.ts';
import type { SealedSecret, SecretBinding } from '../../core/resources.ts';
import type { Sealer } from '../../core/sealer.ts';
import type { FunctionHost } from '../../functions/function-host.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Secret } from '../../lib/secret.ts';
import type { Store } from '../../stores/store.ts';

export interface FunctionApiServices {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: nothing is recorded. */
  readonly audit?: Audit;
  readonly scope: ArnScope;
  readonly accessKeys: AccessKeys;
  readonly host: FunctionHost;
  readonly sealer: Sealer;
  readonly seal: (secret: Secret, binding: SecretBinding) => SealedSecret;
  /** @throws GatewayError CredentialUnavailable */
  readonly openSecret: (sealed: SealedSecret, binding: SecretBinding) => Secret;
  /** Bytes of an object of S3, within the size of an archive. @throws GatewayError Validation */
  readonly readObject: (uri: string, signal: AbortSignal) => Promise<Uint8Array>;
  /** Base of the URLs that code is fetched from. */
  readonly controlUrl: () => string;
}

/** Headers of a call that Invoke reads, lower-case names. */
export type CallHeaders = Readonly<Record<string, string | undefined>>;

export interface FunctionContext extends FunctionApiServices {
  readonly caller: Caller;
  readonly requestId: string;
  readonly headers: CallHeaders;
  /** Of operations whose body is the payload itself. */
  readonly payload: Uint8Array;
}

/** An answer that is not only a document of members. */
export interface FunctionResponse {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly output?: JsonObject;
  /** Instead of the output: bytes as they are. */
  readonly payload?: Uint8Array;
}

/** One operation's work. Input has passed its shape; output is rendered along its shape. */
export type FunctionHandler = (input: JsonObject, ctx: FunctionContext) => Promise<FunctionResponse>;

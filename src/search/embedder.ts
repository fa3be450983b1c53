// The contract of embedders: texts in, vectors out. Who implements it knows nothing of tools and indexes; time-outs,
// faults and what is kept are the business of whoever uses it.

import type { Log } from '../core/call.ts';
import type { Egress } from '../core/outbound.ts';
import type { Secret } from '../lib/secret.ts';

/** A question is not always embedded as a tool is. */
export type Purpose = 'tool' | 'query';

export interface Embedder {
  /** Names the model and everything else that vectors depend on: vectors of two models are never compared. */
  readonly model: string;
  /** How many texts one call may have. */
  readonly batch: number;
  /** How long a question is waited for (milliseconds). */
  readonly queryTimeoutMs: number;
  /** How much the likeness counts beside the words in common. */
  readonly weight: number;
  /** The cosine from which on a tool has to do with a question, though no word is common and no word vector is near. */
  readonly relatedFrom: number;
  /** One vector for each text, in order. @throws GatewayError when there are none to be had */
  embed(texts: readonly string[], purpose: Purpose, signal: AbortSignal): Promise<readonly Float32Array[]>;
  close(): Promise<void>;
}

export interface EmbedderServices {
  readonly egress: Egress;
  readonly log: Log;
  readonly region: string;
  /** The key of the credential provider that the settings name; undefined when they name none. @throws GatewayError */
  readonly openKey: () => Promise<Secret | undefined>;
  /** To be awaited before a request with the key leaves; absent: nobody is told. @throws GatewayError when it must not */
  readonly usesKey?: (destination: URL) => Promise<void>;
}

/** The settings of a gateway that embedders read, keys without `gatewright:`. */
export type EmbedderSettings = Readonly<Record<string, string>>;

export interface EmbedderType {
  /** Value of the setting `search-embedder`. */
  readonly name: string;
  /** An embedder by these settings, at once: what it loads it loads aside. Nothing is reached before it is used. */
  open(settings: EmbedderSettings, services: EmbedderServices): Embedder;
}

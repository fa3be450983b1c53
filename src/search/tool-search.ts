// The contract of the tool search: what the data plane asks, what the control plane shows, what whoever compiles
// gateways hands over. The search knows gateways by their ids and tools by their definitions; of callers it knows only
// what each of them may list.

/** One tool as a gateway offers it. */
export interface SearchableTool {
  /** The name clients use. */
  readonly name: string;
  /** The target’s own name for it. */
  readonly ownName: string;
  readonly targetId: string;
  readonly targetName: string;
  readonly targetDescription?: string;
  /** JSON text of its definition. */
  readonly text: string;
}

/** A gateway’s searchable state. */
export interface SearchableGateway {
  readonly gatewayId: string;
  readonly tools: readonly SearchableTool[];
  /** `search-…` settings of the gateway (core/settings.ts), keys without the prefix. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface SearchRequest {
  readonly query: string;
  /** At most this many tools. */
  readonly limit: number;
  /** Whether the caller may see a tool, by the name clients use. Absent: every tool. Tools it may not see count for nothing. */
  readonly mayList?: (name: string) => boolean;
  /** Who asks, for the limit of the rate; absent for the operator. */
  readonly caller?: string;
  /** Whether hits say why they were found. */
  readonly explain?: boolean;
}

/** Why a tool was found. Scores are comparable within one answer only. */
export interface SearchHit {
  readonly name: string;
  readonly score: number;
  /** Parts of the score: words in common, likeness by word vectors, likeness by the sentence encoder or a provider. */
  readonly lexical: number;
  readonly words: number;
  readonly sentence: number;
  /** Only where asked for: its description, and the terms of the question that it has, each with the fields that have it. */
  readonly explanation?: {
    readonly description: string;
    readonly matches: readonly { readonly term: string; readonly fields: readonly string[] }[];
  };
}

export interface SearchAnswer {
  /** Best first; empty when nothing of the question fits anything. */
  readonly hits: readonly SearchHit[];
  /** Legs that took part: `lexical`, `words`, and the id of the model of sentences if it did. */
  readonly legs: readonly string[];
}

/** Figures of one gateway’s search since the start of this process. */
export interface SearchMetrics {
  readonly tools: number;
  /** Tools that have a vector of the present model. */
  readonly embedded: number;
  /** Model of sentences in use, or `none`. */
  readonly model: string;
  readonly indexBytes: number;
  readonly buildMs: number;
  readonly queries: number;
  /** Queries that were answered without the model although one is set. */
  readonly withoutModel: number;
  readonly refused: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

export interface ToolSearch {
  /** Takes a gateway’s present state; the index follows in the background. */
  update(gateway: SearchableGateway): void;
  /** The gateway is gone, or is not searched any more. */
  remove(gatewayId: string): void;
  /** Fulfils when the lexical part of the newest state can be searched. Vectors of a model may still be coming. */
  ready(gatewayId: string): Promise<void>;
  /**
   * The best tools for a question.
   * @throws GatewayError Validation (too long), Throttled (too many), NotFound (the gateway is not searched)
   */
  search(gatewayId: string, request: SearchRequest): Promise<SearchAnswer>;
  metrics(gatewayId: string): SearchMetrics | undefined;
  /** Figures for operators, of all gateways that are searched together. */
  figures(): { readonly tools: number; readonly embedded: number; readonly indexBytes: number };
  close(): Promise<void>;
}

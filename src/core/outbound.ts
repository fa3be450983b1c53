// A request on its way out and the answer to it. Built by target types, completed by credentials, sent by upstream/.

export interface OutboundRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface UpstreamResponse {
  readonly status: number;
  /** Lower-case names; a repeated header's values are joined by `, ` (set-cookie: first only). */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface EgressOptions {
  readonly signal?: AbortSignal;
  /** Whole call, connect included. Milliseconds. */
  readonly timeoutMs: number;
  /** After content decoding. A larger body is an `UpstreamInvalid` error. */
  readonly maxResponseBytes: number;
  /** Redirects to follow, each checked anew and without the request's credentials on another origin. Default 0. */
  readonly maxRedirects?: number;
}

/** The one door to the outside (implemented in upstream/). Never follows redirects unless told to. */
export interface Egress {
  /**
   * Sends one request and reads the whole answer.
   * @throws GatewayError UpstreamBlocked (address not allowed), UpstreamRefused (no connection),
   * UpstreamTimeout, UpstreamInvalid (malformed or too large answer).
   */
  request(request: OutboundRequest, options: EgressOptions): Promise<UpstreamResponse>;
}

/** Where the document says a credential belongs, for one operation. */
export interface CredentialPlacement {
  readonly in: 'header' | 'query' | 'cookie';
  readonly name: string;
  /** For example `Bearer`; put before the value with one space. */
  readonly prefix?: string;
}

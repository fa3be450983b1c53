// The way outwards for programs that have no network of their own: an HTTP proxy on a socket of the file system, bound by
// the egress rules (implemented in upstream/).

export interface EgressProxy {
  /** Serves on a socket at a path. @returns ends it, and every connection through it */
  open(path: string): Promise<() => void>;
}

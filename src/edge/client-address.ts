// Whose request it is, by address: the peer's, or, where that is a proxy the operator trusts, the one that the proxies
// name. `X-Forwarded-For` is read from the right, since each proxy adds the address that it has seen; what stands left of
// the first address that is no trusted proxy was written by anybody.

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { isWithin, plainAddress } from '../lib/address-range.ts';
import type { AddressRange } from '../lib/address-range.ts';

/** Proxies one behind the other that are followed at most. */
const MAX_PROXIES = 20;

/** The address of a request's client in its one spelling; undefined when the connection is gone. */
export type ClientAddress = (request: IncomingMessage) => string | undefined;

/** Reads addresses behind these proxies; without any, the peer is the client. */
export function createClientAddress(trusted: readonly AddressRange[]): ClientAddress {
  // A connection has one peer, and many requests.
  const peers = new WeakMap<Socket, string>();
  function peerOf(socket: Socket): string | undefined {
    const known = peers.get(socket);
    if (known !== undefined) return known;
    const { remoteAddress } = socket;
    if (remoteAddress === undefined) return undefined;
    const peer = plainAddress(remoteAddress) ?? remoteAddress;
    peers.set(socket, peer);
    return peer;
  }
  return (request) => {
    const peer = peerOf(request.socket);
    if (peer === undefined || trusted.length === 0 || !isWithin(trusted, peer)) return peer;
    return forwardedFor(request.headersDistinct['x-forwarded-for'] ?? [], peer, trusted);
  };
}

function forwardedFor(
  fields: readonly string[],
  peer: string,
  trusted: readonly AddressRange[],
): string | undefined {
  let address = peer;
  const entries = fields.join(',').split(',').slice(-MAX_PROXIES).toReversed();
  for (const entry of entries) {
    const found = addressOf(entry.trim());
    // A trusted proxy that names nobody: it is the last one that is known.
    if (found === undefined) return address;
    address = found;
    if (!isWithin(trusted, address)) return address;
  }
  return address;
}

/** Some proxies add the port. */
function addressOf(entry: string): string | undefined {
  const bracketed = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(entry)?.[1];
  const withPort = /^([^:]+):\d{1,5}$/.exec(entry)?.[1];
  return plainAddress(bracketed ?? withPort ?? entry);
}

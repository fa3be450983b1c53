// The addresses that this process tells others: of gateways, of their metadata, of its own listeners.

import type { ListenAddress } from './config.ts';

/** Where a gateway is called. */
export function gatewayUrl(publicUrl: string, domain: string | undefined, gatewayId: string): string {
  return domain === undefined
    ? `${publicUrl}/gateways/${gatewayId}/mcp`
    : `https://${gatewayId}.${domain}/mcp`;
}

/** RFC 9728 §3.1: the well-known part goes between host and path. */
export function metadataUrl(resource: string): string {
  const url = new URL(resource);
  return `${url.origin}/.well-known/oauth-protected-resource${url.pathname}`;
}

/** Where a listener is reached from this machine. */
export function baseUrl({ host, port }: ListenAddress): string {
  const shown =
    host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  return `http://${shown}:${port}`;
}

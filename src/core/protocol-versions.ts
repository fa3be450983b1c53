// The revisions of the Model Context Protocol that this version speaks, newest first. Both planes go by this list:
// what `supportedVersions` of a gateway may name, and what is offered to clients.

export const PROTOCOL_VERSIONS: readonly string[] = Object.freeze([
  '2026-07-28',
  '2025-11-25',
  '2025-06-18',
  '2025-03-26',
  '2024-11-05',
]);

/** The first revision whose requests describe themselves; versions are dates, so text order is time order. */
const FIRST_MODERN_VERSION = '2026-07-28';

/** True for version strings from which on there is no handshake. */
export function isModernVersion(version: string): boolean {
  return version >= FIRST_MODERN_VERSION && /^\d{4}-\d{2}-\d{2}$/.test(version);
}

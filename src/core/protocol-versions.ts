// The revisions of the Model Context Protocol that this version speaks, newest first. Both planes go by this list:
// what `supportedVersions` of a gateway may name, and what is offered to clients.

export const PROTOCOL_VERSIONS: readonly string[] = Object.freeze([
  '2026-07-28',
  '2025-11-25',
  '2025-06-18',
  '2025-03-26',
]);

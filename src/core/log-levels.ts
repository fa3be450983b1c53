// Log levels of MCP (RFC 5424 §6.2.1), least severe first.

export const LOG_LEVELS: readonly string[] = Object.freeze([
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
]);

/** What clients of earlier revisions get that have not said what they want: they cannot say it before they know. */
export const DEFAULT_LOG_LEVEL = 'info';

// Structured logging: one JSON line an event on stdout. Only plain values can be logged (LogFields), so that
// no object with a secret inside can slip in. Control characters in values cannot break a line: JSON escapes them.

import { pino } from 'pino';
import type { Log, LogFields } from '../core/call.ts';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'silent';

export interface ProcessLog extends Log {
  /** Writes out what is buffered; call it before the process ends. */
  flush(): void;
}

/** The log of this process. `sync` writes each line at once (for command-line use and tests). */
export function createLog(level: LogLevel, options: { readonly sync?: boolean; readonly stream?: 1 | 2 } = {}): ProcessLog {
  const destination = pino.destination({ dest: options.stream ?? 1, sync: options.sync ?? false, minLength: 0 });
  const logger = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  const at =
    (name: 'error' | 'warn' | 'info' | 'debug') =>
    (fields: LogFields, message: string): void =>
      logger[name](fields, message);
  return Object.freeze({
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    flush: () => {
      try {
        destination.flushSync();
      } catch {
        // Nothing was opened yet, or stdout is gone: there is nobody left to tell.
      }
    },
  });
}

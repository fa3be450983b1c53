// Structured logging: one JSON line an event on stdout, or short lines for people on a terminal. Only plain values
// can be logged (LogFields), so that no object with a secret inside can slip in. Control characters in values cannot
// break a line: JSON escapes them.

import { styleText } from 'node:util';
import { pino } from 'pino';
import type { Log, LogFields } from '../core/call.ts';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

export interface ProcessLog extends Log {
  /** Writes out what is buffered; call it before the process ends. */
  flush(): void;
}

/** UTF-16 code units. */
const GATHERED_LENGTH = 16 * 1024;
const GATHERED_MS = 100;

const LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];

/** The log of this process. */
export function createLog(level: LogLevel, options: { readonly isForPeople?: boolean } = {}): ProcessLog {
  return options.isForPeople === true ? createPeopleLog(level) : createJsonLog(level);
}

function createJsonLog(level: LogLevel): ProcessLog {
  // Lines are gathered for a moment: a system call each would cost more than making them. Faults go out at once.
  // Written synchronously, as Node itself writes to pipes and files: a hand-over to another thread costs more.
  const destination = pino.destination({ dest: 1, sync: true });
  let gathered = '';
  const writeOut = (): void => {
    const lines = gathered;
    gathered = '';
    if (lines !== '') destination.write(lines);
  };
  const flush = (): void => {
    try {
      writeOut();
      destination.flushSync();
    } catch {
      // Nothing was opened yet, or stdout is gone: there is nobody left to tell.
    }
  };
  setInterval(writeOut, GATHERED_MS).unref();
  const timeOf = createTimestamp();
  const least = LEVELS.indexOf(level);
  const at = (name: LogLevel) => {
    if (LEVELS.indexOf(name) > least) return () => undefined;
    const isUrgent = name === 'error' || name === 'warn';
    return (fields: LogFields, message: string): void => {
      // All values are plain (LogFields), so that the engine's own writer does it at half the cost of pino's, which looks
      // at each member. The members and their order are pino's.
      const text = JSON.stringify(fields);
      const members = text === '{}' ? '' : `,${text.slice(1, -1)}`;
      gathered += `{"level":"${name}"${timeOf()}${members},"msg":${JSON.stringify(message)}}\n`;
      if (isUrgent || gathered.length >= GATHERED_LENGTH) writeOut();
    };
  };
  return Object.freeze({ error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug'), flush });
}

/** The time as a member of a line; lines of one millisecond share the text. */
function createTimestamp(): () => string {
  let last = 0;
  let text = '';
  return () => {
    const now = Date.now();
    if (now !== last) {
      last = now;
      text = `,"time":"${new Date(now).toISOString()}"`;
    }
    return text;
  };
}

function createPeopleLog(level: LogLevel): ProcessLog {
  const at = (name: LogLevel) => {
    const isShown = LEVELS.indexOf(name) <= LEVELS.indexOf(level);
    const color = name === 'error' ? 'red' : name === 'warn' ? 'yellow' : 'gray';
    return (fields: LogFields, message: string): void => {
      if (!isShown) return;
      const shown = Object.entries(fields)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => `${key}=${JSON.stringify(value)}`);
      const time = new Date().toTimeString().slice(0, 8);
      process.stdout.write(`${styleText(color, `${time} ${message}`)} ${shown.join(' ')}\n`);
    };
  };
  return Object.freeze({
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    flush: () => undefined,
  });
}

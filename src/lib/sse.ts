// Server-sent events as the WHATWG HTML standard has them (§9.2.6, "Interpreting an event stream"), read from chunks
// cut anywhere. Knows events only: what their data means is the reader's.

/** One dispatched event. */
export interface SseEvent {
  /** `message` where the stream named none. */
  readonly type: string;
  readonly data: string;
}

/** Reads one stream; it is as good as its last chunk, and an event that was not finished is no event. */
export interface SseParser {
  /** The events that this chunk completes. @throws RangeError when one is longer than allowed */
  push(chunk: Uint8Array): readonly SseEvent[];
  /** What to resume with: the last id of the stream so far, empty where there was none. */
  readonly lastEventId: string;
  /** The last reconnection time that the stream asked for. Milliseconds. */
  readonly retryMs: number | undefined;
}

/** @param maxLength of one event with all its lines, in characters */
export function createSseParser(maxLength: number): SseParser {
  // Removes one byte order mark at the beginning, and puts U+FFFD where bytes are not UTF-8, as the standard says.
  const decoder = new TextDecoder('utf-8');
  let line = '';
  let data: string[] = [];
  let type = '';
  let id = '';
  let length = 0;
  let lastEventId = '';
  let retryMs: number | undefined;
  let isAfterCr = false;

  const grow = (by: number): void => {
    length += by;
    if (length > maxLength) throw new RangeError(`an event is longer than ${maxLength} characters`);
  };
  const readField = (text: string): void => {
    const colon = text.indexOf(':');
    if (colon === 0) return;
    const name = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(text.startsWith(' ', colon + 1) ? colon + 2 : colon + 1);
    if (name === 'data') data.push(value);
    else if (name === 'event') type = value;
    else if (name === 'id') id = value.includes('\0') ? id : value;
    else if (name === 'retry' && /^\d+$/.test(value)) retryMs = Number(value);
  };
  const dispatch = (): SseEvent | undefined => {
    lastEventId = id;
    const event = data.length === 0 ? undefined : { type: type || 'message', data: data.join('\n') };
    data = [];
    type = '';
    length = 0;
    return event;
  };
  const endLine = (): SseEvent | undefined => {
    const text = line;
    line = '';
    if (text === '') return dispatch();
    // Comments are no part of an event, and a stream may be kept alive with them for hours.
    if (text.startsWith(':')) length -= text.length;
    else readField(text);
    return undefined;
  };

  return {
    push(chunk) {
      const text = decoder.decode(chunk, { stream: true });
      const events: SseEvent[] = [];
      let start = 0;
      if (isAfterCr && text !== '') {
        if (text.startsWith('\n')) start = 1;
        isAfterCr = false;
      }
      const breaks = /\r\n|\r|\n/g;
      breaks.lastIndex = start;
      for (let found = breaks.exec(text); found; found = breaks.exec(text)) {
        grow(found.index - start);
        line += text.slice(start, found.index);
        start = found.index + found[0].length;
        isAfterCr = found[0] === '\r' && start === text.length;
        const event = endLine();
        if (event) events.push(event);
      }
      grow(text.length - start);
      line += text.slice(start);
      return events;
    },
    get lastEventId() {
      return lastEventId;
    },
    get retryMs() {
      return retryMs;
    },
  };
}

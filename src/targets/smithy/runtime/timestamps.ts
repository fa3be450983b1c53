// Times as tools write them: ISO 8601, as JSON Schema's `date-time`; read also as seconds since 1970 and as HTTP dates.

const ISO = /^\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:?\d\d)?)?$/;
const HTTP_DATE =
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d(\.\d{1,3})? GMT$/;
const SECONDS = /^-?\d{1,12}(\.\d{1,9})?$/;

/** The time that a JSON value tells, or undefined when it tells none. */
export function parseTimestamp(value: unknown): Date | undefined {
  const time =
    typeof value === 'number'
      ? ofSeconds(value)
      : typeof value === 'string'
        ? ofText(value.trim())
        : undefined;
  return time === undefined || Number.isNaN(time.getTime()) ? undefined : time;
}

function ofSeconds(seconds: number): Date {
  return new Date(Math.round(seconds * 1000));
}

function ofText(text: string): Date | undefined {
  if (SECONDS.test(text)) return ofSeconds(Number(text));
  if (ISO.test(text)) {
    const hasTime = text.length > 10;
    // A time without a zone is taken as UTC, on every machine the same.
    const isZoned = /([Zz]|[+-]\d\d:?\d\d)$/.test(text.slice(10));
    return new Date(hasTime && !isZoned ? `${text}Z` : text);
  }
  return HTTP_DATE.test(text) ? new Date(text) : undefined;
}

/** `2024-02-29T12:30:00Z`, with milliseconds only where there are some. */
export function renderTimestamp(time: Date): string {
  return time.toISOString().replace('.000Z', 'Z');
}

/** An answer's headers with lower-case names; a list where the server sent a header several times. */
export type ResponseHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** The header's first value, or null where it is missing or blank. `name` is in lower case. */
export function headerValue(headers: ResponseHeaders, name: string): string | null {
  const found = headers[name];
  if (found === undefined) return null;
  const value = (typeof found === 'string' ? found : (found[0] ?? '')).trim();
  return value === '' ? null : value;
}

/**
 * An HTTP date as epoch milliseconds, null where it is none. All three forms of RFC 9110 section 5.6.7 are read, and
 * ISO 8601 as some gateways write it.
 */
export function httpDateMs(value: string | null): number | null {
  // Date.parse alone takes nearly anything for a date: '-5' is a day in May.
  if (value === null || !DATE_SHAPE.test(value)) return null;
  const ms = Date.parse(ZONE.test(value) ? value : `${value} GMT`);
  return Number.isNaN(ms) ? null : ms;
}

const DATE_SHAPE = /^(?:[A-Za-z]{3,9},? |\d{4}-\d\d-\d\dT).*\d\d:\d\d:\d\d/;
/** asctime, the third form, has no zone and means UTC. */
const ZONE = /(?:[A-Z]{1,4}|[+-]\d\d:?\d\d)$/;

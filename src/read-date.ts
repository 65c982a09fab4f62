/** A date as an export has it, in epoch milliseconds. */
export interface CellDate {
  /** The first and the last moment that is meant: a date without a time is its whole day. Without a zone it is UTC. */
  readonly earliestMs: number;
  readonly latestMs: number;
  /** The last one with its zone left out: as the clock on the wall was read. */
  readonly writtenMs: number;
  readonly hasZone: boolean;
}

/**
 * Reads ISO 8601 dates and times (`2026-11-20`, `2026-11-20T10:05:00.000Z`, `2026-11-20 10:05`, `…+0100`, `… UTC`), and seconds or
 * milliseconds since 1970 (10 or 13 digits).
 * @returns null for anything else; for `11/12/2026` too, which is two days, one in America
 */
export function readDate(cell: string): CellDate | null {
  const text = cell.trim();
  if (/^\d{10}$|^\d{13}$/.test(text)) {
    const ms = text.length === 10 ? Number(text) * 1000 : Number(text);
    return { earliestMs: ms, latestMs: ms, writtenMs: ms, hasZone: true };
  }
  const found = DATE.exec(text);
  if (found === null) return null;
  const [, year = '', month = '', day = '', hour, minute, second = '00', fraction = '', zone] = found;
  const date = Date.UTC(Number(year), Number(month) - 1, Number(day));
  // Date.UTC makes 2 March of 30 February.
  if (new Date(date).toISOString().slice(0, 10) !== `${year}-${month}-${day}`) return null;
  if (hour === undefined) {
    const last = date + DAY_MS - 1;
    return { earliestMs: date, latestMs: last, writtenMs: last, hasZone: false };
  }
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return null;
  const ms = Number(fraction.slice(0, 3).padEnd(3, '0'));
  const writtenMs = date + ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000 + ms;
  const instantMs = writtenMs - zoneMs(zone);
  return { earliestMs: instantMs, latestMs: instantMs, writtenMs, hasZone: zone !== undefined };
}

const DATE =
  /^(\d{4})-(\d{2})-(\d{2})(?:(?:T|\s+)(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?:\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?)?$/i;
const DAY_MS = 24 * 60 * 60 * 1000;

function zoneMs(zone: string | undefined): number {
  const found = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone ?? '');
  if (found === null) return 0;
  const ms = (Number(found[2]) * 60 + Number(found[3] ?? 0)) * 60_000;
  return found[1] === '-' ? -ms : ms;
}

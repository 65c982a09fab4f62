import type { Filter, Since } from './fields.js';
import { parseDuration, type Refuse, show } from './option-values.js';
import { readDate } from './read-date.js';

/** `column=value` and `column!=value` strings, or an object of column → value. */
export function parseFilters(found: unknown, refuse: Refuse): readonly Filter[] | undefined {
  const expected = 'column=value or column!=value';
  if (typeof found !== 'object' || found === null) return refuse(expected);
  if (Array.isArray(found)) {
    const filters = found.map((condition) => parseFilter(condition) ?? refuse(expected, show(condition)));
    return filters.filter((filter) => filter !== undefined);
  }
  return Object.entries(found).map(([column, value]) => {
    if (!['string', 'number', 'boolean'].includes(typeof value)) refuse(`a value for the column ${show(column)}`, show(value));
    return { column, isNot: false, value: String(value) };
  });
}

function parseFilter(condition: unknown): Filter | null {
  // The value may be empty, and hold any sign.
  const found = typeof condition === 'string' ? /^(.*?)(!?=)(.*)$/s.exec(condition) : null;
  const [, column = '', operator, value = ''] = found ?? [];
  return column.trim() === '' ? null : { column, isNot: operator === '!=', value };
}

/** `column=date`: a date, a time with or without a zone, or a duration back from now (`2d`). */
export function parseSince(found: unknown, refuse: Refuse): Since | undefined {
  const expected = 'column=date, such as "Create Date=2026-11-20", "…=2026-11-20T08:00:00Z", or "…=2d" for the last two days';
  const parts = typeof found === 'string' ? /^(.*?)=(.*)$/s.exec(found) : null;
  const [, column = '', value = ''] = parts ?? [];
  if (column.trim() === '') return refuse(expected);
  const agoMs = parseDuration(value);
  if (agoMs !== null) return { column, fromMs: Date.now() - agoMs, isLocal: false };
  const date = readDate(value);
  return date === null ? refuse(expected, show(value)) : { column, fromMs: date.earliestMs, isLocal: !date.hasZone };
}

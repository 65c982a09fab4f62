import type { Filter, Since } from '../fields.js';
import { readDate } from '../read-date.js';
import type { ColumnSource } from './candidates.js';

/** Which rows are taken, with the columns found. */
export interface RowFilter {
  readonly filters: readonly (Filter & { readonly source: ColumnSource })[];
  readonly since: (Since & { readonly source: ColumnSource }) | null;
}

export interface RowPredicate {
  (cells: readonly string[]): boolean;
  /** Rows so far whose cell of `--since` holds no date that can be read: they are taken. */
  readonly undated: () => number;
}

/**
 * True for rows that are taken: every filter holds, and the date isn't before `--since`. Values are compared without the spaces around them,
 * and whatever their case. A row whose date can't be read is taken: a note too many is known to the ledger, one too few is lost.
 */
export function createRowFilter({ filters, since }: RowFilter): RowPredicate {
  const wanted = filters.map(({ source, isNot, value }) => ({ index: source.index, isNot, value: comparable(value) }));
  let undated = 0;
  const isTaken = (cells: readonly string[]): boolean => {
    if (wanted.some(({ index, isNot, value }) => (comparable(cells[index] ?? '') === value) === isNot)) return false;
    if (since === null) return true;
    const date = readDate(cells[since.source.index] ?? '');
    if (date === null) {
      undated++;
      return true;
    }
    return date.latestMs >= since.fromMs || (since.isLocal && date.writtenMs >= since.fromMs);
  };
  return Object.assign(isTaken, { undated: () => undated });
}

/** Excel writes TRUE where the CRM wrote true. */
function comparable(value: string): string {
  return value.trim().toLowerCase().normalize('NFC');
}

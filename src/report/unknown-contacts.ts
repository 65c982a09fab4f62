import { join } from 'node:path';
import { type RowFailure, UNKNOWN_CONTACT } from '../model.js';
import { csvHeader, csvRows } from './csv.js';
import { guardCell } from './guard.js';
import { reportFile } from './report-file.js';
import { openReportFile } from './run-folder.js';

/** The CRM's ids that the list of contacts (`--contacts`) doesn't know, and how many rows each has. */
export interface UnknownContacts {
  add(failure: RowFailure): void;
  /**
   * Writes `unknown-contacts.csv`, most rows first: with the contacts filled in, it is a list of contacts itself.
   * @returns its path; null where every id was known
   */
  write(folder: string): Promise<string | null>;
}

/** The id that the list of contacts doesn't know; null: the row failed for another reason. */
export function unknownContactOf({ details }: Pick<RowFailure, 'details'>): string | null {
  if (!Array.isArray(details)) return null;
  for (const problem of details) {
    if (typeof problem === 'object' && problem !== null && problem.rule === UNKNOWN_CONTACT && typeof problem.value === 'string')
      return problem.value;
  }
  return null;
}

/** In bounded memory: of ids beyond the first 200,000 only the rows are counted. */
export function countUnknownContacts(): UnknownContacts {
  const rows = new Map<string, number>();
  let characters = 0;
  let uncounted = 0;

  return {
    add(failure) {
      const id = unknownContactOf(failure);
      if (id === null) return;
      const known = rows.get(id);
      if (known !== undefined) rows.set(id, known + 1);
      else if (rows.size < MOST_IDS && characters < MOST_CHARACTERS) {
        characters += id.length;
        rows.set(id, 1);
      } else uncounted++;
    },
    async write(folder) {
      if (rows.size === 0) return null;
      const path = join(folder, 'unknown-contacts.csv');
      const file = reportFile(path, await openReportFile(path));
      try {
        file.append(csvHeader(['crmId', 'rows', 'contactId']));
        const byRows = [...rows].sort(([, a], [, b]) => b - a);
        for (let from = 0; from < byRows.length; from += LINES_AT_ONCE) {
          file.append(csvRows(byRows.slice(from, from + LINES_AT_ONCE).map(([id, count]) => [guardCell(id), String(count), ''])));
          await file.ready();
        }
        if (uncounted > 0) file.append(csvRows([['(other ids)', String(uncounted), '']]));
      } finally {
        await file.close();
      }
      return path;
    },
  };
}

const MOST_IDS = 200_000;
const MOST_CHARACTERS = 20_000_000;
const LINES_AT_ONCE = 1000;

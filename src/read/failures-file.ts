import { UserError } from '../errors.js';
import type { FailureClass } from '../model.js';

/** The columns that `report/` adds to a failures file, in its order. */
const ADDED = ['_row', '_class', '_status', '_message', '_details', '_attempts', '_fingerprint', '_occurrence', '_escaped'] as const;

/** Without these its rows can't be made the original ones again. */
const NEEDED = ['_class', '_occurrence', '_escaped'] as const;
/** So many of the columns make it a failures file: no CRM has them. */
const RECOGNISED_BY = 3;

/** Undoes what the report did to a failures file, so that its rows are the original ones again. */
export interface FailuresFile {
  /** The original columns. */
  readonly header: readonly string[];
  /** @param cells all cells of a record, as many as the file's header has */
  restore(cells: readonly string[]): Restored;
}

type Restored =
  | { readonly kind: 'restored'; readonly cells: readonly string[]; readonly occurrence: number | null }
  /** Of a class that wasn't asked for. */
  | { readonly kind: 'left_out' }
  /** It stands for a record that couldn't be read: the row was never in this file. */
  | { readonly kind: 'placeholder' }
  | { readonly kind: 'unreadable'; readonly message: string };

/**
 * @param header as it stands in the file; a spreadsheet may have moved its columns
 * @param only the classes to take; null: all
 * @returns null if this isn't a failures file
 * @throws UserError if it is one that lacks a column which is needed to undo what the report did
 */
export function failuresFile(header: readonly string[], only: readonly FailureClass[] | null): FailuresFile | null {
  const spelled = header.map((name) => name.trim().toLowerCase());
  const added = ADDED.map((name) => spelled.lastIndexOf(name)).filter((at) => at >= 0);
  if (added.length < RECOGNISED_BY) return null;
  const missing = NEEDED.filter((name) => !spelled.includes(name));
  if (missing.length > 0) throw lacking(missing);
  const own = header.map((_, i) => i).filter((i) => !added.includes(i));
  const names = own.map((i) => unguarded(header[i]!));
  const columnOf = columnsByName(names);
  const classAt = spelled.lastIndexOf('_class');
  const occurrenceAt = spelled.lastIndexOf('_occurrence');
  const escapedAt = spelled.lastIndexOf('_escaped');

  return {
    header: names,
    restore: (all) => {
      const cells = own.map((i) => all[i]!);
      const failureClass = all[classAt]!;
      if (failureClass === 'malformed' && cells.every((cell) => cell === '')) return { kind: 'placeholder' };
      // Not `includes`: the cell can be any text.
      if (only !== null && !only.some((wanted) => wanted === failureClass)) return { kind: 'left_out' };
      const guarded = escapedNames(all[escapedAt]!);
      if (guarded === null) return { kind: 'unreadable', message: ESCAPED_UNREADABLE };
      const columns = guarded.map((name) => columnOf.get(name));
      const gone = guarded.find((_, i) => columns[i] === undefined);
      // A column that is gone needs no undoing; one that was renamed does, and shows by its apostrophe.
      if (gone !== undefined && cells.some((cell, i) => cell.startsWith("'") && !columns.includes(i))) {
        return { kind: 'unreadable', message: renamed(gone) };
      }
      for (const column of columns) if (column !== undefined) cells[column] = unguarded(cells[column]!);
      return { kind: 'restored', cells, occurrence: positiveInteger(all[occurrenceAt]!) };
    },
  };
}

function lacking(missing: readonly string[]): UserError {
  return new UserError(
    `This is a failures file, but its ${missing.length > 1 ? 'columns' : 'column'} ${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} gone. Without ${NEEDED.join(', ')} the notes can't be told from what was added to protect them in a spreadsheet. Put them back, from the original failures.csv.`,
  );
}

function renamed(column: string): string {
  return `_escaped names the column ${JSON.stringify(column)}, which is gone or was renamed, and a cell still has the apostrophe that protected it; give the column its name back`;
}

const ESCAPED_UNREADABLE =
  'the cell in the column _escaped was changed: expected the list of columns that were guarded against formulas, such as ["text"], or []; take the row from the original failures file';

/** The guard puts one apostrophe in front of what a spreadsheet would take for a formula, and of what begins with an apostrophe. */
export function unguarded(cell: string): string {
  return cell.startsWith("'") ? cell.slice(1) : cell;
}

/** How `_escaped` names a column: by its header, or by `#` and its position from 1 where that is empty, ambiguous or begins with `#`. */
function columnsByName(names: readonly string[]): ReadonlyMap<string, number> {
  const columns = new Map<string, number>();
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  names.forEach((name, i) => {
    const unique = name !== '' && !name.startsWith('#') && counts.get(name) === 1;
    columns.set(unique ? name : `#${i + 1}`, i);
  });
  return columns;
}

function escapedNames(cell: string): readonly string[] | null {
  if (cell === '' || cell === '[]') return [];
  try {
    const names: unknown = JSON.parse(cell);
    return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : null;
  } catch {
    return null;
  }
}

function positiveInteger(cell: string): number | null {
  return /^[1-9]\d{0,14}$/.test(cell) ? Number(cell) : null;
}

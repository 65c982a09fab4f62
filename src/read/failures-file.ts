import type { FailureClass } from '../model.js';

/** The columns that `report/` adds to a failures file, in its order. */
const ADDED = ['_row', '_class', '_status', '_message', '_details', '_attempts', '_fingerprint', '_occurrence', '_escaped'] as const;

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
 */
export function failuresFile(header: readonly string[], only: readonly FailureClass[] | null): FailuresFile | null {
  const added = ADDED.map((name) => header.lastIndexOf(name));
  if (added.includes(-1)) return null;
  const own = header.map((_, i) => i).filter((i) => !added.includes(i));
  const names = own.map((i) => unguarded(header[i]!));
  const columnOf = columnsByName(names);
  const classAt = header.lastIndexOf('_class');
  const occurrenceAt = header.lastIndexOf('_occurrence');
  const escapedAt = header.lastIndexOf('_escaped');

  return {
    header: names,
    restore: (all) => {
      const cells = own.map((i) => all[i]!);
      const failureClass = all[classAt]!;
      if (failureClass === 'malformed' && cells.every((cell) => cell === '')) return { kind: 'placeholder' };
      // Not `includes`: the cell can be any text.
      if (only !== null && !only.some((wanted) => wanted === failureClass)) return { kind: 'left_out' };
      for (const name of escapedNames(all[escapedAt]!) ?? [null]) {
        const column = name === null ? undefined : columnOf.get(name);
        if (column === undefined) return { kind: 'unreadable', message: ESCAPED_UNREADABLE };
        cells[column] = unguarded(cells[column]!);
      }
      return { kind: 'restored', cells, occurrence: positiveInteger(all[occurrenceAt]!) };
    },
  };
}

const ESCAPED_UNREADABLE =
  'the cell in the column _escaped was changed: expected the list of columns that were guarded against formulas, such as ["text"], or []; take the row from the original failures file';

/** The guard puts one apostrophe in front of what a spreadsheet would take for a formula, and of what begins with an apostrophe. */
function unguarded(cell: string): string {
  return cell.startsWith("'") ? cell.slice(1) : cell;
}

/** How `_escaped` names a column: by its header, or by `#` and its position from 1 where that is empty, ambiguous or begins with `#`. */
function columnsByName(names: readonly string[]): ReadonlyMap<string, number> {
  const columns = new Map<string, number>();
  names.forEach((name, i) => {
    const unique = name !== '' && !name.startsWith('#') && names.indexOf(name) === names.lastIndexOf(name);
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

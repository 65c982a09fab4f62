import { isChangedNumber, isChangedValue } from './spreadsheet-change.js';

/**
 * The formula guard: a cell that a spreadsheet might take for a formula gets one apostrophe in front. It is undone by taking one away from
 * the columns that `_escaped` names, so cells that begin with an apostrophe get one too.
 *
 * The characters are OWASP's for "CSV Injection", full-width and small forms included, plus what stands behind blanks and invisible
 * characters, since some spreadsheets trim before they look.
 */
export function guardCell(cell: string): string {
  return mayBeFormula(cell) ? `'${cell}` : cell;
}

/**
 * What else gets an apostrophe: `formulas` nothing; `numbers` those that a spreadsheet would save in another form than they came;
 * `values` also dates, decimals and the like, which some spreadsheets change.
 */
export type Guard = 'formulas' | 'numbers' | 'values';

export function guardCellAs(cell: string, guard: Guard): string {
  return needsGuard(cell, guard) ? `'${cell}` : cell;
}

function needsGuard(cell: string, guard: Guard): boolean {
  if (mayBeFormula(cell)) return true;
  if (guard === 'formulas') return false;
  return isChangedNumber(cell) || (guard === 'values' && isChangedValue(cell));
}

/** A row of the input as a failures file has it. */
interface GuardedRow {
  readonly cells: readonly string[];
  /** The `_escaped` cell: a JSON array of the guarded columns' names, or empty where none was. */
  readonly escaped: string;
}

/** @param names the columns' names in `_escaped`, from `escapedNames` */
export function guardRow(cells: readonly string[], names: readonly string[], guard: Guard = 'formulas'): GuardedRow {
  let guarded: string[] | null = null;
  let escaped: string[] | null = null;
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i] ?? '';
    if (!needsGuard(cell, guard)) continue;
    guarded ??= cells.slice();
    escaped ??= [];
    guarded[i] = `'${cell}`;
    escaped.push(names[i] ?? `#${i + 1}`);
  }
  return { cells: guarded ?? cells, escaped: escaped === null ? '' : JSON.stringify(escaped) };
}

/** How `_escaped` names each column: by its header, or `#n` (from 1) where that is empty, not unique, or itself begins with `#`. */
export function escapedNames(header: readonly string[]): readonly string[] {
  const seen = new Map<string, number>();
  for (const name of header) seen.set(name, (seen.get(name) ?? 0) + 1);
  return header.map((name, i) => (name === '' || name.startsWith('#') || (seen.get(name) ?? 0) > 1 ? `#${i + 1}` : name));
}

const APOSTROPHE = 0x27;

function mayBeFormula(cell: string): boolean {
  for (let i = 0; i < cell.length; i++) {
    const code = cell.charCodeAt(i);
    if (isFormulaLead(code)) return true;
    if (i === 0 && (code === APOSTROPHE || code === 0x09 || code === 0x0a || code === 0x0d)) return true;
    if (!isBlank(code)) return false;
  }
  return false;
}

function isFormulaLead(code: number): boolean {
  if (code < 0x80) return code === 0x3d || code === 0x2b || code === 0x2d || code === 0x40; // = + - @
  return (
    code === 0xff1d || // full-width = + - @
    code === 0xff0b ||
    code === 0xff0d ||
    code === 0xff20 ||
    code === 0xfe66 || // small = + - @
    code === 0xfe62 ||
    code === 0xfe63 ||
    code === 0xfe6b ||
    code === 0x2212 // minus sign
  );
}

/** White space, control and invisible characters: what a spreadsheet may skip before it looks for a formula. */
function isBlank(code: number): boolean {
  if (code < 0x80) return code <= 0x20 || code === 0x7f;
  return (
    code <= 0xa0 ||
    code === 0xad ||
    code === 0x61c ||
    code === 0x1680 ||
    code === 0x180e ||
    (code >= 0x2000 && code <= 0x200f) ||
    (code >= 0x2028 && code <= 0x202f) ||
    (code >= 0x205f && code <= 0x206f) ||
    code === 0x3000 ||
    code === 0xfeff
  );
}

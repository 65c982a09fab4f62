import { UserError } from '../errors.js';
import type { Fingerprint, SourceRecord } from '../model.js';
import { unguarded } from './failures-file.js';

/** A row of a success.csv: of a note that is in the API, or (`undone`) was, or (`partly_undone`) of which some parts are. */
export interface SuccessRow {
  readonly row: string;
  readonly contactId: string;
  readonly subOrg: string | null;
  readonly memoryId: string | null;
  readonly status: (typeof STATUSES)[number];
  /** ISO date-time, as the server gave it. */
  readonly createdAt: string | null;
  readonly attempts: number;
  /** Where the note is partly undone: of the last part that is there. */
  readonly fingerprint: Fingerprint;
  /** Of a note in several memories those before the last, which is the note's own. */
  readonly partsBefore: readonly { readonly fingerprint: Fingerprint; readonly memoryId: string | null }[];
}

/** All that `report/` writes; a spreadsheet may have moved them, or added others. */
const COLUMNS = ['row', 'contactId', 'subOrg', 'name', 'memoryId', 'status', 'createdAt', 'attempts', 'fingerprint'] as const;
/** The name doesn't say which note it is. */
const NEEDED = COLUMNS.filter((name) => name !== 'name');
const FINGERPRINTS = /^[0-9a-f]{64}( [0-9a-f]{64})*$/;
const STATUSES = ['created', 'recovered', 'already_imported', 'duplicate', 'undone', 'partly_undone'] as const;

export function isSuccessHeader(header: readonly string[]): boolean {
  return missingColumns(header).length === 0;
}

export function notASuccessFile(path: string, header: readonly string[]): UserError {
  const seen = header.slice(0, 12).map((cell) => JSON.stringify(cell.slice(0, 40)));
  return new UserError(
    `${path} isn't the success.csv of a run: expected the columns ${COLUMNS.join(',')}; ${missingColumns(header).join(', ')} ${missingColumns(header).length === 1 ? 'is' : 'are'} missing, and the header has ${seen.join(', ')}. Nothing was changed.`,
  );
}

/** @returns what reads a record of a file with this header: its row, or what is wrong with it */
export function successRows(header: readonly string[]): (record: SourceRecord) => SuccessRow | string {
  const names = spelled(header);
  const at = new Map(COLUMNS.map((name) => [name, names.indexOf(name.toLowerCase())]));
  return ({ cells }) => {
    // What the report protected against formulas has an apostrophe in front.
    const cell = (name: (typeof COLUMNS)[number]) => unguarded(cells[at.get(name) ?? -1] ?? '');
    const status = STATUSES.find((known) => known === cell('status'));
    if (status === undefined) return expected('status', `one of ${STATUSES.join(', ')}`, cell('status'));
    if (!FINGERPRINTS.test(cell('fingerprint'))) return expected('fingerprint', '64 digits 0-9 and a-f', cell('fingerprint'));
    const fingerprints = cell('fingerprint').split(' ') as Fingerprint[]; // 64 hex digits each, checked above
    // Only of several memories the ids stand together: an id may hold a space.
    const isNoneKnown = cell('memoryId') === '';
    const ids = fingerprints.length === 1 || isNoneKnown ? fingerprints.map(() => cell('memoryId')) : cell('memoryId').split(' ');
    if (ids.length !== fingerprints.length) return expected('memoryId', `${fingerprints.length} ids`, cell('memoryId'));
    const idOf = (i: number) => (fingerprints.length > 1 && ids[i] === '-' ? null : orNull(ids[i] ?? ''));
    const last = fingerprints.length - 1;
    if (cell('contactId').trim() === '') return expected('contactId', "a contact's id", cell('contactId'));
    if (cell('createdAt') !== '' && Number.isNaN(Date.parse(cell('createdAt'))))
      return expected('createdAt', 'a time such as 2026-11-23T03:07:49.000Z, or nothing', cell('createdAt'));
    if (!/^\d{1,9}$/.test(cell('attempts'))) return expected('attempts', 'a number', cell('attempts'));
    return {
      row: cell('row'),
      contactId: cell('contactId'),
      subOrg: orNull(cell('subOrg')),
      memoryId: idOf(last),
      status,
      createdAt: orNull(cell('createdAt')),
      attempts: Number(cell('attempts')),
      fingerprint: fingerprints[last]!,
      partsBefore: fingerprints.slice(0, -1).map((fingerprint, i) => ({ fingerprint, memoryId: idOf(i) })),
    };
  };
}

function missingColumns(header: readonly string[]): readonly string[] {
  const names = spelled(header);
  return NEEDED.filter((name) => !names.includes(name.toLowerCase()));
}

function spelled(header: readonly string[]): readonly string[] {
  return header.map((name) => name.trim().toLowerCase());
}

function expected(column: string, what: string, found: string): string {
  return `${column}: expected ${what}, found ${found === '' ? 'nothing' : JSON.stringify(found.slice(0, 80))}`;
}

function orNull(text: string): string | null {
  return text === '' ? null : text;
}

import { UserError } from '../errors.js';
import { describe, isCorrupt } from './database-error.js';
import { openLedgerReader } from './ledger-reader.js';

/** What `ledger export` says of a note, in the order of its columns. */
export const EXPORT_COLUMNS = [
  'fingerprint',
  'contactId',
  'subOrg',
  'state',
  'memoryId',
  'how',
  'createdAt',
  'runId',
  'row',
  'class',
  'status',
  'attempts',
  'claimedAt',
  'settledAt',
  'inDoubtSince',
  'closingLookDue',
  'sentHash',
  'inputHash',
] as const;

const PAGE = 1000;
const NOTES = `SELECT note_key, lower(hex(fingerprint)) AS fingerprint, contact_id, sub_org, state, memory_id, how, created_at, run_id, row, class, status, attempts,
  claimed_at, settled_at, since, CASE closing WHEN 1 THEN 'yes' END AS closing, lower(hex(sent_hash)) AS sent_hash, lower(hex(input_hash)) AS input_hash
  FROM note LEFT JOIN run USING (run_number) WHERE note_key > ? ORDER BY note_key LIMIT ${PAGE}`;

/**
 * What the ledger knows of each note, page by page, oldest first. Each page is of one moment: a run that goes on meanwhile isn't held up.
 * @throws UserError where there is no ledger, or it can't be read to its end
 */
export function* exportNotes(givenPath: string): Generator<readonly (readonly string[])[]> {
  const { database, path } = openLedgerReader(givenPath);
  let notes = 0;
  try {
    for (let after = 0; ; ) {
      const rows = database.prepare(NOTES).all(after);
      if (rows.length === 0) return;
      notes += rows.length;
      after = Number(rows.at(-1)?.note_key);
      yield rows.map(cellsOfNote);
    }
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    throw new UserError(
      `The ledger ${path} is damaged: behind note ${notes} it can't be read (${describe(error)}). What came before was given. 'memory-import ledger check' says more.`,
      { cause: error },
    );
  } finally {
    database.close();
  }
}

export function cellsOfNote(row: Record<string, unknown>): readonly string[] {
  return [
    row.fingerprint,
    row.contact_id,
    row.sub_org,
    row.state,
    row.memory_id,
    row.how,
    row.created_at,
    row.run_id,
    row.row,
    row.class,
    row.status,
    row.attempts,
    time(row.claimed_at),
    time(row.settled_at),
    time(row.since),
    row.closing,
    row.sent_hash,
    row.input_hash,
  ].map((value) => (value === null || value === undefined ? '' : String(value)));
}

function time(epochMs: unknown): string | null {
  const at = new Date(Number(epochMs ?? Number.NaN));
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}

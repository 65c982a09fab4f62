import type { Database } from './database.js';
import type { CreatedNote, CreatedPosition, CreatedTally } from './ledger.js';
import { toCreatedNote } from './rows.js';

/** What a run created, in SQL. Pages are cut by the last note of the one before, so that nothing stays open between two of them. */
export interface CreatedNotes {
  page(
    runNumber: number,
    page: { readonly order: 'contact' | 'newest'; readonly after: CreatedPosition | null; readonly limit: number },
  ): readonly CreatedNote[];
  tally(runNumber: number): CreatedTally;
}

export function createCreatedNotes(database: Database): CreatedNotes {
  let sortedRun: number | null = null;

  const sort = (runNumber: number): void => {
    database.exec(SORTED_TABLE);
    database.prepare(EMPTY_SORTED).run();
    database.prepare(FILL_SORTED).run(runNumber);
    sortedRun = runNumber;
  };

  return {
    page(runNumber, { order, after, limit }) {
      if (order === 'newest') {
        return database
          .prepare(NEWEST_FIRST)
          .all(runNumber, after?.key ?? Number.MAX_SAFE_INTEGER, limit)
          .map(toCreatedNote);
      }
      if (after === null || sortedRun !== runNumber) sort(runNumber);
      const rows =
        after === null
          ? database.prepare(BY_CONTACT).all(runNumber, '', '', 0, limit)
          : database.prepare(BY_CONTACT).all(runNumber, after.contactId, after.subOrg ?? '', after.key, limit);
      return rows.map(toCreatedNote);
    },
    tally(runNumber) {
      const row = database.prepare(TALLY).get(runNumber);
      return {
        notes: Number(row?.notes ?? 0),
        contacts: Number(row?.contacts ?? 0),
        undone: Number(row?.undone ?? 0),
        inDoubt: Number(row?.in_doubt ?? 0),
      };
    },
  };
}

const IS_CREATED = `state = 'created' AND how IN ('created', 'recovered')`;
const NEWEST_FIRST = `SELECT * FROM note WHERE run_number = ? AND note_key < ? AND ${IS_CREATED} ORDER BY note_key DESC LIMIT ?`;
// Sorted once, into a temporary table on disk (a reader may have one too): neither the program's memory nor a read transaction grows with
// the run. An id is never empty, and neither is a sub organization, so '' stands for none.
const SORTED_TABLE = `CREATE TEMP TABLE IF NOT EXISTS created_by_contact
  (contact_id TEXT NOT NULL, sub_org TEXT NOT NULL, note_key INTEGER NOT NULL, PRIMARY KEY (contact_id, sub_org, note_key)) STRICT, WITHOUT ROWID`;
const EMPTY_SORTED = 'DELETE FROM temp.created_by_contact';
const FILL_SORTED = `INSERT INTO temp.created_by_contact
  SELECT contact_id, coalesce(sub_org, ''), note_key FROM note WHERE run_number = ? AND ${IS_CREATED} ORDER BY 1, 2, 3`;
// The note itself is asked again: it may have been undone since. CROSS JOIN keeps SQLite from reading all notes instead.
const BY_CONTACT = `SELECT note.* FROM temp.created_by_contact AS sorted CROSS JOIN note USING (note_key)
  WHERE run_number = ? AND ${IS_CREATED} AND (sorted.contact_id, sorted.sub_org, sorted.note_key) > (?, ?, ?)
  ORDER BY sorted.contact_id, sorted.sub_org, sorted.note_key LIMIT ?`;
const TALLY = `SELECT
    count(*) FILTER (WHERE ${IS_CREATED}) AS notes,
    count(DISTINCT contact_id) FILTER (WHERE ${IS_CREATED}) AS contacts,
    count(*) FILTER (WHERE state = 'undone') AS undone,
    count(*) FILTER (WHERE state IN ('claimed', 'sending', 'in_doubt')) AS in_doubt
  FROM note WHERE run_number = ?`;

import type { CreatedNote, CreatedPosition, CreatedTally } from './ledger.js';
import type { Session, Statement } from './postgres-session.js';
import { toText } from './postgres-session.js';
import { toCreatedNote } from './rows.js';

interface Page {
  readonly order: 'contact' | 'newest';
  readonly after: CreatedPosition | null;
  readonly limit: number;
}

const IS_CREATED = `state = 'created' AND how IN ('created', 'recovered')`;
const NEWEST_FIRST: Statement = {
  name: 'newest_first',
  text: `SELECT * FROM memory_import.note WHERE run_number = $1 AND note_key < $2 AND ${IS_CREATED} ORDER BY note_key DESC LIMIT $3`,
};
// Sorted once, into a temporary table: neither the program's memory nor a transaction grows with the run. An id is never empty, and neither
// is a sub organization, so '' stands for none.
const SORTED_TABLE = `CREATE TEMP TABLE IF NOT EXISTS created_by_contact
  (contact_id text COLLATE "C" NOT NULL, sub_org text COLLATE "C" NOT NULL, note_key bigint NOT NULL, PRIMARY KEY (contact_id, sub_org, note_key))`;
const EMPTY_SORTED = 'TRUNCATE pg_temp.created_by_contact';
const FILL_SORTED = `INSERT INTO pg_temp.created_by_contact
  SELECT contact_id, coalesce(sub_org, ''), note_key FROM memory_import.note WHERE run_number = $1 AND ${IS_CREATED} ORDER BY 1, 2, 3`;
const BY_CONTACT = `SELECT note.* FROM pg_temp.created_by_contact AS sorted JOIN memory_import.note AS note USING (note_key)
  WHERE run_number = $1 AND ${IS_CREATED} AND (sorted.contact_id, sorted.sub_org, sorted.note_key) > ($2, $3, $4)
  ORDER BY sorted.contact_id, sorted.sub_org, sorted.note_key LIMIT $5`;
const TALLY: Statement = {
  name: 'created_tally',
  text: `SELECT count(*) FILTER (WHERE ${IS_CREATED}) AS notes, count(DISTINCT contact_id) FILTER (WHERE ${IS_CREATED}) AS contacts,
    count(*) FILTER (WHERE state = 'undone') AS undone, count(*) FILTER (WHERE state IN ('claimed', 'sending', 'in_doubt')) AS in_doubt
    FROM memory_import.note WHERE run_number = $1`,
};

/** What a run created. Sessions remember for which run they have sorted. */
const sortedBy = new WeakMap<Session, number>();

export async function createdPage(session: Session, runNumber: number, { order, after, limit }: Page): Promise<readonly CreatedNote[]> {
  if (order === 'newest') {
    const rows = await session.query(NEWEST_FIRST, [runNumber, after?.key ?? Number.MAX_SAFE_INTEGER, limit]);
    return rows.map(toCreatedNote);
  }
  if (after === null || sortedBy.get(session) !== runNumber) {
    await session.query(SORTED_TABLE);
    await session.query(EMPTY_SORTED);
    await session.query(FILL_SORTED, [runNumber]);
    sortedBy.set(session, runNumber);
  }
  const position = after === null ? ['', '', 0] : [toText(after.contactId), toText(after.subOrg ?? ''), after.key];
  return (await session.query(BY_CONTACT, [runNumber, ...position, limit])).map(toCreatedNote);
}

export async function createdTally(session: Session, runNumber: number): Promise<CreatedTally> {
  const [row] = await session.query(TALLY, [runNumber]);
  const count = (name: string) => Number(row?.[name] ?? 0);
  return { notes: count('notes'), contacts: count('contacts'), undone: count('undone'), inDoubt: count('in_doubt') };
}

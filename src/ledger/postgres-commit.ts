import type { NoteKey } from '../model.js';
import type { ClaimAnswer, LearntContact, LedgerBatch } from './ledger.js';
import { BUSY_ALWAYS, claimAll } from './postgres-claims.js';
import { CONTACT_LOCK_CLASS } from './postgres-schema.js';
import { type Session, type Statement, toText } from './postgres-session.js';
import { applySteps } from './postgres-steps.js';

/** What a commit writes, and on whose behalf. */
export interface Commit {
  readonly batch: LedgerBatch;
  readonly owner: number;
  readonly runNumber: number;
  /** Counts the owner's commits. */
  readonly number: number;
  /** It may have been committed already, the answer being lost. */
  readonly again: boolean;
  readonly now: number;
  /** Notes that this owner works on. */
  readonly held: ReadonlySet<NoteKey>;
}

export interface Committed {
  readonly answers: readonly ClaimAnswer[];
  /** The owner was taken for dead: nothing was claimed, and of the steps only what is certain was noted. */
  readonly takenOver: boolean;
}

/** One commit, inside a transaction. @throws LedgerError where a step can't be made durable */
export async function commitBatch(session: Session, commit: Commit): Promise<Committed> {
  const { batch, owner, number, again, runNumber } = commit;
  const contacts = [...new Set(batch.claims.map(({ contactId }) => contactId))];
  const takenOver = !(await fence(session, owner, contacts));
  await applySteps(session, commit, takenOver);
  const answers = takenOver ? batch.claims.map(() => BUSY_ALWAYS) : await claimAll(session, commit);
  if (batch.contacts !== undefined && batch.contacts.length > 0) await session.query(LEARN, [learntRows(batch.contacts)]);
  if (batch.failures.length > 0) {
    if (again) await session.query(FORGET_FAILURES, [runNumber, number, owner]);
    const failures = batch.failures.map((failure, position) => ({ ...failure, message: toText(failure.message), position }));
    await session.query(RECORD_FAILURES, [JSON.stringify(failures), runNumber, number, owner]);
  }
  return { answers, takenOver };
}

// Locked until the commit, so that whoever takes over waits for it. The contacts' locks make what follows see what others have just
// claimed of them; in order, so that no two wait for one another.
const FENCE: Statement = {
  name: 'fence',
  text: `WITH alive AS MATERIALIZED (
      SELECT 1 FROM memory_import.owner WHERE owner_number = $1 AND taken_over_at IS NULL AND ended_at IS NULL FOR KEY SHARE),
    locked AS MATERIALIZED (
      SELECT pg_advisory_xact_lock(${CONTACT_LOCK_CLASS}, hash) FROM (
        SELECT DISTINCT hashtext(contact) AS hash FROM json_array_elements_text($2::json) AS contact ORDER BY 1) AS sorted)
    SELECT (SELECT count(*) FROM alive) AS alive, (SELECT count(*) FROM locked) AS locked`,
};

/** False where the owner was taken over. */
export async function fence(session: Session, owner: number, contacts: readonly string[]): Promise<boolean> {
  const [row] = await session.query(FENCE, [owner, JSON.stringify(contacts.map((contact) => toText(contact)))]);
  return row?.alive === 1;
}

// In order, so that no two commits wait for one another. Of one that was learnt twice the last counts.
const LEARN: Statement = {
  name: 'learn',
  text: `INSERT INTO memory_import.learnt_contact (address, contact_id) SELECT address, contact_id
    FROM json_to_recordset($1::json) AS l (address text, contact_id text) ORDER BY address COLLATE "C"
    ON CONFLICT (address) DO UPDATE SET contact_id = excluded.contact_id`,
};

function learntRows(contacts: readonly LearntContact[]): string {
  const last = new Map(contacts.map(({ address, contactId }) => [address, contactId]));
  return JSON.stringify([...last].map(([address, contactId]) => ({ address: toText(address), contact_id: toText(contactId) })));
}

const FORGET_FAILURES: Statement = {
  name: 'forget_failures',
  text: 'DELETE FROM memory_import.failure WHERE run_number = $1 AND batch = $2 AND owner_number = $3',
};
const RECORD_FAILURES: Statement = {
  name: 'record_failures',
  text: `INSERT INTO memory_import.failure (run_number, batch, owner_number, input, row, target, class, status, message, attempts)
    SELECT $2, $3, $4, input, "row", target, class, status, message, attempts
    FROM json_to_recordset($1::json) AS f (position integer, input integer, "row" integer, target integer, class text, status integer, message text, attempts integer)
    ORDER BY position`,
};

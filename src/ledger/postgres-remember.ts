import { LedgerError } from '../errors.js';
import type { RunId } from '../model.js';
import type { Witness, WitnessAnswer } from './ledger.js';
import { type Session, type Statement, toText } from './postgres-session.js';
import { timeOf } from './rows.js';
import { weigh } from './weigh-witness.js';

/** What the ledger's verb `remember` does, inside its transaction. */
export async function rememberAll(
  session: Session,
  witnesses: readonly Witness[],
  { runNumber, now }: { readonly runNumber: number; readonly now: number },
): Promise<readonly WitnessAnswer[]> {
  const runNumbers = new Map<RunId, number>();
  const runNumberOf = async (runId: RunId): Promise<number> => {
    const known = runNumbers.get(runId) ?? Number((await session.query(RUN_NUMBER, [runId]))[0]?.run_number ?? 0);
    if (known === 0) throw new LedgerError(`The ledger doesn't know the run ${runId} that a note is said to be of.`);
    runNumbers.set(runId, known);
    return known;
  };
  const answers: WitnessAnswer[] = [];
  for (const witness of witnesses) {
    const { fingerprint, contactId, subOrg, row, memoryId, createdAt, attempts } = witness;
    const madeBy = witness.made === null ? runNumber : await runNumberOf(witness.made.runId);
    const how = witness.made?.how ?? 'adopted';
    const at = timeOf(createdAt) ?? now;
    const said = [madeBy, toText(row), toText(memoryId), toText(createdAt), how, attempts, at] as const;
    const [added] = await session.query(ADD, [fingerprint, toText(contactId), toText(subOrg), ...said]);
    if (added !== undefined) {
      answers.push('added');
      continue;
    }
    const [note] = await session.query(FIND, [fingerprint]);
    if (note === undefined) throw new LedgerError('A note was there and is gone: the ledger was changed by hand.');
    const answer = weigh(note, witness);
    if (answer.takes !== null) {
      const taken = [toText(answer.takes.memoryId), toText(answer.takes.createdAt)];
      await session.query(TAKE, [note.note_key, madeBy, toText(row), ...taken, how, attempts, at]);
    }
    answers.push(answer.says);
  }
  return answers;
}

const RUN_NUMBER: Statement = { name: 'run_number', text: 'SELECT run_number FROM memory_import.run WHERE run_id = $1' };
// What was sent isn't known: the empty hash says so.
const ADD: Statement = {
  name: 'remember_new',
  text: `INSERT INTO memory_import.note (note_key, fingerprint, contact_id, sub_org, sent_hash, state, run_number, row, memory_id, created_at, how, attempts, claimed_at, settled_at)
    VALUES (nextval('memory_import.note_key'), decode($1, 'hex'), $2, $3, '', 'created', $4, $5, $6, $7, $8, $9, $10::bigint, $10::bigint)
    ON CONFLICT (fingerprint) DO NOTHING RETURNING note_key`,
};
const FIND: Statement = {
  name: 'remember_find',
  text: `SELECT note_key, state, memory_id, created_at, how, sent_hash FROM memory_import.note WHERE fingerprint = decode($1, 'hex') FOR UPDATE`,
};
const TAKE: Statement = {
  name: 'remember_take',
  text: `UPDATE memory_import.note SET state = 'created', owner_number = NULL, run_number = $2, row = $3, memory_id = $4, created_at = $5, how = $6,
    attempts = greatest(attempts, $7), settled_at = $8, since = NULL, doubted = false, class = NULL, status = NULL, message = NULL WHERE note_key = $1`,
};

import { LedgerError } from '../errors.js';
import type { Fingerprint, NoteKey, RunId } from '../model.js';
import type { Database } from './database.js';
import type { Witness, WitnessAnswer } from './ledger.js';
import type { NewNote, NoteIndex } from './note-index.js';
import { timeOf } from './rows.js';
import { weigh } from './weigh-witness.js';

/** What the ledger's verb `remember` does, inside its transaction. */
export interface Rememberer {
  /** @param pending notes that this transaction has added, which the index doesn't know before it is committed */
  remember(witness: Witness, pending: Map<Fingerprint, NewNote>): WitnessAnswer;
}

export function createRememberer(store: {
  readonly database: Database;
  readonly index: Pick<NoteIndex, 'find'>;
  /** The run that remembers. */
  readonly runNumber: number;
  readonly now: () => number;
}): Rememberer {
  const { database, index, now } = store;
  const runNumbers = new Map<RunId, number>();

  const runNumberOf = (runId: RunId): number => {
    const known = runNumbers.get(runId) ?? Number(database.prepare(RUN_NUMBER).get(runId)?.run_number ?? 0);
    if (known === 0) throw new LedgerError(`The ledger doesn't know the run ${runId} that a note is said to be of.`);
    runNumbers.set(runId, known);
    return known;
  };

  const add = (witness: Witness, madeBy: number, how: string): NoteKey => {
    const { fingerprint, contactId, subOrg, row, memoryId, createdAt, attempts } = witness;
    const at = timeOf(createdAt) ?? now();
    const added = database
      .prepare(ADD)
      .run(Buffer.from(fingerprint, 'hex'), contactId, subOrg, madeBy, row, at, at, memoryId, createdAt, how, attempts);
    return Number(added.lastInsertRowid) as NoteKey; // the table's own key
  };

  return {
    remember(witness, pending) {
      const madeBy = witness.made === null ? store.runNumber : runNumberOf(witness.made.runId);
      const how = witness.made?.how ?? 'adopted';
      const key = pending.get(witness.fingerprint)?.key ?? index.find(witness.fingerprint);
      if (key === null) {
        pending.set(witness.fingerprint, { key: add(witness, madeBy, how), contactId: witness.contactId });
        return 'added';
      }
      const note = database.prepare(FIND).get(key);
      if (note === undefined) throw new LedgerError(`The ledger speaks of note ${key}, which isn't there: it is damaged.`);
      const answer = weigh(note, witness);
      if (answer.takes !== null) {
        const { memoryId, createdAt } = answer.takes;
        const at = timeOf(witness.createdAt) ?? now();
        database.prepare(TAKE).run(madeBy, witness.row, memoryId, createdAt, how, witness.attempts, at, key);
      }
      return answer.says;
    },
  };
}

const RUN_NUMBER = 'SELECT run_number FROM run WHERE run_id = ?';
const FIND = 'SELECT state, memory_id, created_at, how, sent_hash FROM note WHERE note_key = ?';
// What was sent isn't known: the empty hash says so.
const ADD = `INSERT INTO note (fingerprint, contact_id, sub_org, sent_hash, state, run_number, row, claimed_at, settled_at, memory_id, created_at, how, attempts)
  VALUES (?, ?, ?, x'', 'created', ?, ?, ?, ?, ?, ?, ?, ?)`;
const TAKE = `UPDATE note SET state = 'created', run_number = ?, row = ?, memory_id = ?, created_at = ?, how = ?, attempts = max(attempts, ?), settled_at = ?,
  since = NULL, doubted = 0, class = NULL, status = NULL, message = NULL WHERE note_key = ?`;

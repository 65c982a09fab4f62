import { LedgerError } from '../errors.js';
import type { Fingerprint, NoteKey, RunId } from '../model.js';
import type { Database } from './database.js';
import type { Witness, WitnessAnswer } from './ledger.js';
import type { NoteIndex } from './note-index.js';

/** What the ledger's verb `remember` does, inside its transaction. */
export interface Rememberer {
  /** @param pending notes that this transaction has added, which the index doesn't know before it is committed */
  remember(witness: Witness, pending: Map<Fingerprint, NoteKey>): WitnessAnswer;
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
      const key = pending.get(witness.fingerprint) ?? index.find(witness.fingerprint);
      if (key === null) {
        pending.set(witness.fingerprint, add(witness, madeBy, how));
        return 'added';
      }
      const note = database.prepare(FIND).get(key);
      if (note === undefined) throw new LedgerError(`The ledger speaks of note ${key}, which isn't there: it is damaged.`);
      const answer = weigh(note, witness);
      if (answer.takes) {
        const { row, memoryId, createdAt, attempts } = witness;
        const at = timeOf(createdAt) ?? now();
        // What is known of a memory that was undone isn't true of another one.
        const before = note.state === 'created' ? note : {};
        database
          .prepare(TAKE)
          .run(madeBy, row, memoryId ?? before.memory_id ?? null, createdAt ?? before.created_at ?? null, how, attempts, at, key);
      }
      return answer.says;
    },
  };
}

export interface Weighed {
  readonly says: WitnessAnswer;
  /** The witness's word replaces the ledger's. */
  readonly takes: boolean;
}

const known: Weighed = { says: 'known', takes: false };

export function weigh(note: Record<string, unknown>, witness: Witness): Weighed {
  const sameMemory = witness.memoryId === null || note.memory_id === null || note.memory_id === witness.memoryId;
  const isLater = (timeOf(witness.createdAt) ?? 0) > (timeOf(note.created_at) ?? 0);
  switch (note.state) {
    case 'created':
      if (sameMemory) return { says: 'known', takes: teaches(note, witness) };
      // Of two that were rebuilt the later one counts: the earlier was undone before, or the note couldn't have been made again.
      return { says: 'differs', takes: Buffer.from(note.sent_hash as Uint8Array).length === 0 && isLater };
    case 'undone':
      return !sameMemory && isLater ? { says: 'settled', takes: true } : { says: 'undone', takes: false };
    case 'failed':
    case 'in_doubt':
    case 'claimed':
    case 'sending':
    case 'released':
      // The memory it is known by was undone before the note was claimed again.
      if (note.memory_id !== null && note.memory_id === witness.memoryId) return { says: 'undone', takes: false };
      return { says: 'settled', takes: true };
    default:
      return known;
  }
}

/** It knows the memory's id, or which run made it, where the ledger doesn't. */
function teaches(note: Record<string, unknown>, witness: Witness): boolean {
  if (note.memory_id === null && witness.memoryId !== null) return note.how === 'adopted' || witness.made !== null;
  return note.how === 'adopted' && witness.made !== null;
}

export function timeOf(text: unknown): number | null {
  const at = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : at;
}

const RUN_NUMBER = 'SELECT run_number FROM run WHERE run_id = ?';
const FIND = 'SELECT state, memory_id, created_at, how, sent_hash FROM note WHERE note_key = ?';
// What was sent isn't known: the empty hash says so.
const ADD = `INSERT INTO note (fingerprint, contact_id, sub_org, sent_hash, state, run_number, row, claimed_at, settled_at, memory_id, created_at, how, attempts)
  VALUES (?, ?, ?, x'', 'created', ?, ?, ?, ?, ?, ?, ?, ?)`;
const TAKE = `UPDATE note SET state = 'created', run_number = ?, row = ?, memory_id = ?, created_at = ?, how = ?, attempts = max(attempts, ?), settled_at = ?,
  since = NULL, doubted = 0, class = NULL, status = NULL, message = NULL WHERE note_key = ?`;

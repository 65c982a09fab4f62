import { LedgerError } from '../errors.js';
import { assertNever, type Fingerprint, type NoteKey, type RunId } from '../model.js';
import { createCreatedNotes } from './created-notes.js';
import type { Database } from './database.js';
import { describe } from './database-error.js';
import { createKnownNotes } from './known-notes.js';
import { createLearntContacts } from './learnt-contacts.js';
import type { Claim, ClaimAnswer, KnownNote, Ledger, LedgerBatch, RunRecord, Transition } from './ledger.js';
import type { Lock } from './lock.js';
import type { LogSync } from './log-sync.js';
import { createNoteIndex, inTransaction, type NewNote, type NoteIndex } from './note-index.js';
import { createRememberer } from './remember.js';
import { toKnownNote, toOpenNote, toRecordedFailure, toRunNote } from './rows.js';
import { createUndoWindows } from './undo-windows.js';

/** An opened ledger file, locked where it is written. */
export interface Store {
  readonly database: Database;
  /** null: opened to read. */
  readonly lock: Lock | null;
  readonly log: LogSync;
  readonly runNumber: number;
  readonly now: () => number;
  readonly tailLength: number | undefined;
}

/** The ledger's verbs, in SQL. */
export function createStore({ database, lock, log, runNumber, now, tailLength }: Store): Ledger {
  const wasEmpty = database.prepare(HAS_NOTES).get()?.found === 0;
  const hadCreated = database.prepare(HAS_CREATED).get()?.found === 1;
  const index = createNoteIndex(database, { isOnlyWriter: lock !== null, tailLength });
  const { remember } = createRememberer({ database, index, runNumber, now });
  const knownNotes = createKnownNotes(database);
  const sql = {
    find: database.prepare(FIND_NOTE),
    insert: database.prepare(INSERT_NOTE),
    claimAgain: database.prepare(CLAIM_AGAIN),
    created: database.prepare(TO_CREATED),
    failed: database.prepare(TO_FAILED),
    doubt: database.prepare(TO_DOUBT),
    released: database.prepare(TO_RELEASED),
    closed: database.prepare(TO_CLOSED),
    undone: database.prepare(TO_UNDONE),
  };

  const find = (key: NoteKey): KnownNote => {
    const row = sql.find.get(key);
    if (row === undefined) throw missingNote(key);
    return toKnownNote(row);
  };

  const claim = (wanted: Claim, pending: Map<Fingerprint, NewNote>): ClaimAnswer => {
    const key = pending.get(wanted.fingerprint)?.key ?? index.find(wanted.fingerprint);
    if (key === null) {
      const { lastInsertRowid } = sql.insert.run(
        Buffer.from(wanted.fingerprint, 'hex'),
        wanted.contactId,
        wanted.subOrg,
        Buffer.from(wanted.sentHash, 'hex'),
        wanted.inputHash === null ? null : Buffer.from(wanted.inputHash, 'hex'),
        runNumber,
        wanted.row,
        wanted.claimedAt,
        roundedOrNull(wanted.skewMs),
      );
      const inserted = Number(lastInsertRowid) as NoteKey; // the table's own key
      pending.set(wanted.fingerprint, { key: inserted, contactId: wanted.contactId });
      return { kind: 'claimed', key: inserted, doubtedSince: null, doubtedSkewMs: null };
    }
    const row = sql.find.get(key);
    const note = row === undefined ? find(key) : toKnownNote(row);
    if (!mayClaim(note, Number(row?.run_number) === runNumber, wanted)) return { kind: 'known', note };
    const inputHash = wanted.inputHash === null ? null : Buffer.from(wanted.inputHash, 'hex');
    sql.claimAgain.run(
      runNumber,
      wanted.row,
      Buffer.from(wanted.sentHash, 'hex'),
      inputHash,
      wanted.claimedAt,
      roundedOrNull(wanted.skewMs),
      key,
    );
    if (row?.doubted !== 1) return { kind: 'claimed', key, doubtedSince: null, doubtedSkewMs: null };
    const doubtedSkewMs = row.claim_skew === null ? null : Number(row.claim_skew);
    return { kind: 'claimed', key, doubtedSince: Number(row.claimed_at), doubtedSkewMs };
  };

  const apply = (step: Transition): void => {
    // A step of a note that isn't there can't be made durable, and mustn't be called so.
    if (write(step).changes !== 1) throw missingNote(step.key);
  };

  const write = (step: Transition) => {
    switch (step.to) {
      case 'created':
        return sql.created.run(
          step.memoryId,
          step.createdAt,
          step.how,
          step.attempts,
          Number(step.closingLook),
          now(),
          runNumber,
          step.key,
        );
      case 'failed':
        return sql.failed.run(step.class, step.status, step.message, step.attempts, Number(step.doubted), now(), step.key);
      case 'in_doubt':
        return sql.doubt.run(step.since, step.message, step.attempts, now(), step.key);
      case 'released':
        return sql.released.run(Number(step.doubted), step.key);
      case 'closed':
        return sql.closed.run(step.key);
      case 'undone':
        return sql.undone.run(now(), step.key);
      default:
        return assertNever(step);
    }
  };

  /** Only what is committed is known: an aborted transaction leaves no trace in memory either. */
  const inOneCommit = <T>(work: (pending: Map<Fingerprint, NewNote>) => T): T => {
    // Before it, in a transaction of its own: when it fails, nothing of the work has happened.
    index.saveFilterIfDue();
    const pending = new Map<Fingerprint, NewNote>();
    const [result, settled] = inTransaction(database, 'BEGIN IMMEDIATE', () => {
      const afterCommit = index.settle();
      return [work(pending), afterCommit] as const;
    });
    settled();
    for (const [fingerprint, note] of pending) index.add(fingerprint, note);
    return result;
  };

  /** Whatever writes goes through here: COMMIT alone reaches the log, not yet the disk. */
  const durably = async <T>(work: () => T): Promise<T> => {
    const result = guarded(work);
    await log.sync().catch((error: unknown) => {
      throw failed(error);
    });
    return result;
  };

  const writeBatch = (batch: LedgerBatch, pending: Map<Fingerprint, NewNote>): readonly ClaimAnswer[] => {
    for (const step of batch.transitions) apply(step);
    const answers = batch.claims.map((wanted) => claim(wanted, pending));
    for (const contact of batch.contacts ?? []) learnt.learn(contact);
    // Prepared where it is used: opened to read, a ledger of version 1 has no such column.
    for (const f of batch.failures)
      database.prepare(INSERT_FAILURE).run(runNumber, f.input, f.row, f.target, f.class, f.status, f.message, f.attempts);
    return answers;
  };

  const createdNotes = createCreatedNotes(database);
  const learnt = createLearntContacts(database);
  const undoWindows = createUndoWindows(database);
  const runNumberOf = (runId: RunId): number => Number(database.prepare(RUN_NUMBER).get(runId)?.run_number ?? -1);

  return {
    wasEmpty,
    hadCreated,
    shared: null,
    async lookup(fingerprints) {
      return guarded(() => {
        // The filter would go on saying "unknown", which means "to be sent".
        if (!database.isOpen) throw new LedgerError('The ledger is closed.');
        const places = fingerprints.map(index.findInMemory);
        const indexed = knownNotes.of(fingerprints.filter((_, i) => places[i] === 'on_disk'));
        return places.map((key, i) => {
          if (key === 'on_disk') return indexed.get(fingerprints[i]!) ?? null;
          return key === null ? null : find(key);
        });
      });
    },
    async commit(batch) {
      return durably(() => inOneCommit((pending) => writeBatch(batch, pending)));
    },
    async remember(witnesses) {
      return durably(() => inOneCommit((pending) => witnesses.map((witness) => remember(witness, pending))));
    },
    async openNotes({ after, limit }) {
      return guarded(() =>
        database
          .prepare(OPEN_NOTES)
          .all(runNumber, after ?? 0, limit)
          .map(toOpenNote),
      );
    },
    async closingNotes({ after, limit }) {
      return guarded(() =>
        database
          .prepare(CLOSING_NOTES)
          .all(runNumber, after ?? 0, limit)
          .map(toOpenNote),
      );
    },
    async contact(contactId, subOrg) {
      return guarded(() => {
        const known = index.contact(contactId, subOrg);
        const others = learnt.otherNames(contactId).map((name) => index.contact(name, subOrg).memoryIds);
        return others.length === 0 ? known : { ...known, memoryIds: new Set([known.memoryIds, ...others].flatMap((ids) => [...ids])) };
      });
    },
    async contactOf(address) {
      return guarded(() => learnt.contactOf(address));
    },
    async largestContact() {
      return guarded(() => index.largestContact());
    },
    async saveRun(run) {
      await durably(() => database.prepare(SAVE_RUN).run(run.runId, JSON.stringify(run)));
    },
    async runs() {
      return guarded(() => database.prepare(RUNS).all().map(toRunRecord));
    },
    async run(runId) {
      const row = guarded(() => database.prepare(ONE_RUN).get(runId));
      return row === undefined ? null : toRunRecord(row);
    },
    async notesOfRun(runId, { after, limit }) {
      return guarded(() =>
        database
          .prepare(NOTES_OF_RUN)
          .all(runNumberOf(runId), after ?? 0, limit)
          .map(toRunNote),
      );
    },
    async createdNotes(runId, page) {
      return guarded(() => createdNotes.page(runNumberOf(runId), page));
    },
    async createdTally(runId) {
      return guarded(() => createdNotes.tally(runNumberOf(runId)));
    },
    async beginUndo(window) {
      await durably(() => undoWindows.begin(window));
    },
    async endUndo(runId, window) {
      await durably(() => undoWindows.end(runId, window));
    },
    async openUndos() {
      return guarded(() => undoWindows.open());
    },
    async failuresOfRun(runId, { after, limit }) {
      return guarded(() =>
        database
          .prepare(FAILURES_OF_RUN)
          .all(runNumberOf(runId), after ?? 0, limit)
          .map(toRecordedFailure),
      );
    },
    async close() {
      if (!database.isOpen) return;
      try {
        if (lock !== null) tidyUp(database, index);
      } finally {
        try {
          log.close();
          database.close();
        } finally {
          lock?.release();
        }
      }
    },
  };
}

/** Whether it speaks of any account's notes. */
export const HAS_NOTES = `SELECT EXISTS (SELECT 1 FROM note WHERE state <> 'released') AS found`;
export const SAVE_RUN = `INSERT INTO run (run_id, record) VALUES (?, ?) ON CONFLICT (run_id) DO UPDATE SET record = excluded.record`;
export const RUN_NUMBER = 'SELECT run_number FROM run WHERE run_id = ?';
const HAS_CREATED = `SELECT EXISTS (SELECT 1 FROM note WHERE state = 'created') AS found`;
// Hot where most of a file is known: without the columns that nobody asks for, of which the hashes cost most.
const FIND_NOTE = `SELECT note_key, state, run_number, run_id, row, memory_id, created_at, how, input_hash, attempts, class, status, message, doubted, claimed_at, claim_skew
  FROM note JOIN run USING (run_number) WHERE note_key = ?`;
const INSERT_NOTE = `INSERT INTO note (fingerprint, contact_id, sub_org, sent_hash, input_hash, state, run_number, row, claimed_at, claim_skew)
  VALUES (?, ?, ?, ?, ?, 'claimed', ?, ?, ?, ?)`;
// A note whose answer was lost keeps the time of its first claim: what its earlier request made late is younger than that.
// The id of a memory that was undone stays known until another takes its place: a list that still shows it mustn't pass for the new one.
const CLAIM_AGAIN = `UPDATE note SET state = CASE state WHEN 'in_doubt' THEN 'sending' ELSE 'claimed' END, run_number = ?, row = ?, sent_hash = ?, input_hash = ?,
  claimed_at = CASE doubted WHEN 1 THEN claimed_at ELSE ? END, claim_skew = CASE doubted WHEN 1 THEN claim_skew ELSE ? END, since = NULL, class = NULL, status = NULL, message = NULL, created_at = NULL, how = NULL
  WHERE note_key = ?`;
const TO_CREATED = `UPDATE note SET state = 'created', memory_id = ?, created_at = ?, how = ?, attempts = attempts + ?, closing = ?, settled_at = ?, run_number = ?,
  since = NULL, doubted = 0, class = NULL, status = NULL, message = NULL WHERE note_key = ?`;
const TO_FAILED = `UPDATE note SET state = 'failed', class = ?, status = ?, message = ?, attempts = attempts + ?, doubted = max(doubted, ?), settled_at = ?, since = NULL WHERE note_key = ?`;
const TO_DOUBT = `UPDATE note SET state = 'in_doubt', since = ?, message = ?, attempts = attempts + ?, doubted = 1, settled_at = ? WHERE note_key = ?`;
const TO_RELEASED = `UPDATE note SET state = 'released', doubted = max(doubted, ?), since = NULL WHERE note_key = ?`;
const TO_CLOSED = `UPDATE note SET closing = 0 WHERE note_key = ?`;
const TO_UNDONE = `UPDATE note SET state = 'undone', closing = 0, settled_at = ? WHERE note_key = ? AND state = 'created'`;
const INSERT_FAILURE =
  'INSERT INTO failure (run_number, input, row, target, class, status, message, attempts) VALUES (?, ?, ?, ?, ?, ?, ?, ?)';
const OPEN_NOTES = `SELECT note.*, run.run_id FROM note JOIN run USING (run_number)
  WHERE (state IN ('claimed', 'sending', 'in_doubt') OR closing = 1) AND run_number <> ? AND note_key > ? ORDER BY note_key LIMIT ?`;
const CLOSING_NOTES = `SELECT note.*, run.run_id FROM note JOIN run USING (run_number)
  WHERE closing = 1 AND run_number = ? AND note_key > ? ORDER BY note_key LIMIT ?`;
const NOTES_OF_RUN = `SELECT note.*, run.run_id FROM note JOIN run USING (run_number) WHERE run_number = ? AND note_key > ? ORDER BY note_key LIMIT ?`;
const FAILURES_OF_RUN = 'SELECT * FROM failure WHERE run_number = ? AND failure_number > ? ORDER BY failure_number LIMIT ?';
// Without what is large. By the time in their ids, since a rebuilt ledger learns of old runs late; within a second as they were met.
const RUNS = `SELECT json_remove(record, '$.page') AS record FROM run ORDER BY substr(run_id, 1, 16) DESC, run_number DESC`;
const ONE_RUN = 'SELECT record FROM run WHERE run_id = ?';

function roundedOrNull(value: number | null): number | null {
  return value === null ? null : Math.round(value);
}

/** May this run send the note? In doubt only at the user's word; what this run has already tried, it doesn't try twice. */
function mayClaim(note: KnownNote, isOurs: boolean, wanted: Claim): boolean {
  switch (note.state) {
    case 'released':
    case 'undone':
      return true;
    case 'failed':
      return !isOurs;
    case 'in_doubt':
      return wanted.takeDoubt && !isOurs;
    case 'claimed':
    case 'sending':
    case 'created':
      return false;
  }
}

/**
 * The filter is saved, and the log merged into the file, so that a copy of the file alone is the whole ledger. A full disk at the very end
 * is no loss: the filter can be built anew from the notes, the log is read at the next opening. Nobody waits for readers.
 */
function tidyUp(database: Database, index: NoteIndex): void {
  try {
    index.save();
    database.exec('PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {
    // As above.
  }
}

function missingNote(key: NoteKey): LedgerError {
  return new LedgerError(`The ledger speaks of note ${key}, which isn't there: it is damaged. Restore it from a backup.`);
}

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw failed(error);
  }
}

function failed(error: unknown): LedgerError {
  return error instanceof LedgerError ? error : new LedgerError(`The ledger failed: ${describe(error)}.`, { cause: error });
}

function toRunRecord(row: Record<string, unknown>): RunRecord {
  return JSON.parse(String(row.record)) as RunRecord; // written by saveRun, and by nobody else
}

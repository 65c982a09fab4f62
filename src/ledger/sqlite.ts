import { statSync } from 'node:fs';
import { LedgerError, UserError } from '../errors.js';
import { assertNever, type Fingerprint, type NoteKey, type RunId } from '../model.js';
import { type Database, describe, isCorrupt, openDatabase } from './database.js';
import type { Claim, ClaimAnswer, KnownNote, Ledger, LedgerBatch, RunRecord, Transition } from './ledger.js';
import { existingFile, keepPrivate, prepareLedgerFile } from './ledger-file.js';
import { type Lock, lockLedger } from './lock.js';
import { createNoteIndex, type NoteIndex } from './note-index.js';
import { toKnownNote, toOpenNote, toRunFailure, toRunNote } from './rows.js';
import { checkVersion, migrate } from './schema.js';
import { checkTarget, type StoredTarget, storedTarget, type Target } from './target.js';

export interface WriteMode {
  readonly path: string;
  /** The run that writes; every claim and settlement is its. */
  readonly runId: RunId;
  /** Told to a second run that finds the ledger held. */
  readonly what: string;
  readonly target: Target;
  /** `--same-account`: take over a ledger whose key or address has changed. */
  readonly sameAccount: boolean;
  readonly now: () => number;
  /** So many notes are held in memory before they are indexed. */
  readonly tailLength?: number;
}

/**
 * Opens the ledger for a run: takes the lock, migrates, checks the target, and turns what dead runs left under way into doubt.
 * @throws UserError where it can't be used; LedgerHeldError where another run holds it. Nothing was changed then.
 */
export function openLedger(mode: WriteMode): Ledger {
  const path = prepareLedgerFile(mode.path);
  const lock = lockLedger(path, mode.what);
  try {
    const database = openChecked(path, false);
    try {
      // Before anything is changed: the file may be somebody else's.
      checkVersion(database, path);
      keepPrivate(path);
      return openForWriting({ database, lock, path, mode });
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    lock.release();
    throw asUserError(error, path);
  }
}

/** The account that a reader is about to speak of. */
export interface ReadTarget {
  readonly baseUrl: string;
  /** null: not known, so only the address is compared. */
  readonly apiKey: string | null;
  readonly sameAccount: boolean;
}

/**
 * Opens the ledger to read, also while a run holds it; null where there is none yet.
 * @throws UserError where the file isn't a ledger, or speaks of another account than `target`
 */
export function openLedgerToRead(givenPath: string, target?: ReadTarget): Ledger | null {
  const path = existingFile(givenPath);
  if (path === null) return null;
  try {
    const database = openChecked(path, true);
    try {
      if (checkVersion(database, path) === 0) {
        database.close();
        return null;
      }
      if (target !== undefined && !target.sameAccount) checkStoredTarget({ database, target, path });
      return createStore({ database, lock: null, runNumber: READER, now: Date.now, tailLength: undefined });
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    throw asUserError(error, path);
  }
}

/** No run has this number: to a reader every open note is an earlier run's. */
const READER = 0;

const TAKE_OVER = `UPDATE note SET state = 'in_doubt', doubted = 1, since = ? WHERE state IN ('claimed', 'sending')`;
// A clock that was set back since: nobody must wait for a time that is years away.
const NOT_IN_THE_FUTURE = `UPDATE note SET since = ?1 WHERE state = 'in_doubt' AND since > ?1`;
const HAS_NOTES = `SELECT EXISTS (SELECT 1 FROM note WHERE state <> 'released') AS found`;
const HAS_CREATED = `SELECT EXISTS (SELECT 1 FROM note WHERE state = 'created') AS found`;
const READ_META = `SELECT value FROM meta WHERE name = ?`;
const WRITE_META = `INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`;
const SAVE_RUN = `INSERT INTO run (run_id, record) VALUES (?, ?) ON CONFLICT (run_id) DO UPDATE SET record = excluded.record`;

function openForWriting(opening: {
  readonly database: Database;
  readonly lock: Lock;
  readonly path: string;
  readonly mode: WriteMode;
}): Ledger {
  const { database, lock, path, mode } = opening;
  // FULL: a commit has reached the disk when it returns. With WAL's usual NORMAL a power cut would lose the last claims,
  // and a claim that is lost is a note created twice.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -8000; PRAGMA wal_autocheckpoint = 4000');
  migrate(database, path);
  takeTarget({ database, mode, path });
  const run: RunRecord = {
    runId: mode.runId,
    startedAt: new Date(mode.now()).toISOString(),
    finishedAt: null,
    status: 'running',
    inputs: [],
    out: '',
    options: {},
    summary: null,
  };
  database.exec('BEGIN IMMEDIATE');
  database.prepare(SAVE_RUN).run(run.runId, JSON.stringify(run));
  database.prepare(TAKE_OVER).run(mode.now());
  database.prepare(NOT_IN_THE_FUTURE).run(mode.now());
  database.exec('COMMIT');
  const runNumber = Number(database.prepare(RUN_NUMBER).get(run.runId)?.run_number);
  return createStore({ database, lock, runNumber, now: mode.now, tailLength: mode.tailLength });
}

function takeTarget({ database, mode, path }: { readonly database: Database; readonly mode: WriteMode; readonly path: string }): void {
  if (!mode.sameAccount && checkStoredTarget({ database, target: mode.target, path })) return;
  database.prepare(WRITE_META).run('target', JSON.stringify(storedTarget(mode.target)));
}

/** False where the ledger speaks of no account yet. @throws UserError where it speaks of another one */
function checkStoredTarget(check: {
  readonly database: Database;
  readonly target: Pick<ReadTarget, 'baseUrl' | 'apiKey'>;
  readonly path: string;
}): boolean {
  const { database, target, path } = check;
  const stored = database.prepare(READ_META).get('target');
  const hasNotes = database.prepare(HAS_NOTES).get()?.found === 1;
  if (stored === undefined || !hasNotes) return false;
  // Written by `storedTarget`, and by nobody else.
  checkTarget(JSON.parse(String(stored.value)) as StoredTarget, target, path);
  return true;
}

const FIND_NOTE = 'SELECT note.*, run.run_id FROM note JOIN run USING (run_number) WHERE note_key = ?';
const INSERT_NOTE = `INSERT INTO note (fingerprint, contact_id, sub_org, sent_hash, input_hash, state, run_number, row, claimed_at, claim_skew)
  VALUES (?, ?, ?, ?, ?, 'claimed', ?, ?, ?, ?)`;
// A note whose answer was lost keeps the time of its first claim: what its earlier request made late is younger than that.
const CLAIM_AGAIN = `UPDATE note SET state = CASE state WHEN 'in_doubt' THEN 'sending' ELSE 'claimed' END, run_number = ?, row = ?, sent_hash = ?, input_hash = ?,
  claimed_at = CASE doubted WHEN 1 THEN claimed_at ELSE ? END, claim_skew = CASE doubted WHEN 1 THEN claim_skew ELSE ? END, since = NULL, class = NULL, status = NULL, message = NULL, memory_id = NULL, created_at = NULL, how = NULL
  WHERE note_key = ?`;
const TO_CREATED = `UPDATE note SET state = 'created', memory_id = ?, created_at = ?, how = ?, attempts = attempts + ?, closing = ?, settled_at = ?, run_number = ?,
  since = NULL, doubted = 0, class = NULL, status = NULL, message = NULL WHERE note_key = ?`;
const TO_FAILED = `UPDATE note SET state = 'failed', class = ?, status = ?, message = ?, attempts = attempts + ?, doubted = max(doubted, ?), settled_at = ?, since = NULL WHERE note_key = ?`;
const TO_DOUBT = `UPDATE note SET state = 'in_doubt', since = ?, message = ?, attempts = attempts + ?, doubted = 1, settled_at = ? WHERE note_key = ?`;
const TO_RELEASED = `UPDATE note SET state = 'released', doubted = max(doubted, ?), since = NULL WHERE note_key = ?`;
const TO_CLOSED = `UPDATE note SET closing = 0 WHERE note_key = ?`;
const INSERT_FAILURE = 'INSERT INTO failure (run_number, input, row, class, status, message, attempts) VALUES (?, ?, ?, ?, ?, ?, ?)';
const OPEN_NOTES = `SELECT note.*, run.run_id FROM note JOIN run USING (run_number)
  WHERE (state IN ('claimed', 'sending', 'in_doubt') OR closing = 1) AND run_number <> ? AND note_key > ? ORDER BY note_key LIMIT ?`;
const NOTES_OF_RUN = `SELECT note.*, run.run_id FROM note JOIN run USING (run_number) WHERE run_number = ? AND note_key > ? ORDER BY note_key LIMIT ?`;
const FAILURES_OF_RUN = 'SELECT * FROM failure WHERE run_number = ? ORDER BY failure_number LIMIT ? OFFSET ?';
const RUN_NUMBER = 'SELECT run_number FROM run WHERE run_id = ?';
const RUNS = 'SELECT record FROM run ORDER BY run_number DESC';
const ONE_RUN = 'SELECT record FROM run WHERE run_id = ?';

interface Store {
  readonly database: Database;
  /** null: opened to read. */
  readonly lock: Lock | null;
  readonly runNumber: number;
  readonly now: () => number;
  readonly tailLength: number | undefined;
}

function createStore({ database, lock, runNumber, now, tailLength }: Store): Ledger {
  const wasEmpty = database.prepare(HAS_NOTES).get()?.found === 0;
  const hadCreated = database.prepare(HAS_CREATED).get()?.found === 1;
  const index = createNoteIndex(database, tailLength);
  const sql = {
    find: database.prepare(FIND_NOTE),
    insert: database.prepare(INSERT_NOTE),
    claimAgain: database.prepare(CLAIM_AGAIN),
    created: database.prepare(TO_CREATED),
    failed: database.prepare(TO_FAILED),
    doubt: database.prepare(TO_DOUBT),
    released: database.prepare(TO_RELEASED),
    closed: database.prepare(TO_CLOSED),
    failure: database.prepare(INSERT_FAILURE),
  };

  const find = (key: NoteKey): KnownNote => {
    const row = sql.find.get(key);
    if (row === undefined) throw missingNote(key);
    return toKnownNote(row);
  };

  const claim = (wanted: Claim, pending: Map<Fingerprint, NoteKey>): ClaimAnswer => {
    const key = pending.get(wanted.fingerprint) ?? index.find(wanted.fingerprint);
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
      pending.set(wanted.fingerprint, inserted);
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
      default:
        return assertNever(step);
    }
  };

  const writeBatch = (batch: LedgerBatch): readonly ClaimAnswer[] => {
    const pending = new Map<Fingerprint, NoteKey>();
    database.exec('BEGIN IMMEDIATE');
    for (const step of batch.transitions) apply(step);
    const answers = batch.claims.map((wanted) => claim(wanted, pending));
    for (const f of batch.failures) sql.failure.run(runNumber, f.input, f.row, f.class, f.status, f.message, f.attempts);
    database.exec('COMMIT');
    // Only what is committed is known: an aborted batch leaves no trace in memory either.
    for (const [fingerprint, key] of pending) index.add(fingerprint, key);
    return answers;
  };

  const runNumberOf = (runId: RunId): number => Number(database.prepare(RUN_NUMBER).get(runId)?.run_number ?? -1);

  return {
    wasEmpty,
    hadCreated,
    async lookup(fingerprints) {
      return guarded(() => {
        // The filter would go on saying "unknown", which means "to be sent".
        if (!database.isOpen) throw new LedgerError('The ledger is closed.');
        return fingerprints.map((fingerprint) => {
          const key = index.find(fingerprint);
          return key === null ? null : find(key);
        });
      });
    },
    async commit(batch) {
      return guarded(() => {
        // Before the batch, in a transaction of its own: when it fails, nothing of the batch has happened.
        index.settle();
        try {
          return writeBatch(batch);
        } finally {
          if (database.isTransaction) database.exec('ROLLBACK');
        }
      });
    },
    async openNotes({ after, limit }) {
      return guarded(() =>
        database
          .prepare(OPEN_NOTES)
          .all(runNumber, after ?? 0, limit)
          .map(toOpenNote),
      );
    },
    async contact(contactId, subOrg) {
      return guarded(() => index.contact(contactId, subOrg));
    },
    async largestContact() {
      return guarded(() => index.largestContact());
    },
    async saveRun(run) {
      guarded(() => database.prepare(SAVE_RUN).run(run.runId, JSON.stringify(run)));
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
    async failuresOfRun(runId, { offset, limit }) {
      return guarded(() => database.prepare(FAILURES_OF_RUN).all(runNumberOf(runId), limit, offset).map(toRunFailure));
    },
    async close() {
      if (!database.isOpen) return;
      try {
        if (lock !== null) tidyUp(database, index);
      } finally {
        try {
          database.close();
        } finally {
          lock?.release();
        }
      }
    },
  };
}

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
    if (error instanceof LedgerError) throw error;
    throw new LedgerError(`The ledger failed: ${describe(error)}.`, { cause: error });
  }
}

function toRunRecord(row: Record<string, unknown>): RunRecord {
  return JSON.parse(String(row.record)) as RunRecord; // written by saveRun, and by nobody else
}

/** Small ledgers are read through once; for large ones that would take minutes, and SQLite finds damage where it reads. */
const QUICK_CHECK_BYTES = 32 * 1024 * 1024;

function openChecked(path: string, readOnly: boolean): Database {
  const database = openDatabase(path, { readOnly, busyMs: 5000 });
  try {
    const damage = statSync(path).size > QUICK_CHECK_BYTES ? null : database.prepare('PRAGMA quick_check(1)').get();
    const verdict = Object.values(damage ?? { ok: 'ok' })[0];
    if (verdict !== 'ok') throw damagedError(path, String(verdict));
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function asUserError(error: unknown, path: string): unknown {
  if (!isFromOutside(error)) return error;
  if (isCorrupt(error)) return damagedError(path, describe(error), error);
  return new UserError(
    `The ledger ${path} can't be used: ${describe(error)}. Nothing was sent. Check that the file is whole, and that its folder can be written and has space.`,
    {
      cause: error,
    },
  );
}

/** SQLite's or the system's complaint; anything else is ours already, or a bug. */
function isFromOutside(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return 'syscall' in error || ('code' in error && error.code === 'ERR_SQLITE_ERROR');
}

function damagedError(path: string, detail: string, cause?: unknown): UserError {
  return new UserError(
    `The ledger ${path} is damaged or no ledger at all: ${detail}. Nothing was sent. Restore it from a backup, or move it away and import with --adopt, which finds in the API what is there already.`,
    { cause },
  );
}

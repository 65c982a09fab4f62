import { chmodSync, closeSync, existsSync, mkdirSync, openSync, realpathSync, statfsSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { LedgerError, UserError } from '../errors.js';
import type { Fingerprint, NoteKey, RunId } from '../model.js';
import { type Database, describe, isCorrupt, openDatabase } from './database.js';
import type { Claim, ClaimAnswer, KnownNote, Ledger, LedgerBatch, RunRecord, Transition } from './ledger.js';
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
}

/**
 * Opens the ledger for a run: takes the lock, migrates, checks the target, and turns what dead runs left under way into doubt.
 * @throws UserError where it can't be used; LedgerHeldError where another run holds it. Nothing was changed then.
 */
export function openLedger(mode: WriteMode): Ledger {
  const path = prepareFile(mode.path);
  const lock = lockLedger(path, mode.what);
  try {
    const database = openChecked(path, false);
    try {
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

/**
 * Opens the ledger to read, also while a run holds it; null where there is none yet.
 * @throws UserError where the file isn't a ledger
 */
export function openLedgerToRead(givenPath: string): Ledger | null {
  if (!existsSync(givenPath)) return null;
  const path = realpathSync(givenPath);
  try {
    const database = openChecked(path, true);
    try {
      if (checkVersion(database, path) === 0) {
        database.close();
        return null;
      }
      return createStore({ database, lock: null, runNumber: 0, now: Date.now });
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    throw asUserError(error, path);
  }
}

const TAKE_OVER = `UPDATE note SET state = 'in_doubt', doubted = 1, since = ? WHERE state IN ('claimed', 'sending')`;
const HAS_NOTES = `SELECT EXISTS (SELECT 1 FROM note WHERE state <> 'released') AS found`;
const READ_META = `SELECT value FROM meta WHERE name = ?`;
const WRITE_META = `INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`;
const INSERT_RUN = `INSERT INTO run (run_id, record) VALUES (?, ?) ON CONFLICT (run_id) DO UPDATE SET record = excluded.record RETURNING run_number`;

function openForWriting(opening: {
  readonly database: Database;
  readonly lock: Lock;
  readonly path: string;
  readonly mode: WriteMode;
}): Ledger {
  const { database, lock, path, mode } = opening;
  // FULL: a commit has reached the disk when it returns. With WAL's usual NORMAL a power cut would lose the last claims,
  // and a claim that is lost is a note created twice.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32000; PRAGMA wal_autocheckpoint = 4000');
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
  const row = database.prepare(INSERT_RUN).get(run.runId, JSON.stringify(run));
  database.prepare(TAKE_OVER).run(mode.now());
  database.exec('COMMIT');
  return createStore({ database, lock, runNumber: Number(row?.run_number), now: mode.now });
}

function takeTarget(opening: { readonly database: Database; readonly mode: WriteMode; readonly path: string }): void {
  const { database, mode, path } = opening;
  const stored = database.prepare(READ_META).get('target');
  const hasNotes = database.prepare(HAS_NOTES).get()?.found === 1;
  if (stored !== undefined && hasNotes) {
    // Written by `storedTarget` below, and by nobody else.
    const known = JSON.parse(String(stored.value)) as StoredTarget;
    if (!mode.sameAccount) {
      checkTarget(known, mode.target, path);
      return;
    }
  }
  database.prepare(WRITE_META).run('target', JSON.stringify(storedTarget(mode.target)));
}

const FIND_NOTE = 'SELECT note.*, run.run_id FROM note JOIN run USING (run_number) WHERE note_key = ?';
const INSERT_NOTE = `INSERT INTO note (fingerprint, contact_id, sub_org, sent_hash, input_hash, state, run_number, row, claimed_at)
  VALUES (?, ?, ?, ?, ?, 'claimed', ?, ?, ?)`;
// A note whose answer was lost keeps the time of its first claim: what its earlier request made late is younger than that.
const CLAIM_AGAIN = `UPDATE note SET state = CASE state WHEN 'in_doubt' THEN 'sending' ELSE 'claimed' END, run_number = ?, row = ?, sent_hash = ?, input_hash = ?,
  claimed_at = CASE doubted WHEN 1 THEN claimed_at ELSE ? END, since = NULL, class = NULL, status = NULL, message = NULL, memory_id = NULL, created_at = NULL, how = NULL
  WHERE note_key = ?`;
const TO_CREATED = `UPDATE note SET state = 'created', memory_id = ?, created_at = ?, how = ?, attempts = attempts + ?, closing = ?, settled_at = ?, run_number = ?,
  since = NULL, doubted = 0, class = NULL, status = NULL, message = NULL WHERE note_key = ?`;
const TO_FAILED = `UPDATE note SET state = 'failed', class = ?, status = ?, message = ?, attempts = attempts + ?, doubted = max(doubted, ?), settled_at = ?, since = NULL WHERE note_key = ?`;
const TO_DOUBT = `UPDATE note SET state = 'in_doubt', since = ?, message = ?, attempts = attempts + ?, doubted = 1, settled_at = ? WHERE note_key = ?`;
const TO_RELEASED = `UPDATE note SET state = 'released', doubted = max(doubted, ?), since = NULL WHERE note_key = ?`;
const TO_CLOSED = `UPDATE note SET closing = 0 WHERE note_key = ?`;
const INSERT_FAILURE = 'INSERT INTO failure (run_number, input, row, class, status, message, attempts) VALUES (?, ?, ?, ?, ?, ?, ?)';
const OPEN_NOTES = `SELECT note.*, run.run_id FROM note JOIN run USING (run_number)
  WHERE (state IN ('claimed', 'sending', 'in_doubt') OR closing = 1) AND note_key > ? ORDER BY note_key LIMIT ?`;
const NOTES_OF_RUN = `SELECT note.*, run.run_id FROM note JOIN run USING (run_number) WHERE run_number = ? AND note_key > ? ORDER BY note_key LIMIT ?`;
const FAILURES_OF_RUN = 'SELECT * FROM failure WHERE run_number = ? ORDER BY failure_number LIMIT ? OFFSET ?';
const RUN_NUMBER = 'SELECT run_number FROM run WHERE run_id = ?';
const RUNS = 'SELECT record FROM run ORDER BY run_id DESC';
const ONE_RUN = 'SELECT record FROM run WHERE run_id = ?';

interface Store {
  readonly database: Database;
  /** null: opened to read. */
  readonly lock: Lock | null;
  readonly runNumber: number;
  readonly now: () => number;
}

function createStore({ database, lock, runNumber, now }: Store): Ledger {
  const wasEmpty = database.prepare(HAS_NOTES).get()?.found === 0;
  const index = createNoteIndex(database);
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
    if (row === undefined) throw new LedgerError(`The ledger's index names note ${key}, which isn't there: the ledger is damaged.`);
    return toKnownNote(row);
  };

  const keyOf = (fingerprint: Fingerprint) => index.find(fingerprint);

  const claim = (wanted: Claim, pending: Map<Fingerprint, NoteKey>): ClaimAnswer => {
    const key = pending.get(wanted.fingerprint) ?? keyOf(wanted.fingerprint);
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
      );
      const inserted = Number(lastInsertRowid) as NoteKey; // the table's own key
      pending.set(wanted.fingerprint, inserted);
      return { kind: 'claimed', key: inserted, doubtedSince: null };
    }
    const row = sql.find.get(key);
    const note = row === undefined ? find(key) : toKnownNote(row);
    if (!mayClaim(note, Number(row?.run_number) === runNumber, wanted)) return { kind: 'known', note };
    const inputHash = wanted.inputHash === null ? null : Buffer.from(wanted.inputHash, 'hex');
    sql.claimAgain.run(runNumber, wanted.row, Buffer.from(wanted.sentHash, 'hex'), inputHash, wanted.claimedAt, key);
    return { kind: 'claimed', key, doubtedSince: row?.doubted === 1 ? Number(row.claimed_at) : null };
  };

  const apply = (step: Transition): void => {
    switch (step.to) {
      case 'created':
        sql.created.run(step.memoryId, step.createdAt, step.how, step.attempts, Number(step.closingLook), now(), runNumber, step.key);
        return;
      case 'failed':
        sql.failed.run(step.class, step.status, step.message, step.attempts, Number(step.doubted), now(), step.key);
        return;
      case 'in_doubt':
        sql.doubt.run(step.since, step.message, step.attempts, now(), step.key);
        return;
      case 'released':
        sql.released.run(Number(step.doubted), step.key);
        return;
      case 'closed':
        sql.closed.run(step.key);
        return;
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
    async lookup(fingerprints) {
      return guarded(() =>
        fingerprints.map((fingerprint) => {
          const key = keyOf(fingerprint);
          return key === null ? null : find(key);
        }),
      );
    },
    async commit(batch) {
      return guarded(() => {
        try {
          const answers = writeBatch(batch);
          index.settle();
          return answers;
        } finally {
          if (database.isTransaction) database.exec('ROLLBACK');
        }
      });
    },
    async openNotes({ after, limit }) {
      return guarded(() =>
        database
          .prepare(OPEN_NOTES)
          .all(after ?? 0, limit)
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
      guarded(() => database.prepare(INSERT_RUN).get(run.runId, JSON.stringify(run)));
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
        if (lock !== null) saveFilterIfPossible(index);
      } finally {
        database.close();
        lock?.release();
      }
    },
  };
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

/** The filter can be built anew from the notes, so a full disk at the very end is no loss. */
function saveFilterIfPossible(index: NoteIndex): void {
  try {
    index.save();
  } catch {
    // Built anew at the next opening.
  }
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
  if (!(error instanceof Error) || !('sqliteCode' in error || 'errcode' in error || error.message.startsWith('Failed to open database'))) {
    return error;
  }
  if (isCorrupt(error)) return damagedError(path, describe(error), error);
  return new UserError(
    `The ledger ${path} can't be used: ${describe(error)}. Nothing was sent. Check that its folder can be written and has space.`,
    {
      cause: error,
    },
  );
}

function damagedError(path: string, detail: string, cause?: unknown): UserError {
  return new UserError(
    `The ledger ${path} is damaged or no ledger at all: ${detail}. Nothing was sent. Restore it from a backup, or move it away and import with --adopt, which finds in the API what is there already.`,
    { cause },
  );
}

/** Linux's magic numbers (statfs(2)): on these a lock may not hold between machines. */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
]);

/** The ledger's real path, its folder made and its file there (0600). */
function prepareFile(givenPath: string): string {
  try {
    mkdirSync(dirname(givenPath), { recursive: true, mode: 0o700 });
    const path = existsSync(givenPath) ? realpathSync(givenPath) : join(realpathSync(dirname(givenPath)), basename(givenPath));
    refuseNetwork(dirname(path), givenPath);
    if (!existsSync(path)) closeSync(openSync(path, 'wx', 0o600));
    else if (!statSync(path).isFile()) throw new UserError(`The ledger ${givenPath} is a folder; a file was expected.`);
    else chmodSync(path, 0o600);
    return path;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `The ledger ${givenPath} can't be written: ${error instanceof Error ? error.message : String(error)}. Nothing was sent.`,
      {
        cause: error,
      },
    );
  }
}

function refuseNetwork(folder: string, givenPath: string): void {
  if (process.platform !== 'linux') return;
  const name = NETWORK_FILE_SYSTEMS.get(statfsSync(folder).type >>> 0);
  if (name === undefined) return;
  throw new UserError(
    `The ledger ${givenPath} is on a network file system (${name}), where two machines could both hold its lock. Put it on a local disk (--ledger).`,
  );
}

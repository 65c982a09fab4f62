import { statSync } from 'node:fs';
import { UserError } from '../errors.js';
import type { RunId } from '../model.js';
import { begunRun } from './begun-run.js';
import { type Database, openDatabase } from './database.js';
import { describe, isCorrupt } from './database-error.js';
import type { Ledger } from './ledger.js';
import { existingFile, keepPrivate, prepareLedgerFile } from './ledger-file.js';
import { type Lock, lockLedger } from './lock.js';
import { createLogSync, NO_LOG } from './log-sync.js';
import { checkVersion, migrate, standIn } from './schema.js';
import { createStore, HAS_NOTES, RUN_NUMBER, SAVE_RUN } from './sqlite-store.js';
import { checkTarget, type ReadTarget, type StoredTarget, storedTarget, type Target } from './target.js';

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
  /** The ledger has this thread to itself, and may stop it while it waits for the disk. Default: it hasn't. */
  readonly ownThread?: boolean;
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
      const version = checkVersion(database, path);
      if (version === 0) {
        database.close();
        return null;
      }
      standIn(database, version);
      if (target !== undefined && !target.sameAccount) checkStoredTarget({ database, target, path });
      const store = createStore({ database, lock: null, log: NO_LOG, runNumber: READER, now: Date.now, tailLength: undefined });
      if (checkVersion(database, path) === version) return store;
      // A run has brought it up to date since: what stood in for it would hide what is there now.
      database.close();
      return openLedgerToRead(path, target);
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

// The condition of the index `note_open`, word for word: only then SQLite uses it, and a large ledger isn't read through at each opening.
const IS_OPEN = `(state IN ('claimed', 'sending', 'in_doubt') OR closing = 1)`;
const TAKE_OVER = `UPDATE note SET state = 'in_doubt', doubted = 1, since = ? WHERE ${IS_OPEN} AND state IN ('claimed', 'sending')`;
// A clock that was set back since: nobody must wait for a time that is years away.
const NOT_IN_THE_FUTURE = `UPDATE note SET since = ?1 WHERE ${IS_OPEN} AND state = 'in_doubt' AND since > ?1`;
const READ_META = `SELECT value FROM meta WHERE name = ?`;
const WRITE_META = `INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`;

function openForWriting(opening: {
  readonly database: Database;
  readonly lock: Lock;
  readonly path: string;
  readonly mode: WriteMode;
}): Ledger {
  const { database, lock, path, mode } = opening;
  // A commit must have reached the disk before its claims are answered: a claim that a power cut takes back is a note created twice. With a log
  // the store flushes it itself, after COMMIT; without one SQLite does.
  const hasLog = database.prepare('PRAGMA journal_mode = WAL').get()?.journal_mode === 'wal';
  database.exec(`PRAGMA synchronous = ${hasLog ? 'NORMAL' : 'FULL'}; PRAGMA cache_size = -4000; PRAGMA wal_autocheckpoint = 4000`);
  migrate(database, path);
  takeTarget({ database, mode, path });
  database.exec('BEGIN IMMEDIATE');
  database.prepare(SAVE_RUN).run(mode.runId, JSON.stringify(begunRun(mode.runId, mode.now())));
  database.prepare(TAKE_OVER).run(mode.now());
  database.prepare(NOT_IN_THE_FUTURE).run(mode.now());
  database.exec('COMMIT');
  const runNumber = Number(database.prepare(RUN_NUMBER).get(mode.runId)?.run_number);
  return createStore({
    ...{ database, lock, runNumber, now: mode.now, tailLength: mode.tailLength },
    log: hasLog ? createLogSync(path, mode.ownThread === true) : NO_LOG,
  });
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

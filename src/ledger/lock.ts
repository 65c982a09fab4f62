import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { LedgerHeldError, UserError } from '../errors.js';
import { type Database, describe, isBusy, openDatabase } from './database.js';
import { existingFile } from './ledger-file.js';

/** Who holds a ledger: told to a second run. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
  /** ISO date-time. */
  readonly since: string;
  /** What it is doing, for instance `import notes.csv`. */
  readonly what: string;
}

export interface Lock {
  release(): void;
}

/**
 * Takes the ledger for this process. The lock is an exclusive transaction on a SQLite file of its own, which nothing else opens: a POSIX
 * lock is dropped when *any* descriptor of its file is closed in the process. The system releases it when the process dies, however it dies.
 * @throws LedgerHeldError where another run holds it
 */
export function lockLedger(ledgerPath: string, what: string): Lock {
  const lockPath = `${ledgerPath}-lock`;
  const holderPath = `${ledgerPath}-holder.json`;
  createPrivately(lockPath);
  const database = takeExclusively(lockPath, () => heldError(ledgerPath, readHolder(holderPath)));
  try {
    writeHolder(holderPath, { pid: process.pid, host: hostname(), since: new Date().toISOString(), what });
  } catch (error) {
    database.close();
    throw new UserError(`The ledger's folder can't be written: ${describe(error)}. Nothing was sent.`, { cause: error });
  }
  return {
    release() {
      // First the note about us, then the lock: the other way round we might remove our successor's note.
      try {
        rmSync(holderPath, { force: true });
      } finally {
        database.close();
      }
    },
  };
}

/**
 * Who seems to hold the ledger, without trying: its note is there, and its process lives, or is on another host; null: nobody.
 * @param givenPath may be a link: the note stands beside the real file
 * @throws UserError where that is no file, or can't be told
 */
export function liveHolder(givenPath: string): Holder | null {
  const holder = readHolder(`${existingFile(givenPath) ?? givenPath}-holder.json`);
  return holder === null || holder.host !== hostname() || isAlive(holder.pid) ? holder : null;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Killed, and not yet collected by its parent: it takes signals, and holds no lock any more. Told on Linux; elsewhere it counts as alive. */
function isZombie(pid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // `pid (name) state …`, and the name may have brackets in it.
    return /^[ZX]/.test(status.slice(status.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

/** The holder's own note; null where there is none. It is left over where a run was killed, so only a failed lock makes it true. */
function readHolder(holderPath: string): Holder | null {
  try {
    const holder: unknown = JSON.parse(readFileSync(holderPath, 'utf8'));
    return isHolder(holder) ? holder : null;
  } catch {
    return null;
  }
}

function takeExclusively(lockPath: string, held: () => LedgerHeldError): Database {
  let database: Database | null = null;
  try {
    database = openDatabase(lockPath, { readOnly: false, busyMs: 0 });
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database?.close();
    if (isBusy(error)) throw held();
    throw new UserError(
      `The ledger's lock ${lockPath} can't be taken: ${describe(error)}. Nothing was sent. Remove that file if no import is running.`,
      { cause: error },
    );
  }
}

/** A file of its own name, moved into place: a reader never sees half of it, and a link that stands there isn't followed. */
function writeHolder(holderPath: string, holder: Holder): void {
  const draft = `${holderPath}.${process.pid}`;
  rmSync(draft, { force: true });
  try {
    writeFileSync(draft, `${JSON.stringify(holder)}\n`, { mode: 0o600, flag: 'wx' });
    renameSync(draft, holderPath);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

function isHolder(value: unknown): value is Holder {
  return typeof value === 'object' && value !== null && 'pid' in value && 'host' in value && 'since' in value && 'what' in value;
}

function heldError(ledgerPath: string, holder: Holder | null): LedgerHeldError {
  const who = holder === null ? '' : `: process ${holder.pid} on ${holder.host}, since ${holder.since} (${holder.what})`;
  return new LedgerHeldError(
    `Another run holds the ledger ${ledgerPath}${who}. Nothing was sent. Wait until it ends, or use another ledger if the notes have nothing in common.`,
  );
}

/** Created by us, so that its mode isn't the umask's business; an existing one isn't opened, see above. */
function createPrivately(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return;
    throw new UserError(`The ledger's folder can't be written: ${describe(error)}. Nothing was sent.`, { cause: error });
  }
}

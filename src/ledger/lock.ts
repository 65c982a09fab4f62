import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { LedgerHeldError, UserError } from '../errors.js';
import { describe, isBusy, openDatabase } from './database.js';

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
  const database = openDatabase(lockPath, { readOnly: false, busyMs: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (isBusy(error)) throw heldError(ledgerPath, readHolder(holderPath));
    throw new UserError(`The ledger's lock ${lockPath} can't be taken: ${describe(error)}. Remove that file if no import is running.`, {
      cause: error,
    });
  }
  const holder: Holder = { pid: process.pid, host: hostname(), since: new Date().toISOString(), what };
  writeFileSync(holderPath, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
  return {
    release() {
      // First the note about us, then the lock: the other way round we might remove our successor's note.
      rmSync(holderPath, { force: true });
      database.close();
    },
  };
}

/** Whether a run seems to hold the ledger, without trying: its holder's note is there, and its process lives (or is on another host). */
export function isHeld(ledgerPath: string): boolean {
  const holder = readHolder(`${ledgerPath}-holder.json`);
  if (holder === null) return false;
  if (holder.host !== hostname()) return true;
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** The holder's own note; null where there is none. It is left over where a run was killed, so only a failed lock makes it true. */
export function readHolder(holderPath: string): Holder | null {
  try {
    const holder: unknown = JSON.parse(readFileSync(holderPath, 'utf8'));
    return isHolder(holder) ? holder : null;
  } catch {
    return null;
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
    throw new UserError(`The ledger's folder can't be written: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

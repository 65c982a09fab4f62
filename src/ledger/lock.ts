import { closeSync, openSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { LedgerHeldError, UserError } from '../errors.js';
import { type Database, openDatabase } from './database.js';
import { describe, isBusy } from './database-error.js';
import { type Holder, readHolder, writeHolder } from './holder.js';

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

import { existsSync, statSync } from 'node:fs';
import { UserError } from '../errors.js';
import { type Database, openDatabase } from './database.js';
import { describe, isCorrupt, isReadOnly } from './database-error.js';
import { existingFile } from './ledger-file.js';
import { checkVersion, standIn } from './schema.js';

/** A ledger's file, opened to read beside whoever writes it, however damaged it is behind its first page. */
export interface LedgerReader {
  readonly database: Database;
  /** The real path. */
  readonly path: string;
  readonly version: number;
}

/** @throws UserError where there is none, or it isn't one that this program knows */
export function openLedgerReader(givenPath: string): LedgerReader {
  const path = existingFile(givenPath);
  if (path === null) throw new UserError(`There is no ledger at ${givenPath}. Name it with --ledger.`);
  let database: Database | null = null;
  try {
    database = openAnywhere(path);
    const version = checkVersion(database, path);
    if (version === 0) throw new UserError(`The ledger ${path} is empty: no run has begun in it yet.`);
    standIn(database, version);
    return { database, path, version };
  } catch (error) {
    database?.close();
    throw error instanceof UserError ? error : unreadable(path, error);
  }
}

/** In a folder that can't be written SQLite can't put its side files beside the ledger; where there are none, nobody writes it either. */
function openAnywhere(path: string): Database {
  const database = openDatabase(path, { readOnly: true, busyMs: 5000 });
  try {
    database.prepare('SELECT count(*) FROM sqlite_schema').get();
    return database;
  } catch (error) {
    database.close();
    const log = `${path}-wal`;
    if (!isReadOnly(error) || (existsSync(log) && statSync(log).size > 0)) throw error;
    return openDatabase(`file:${encodeURI(path).replace(/[?#]/g, encodeURIComponent)}?immutable=1`, { readOnly: true, busyMs: 0 });
  }
}

function unreadable(path: string, error: unknown): UserError {
  if (!isCorrupt(error)) return new UserError(`The ledger ${path} can't be read: ${describe(error)}.`, { cause: error });
  return new UserError(
    `${path} is damaged from its beginning on, or no ledger at all: ${describe(error)}. Restore it from a backup and add what came later with 'memory-import ledger rebuild', or move it away and make a new one so.`,
    { cause: error },
  );
}

import { statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { LedgerError, UserError } from '../errors.js';
import { type Database, openDatabase } from './database.js';
import { describe, isCorrupt } from './database-error.js';
import { MEND } from './finding.js';
import { buildIndex } from './index-build.js';
import { existingFile, prepareLedgerFile } from './ledger-file.js';
import { lockLedger } from './lock.js';
import { inTransaction } from './note-index.js';
import { checkVersion, migrate } from './schema.js';

export interface LedgerCompact {
  /** The real path. */
  readonly path: string;
  /** The file and its log. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly notes: number;
  /** Failed rows of old runs that were forgotten. */
  readonly droppedFailures: number;
  /** False where somebody was reading: the log is merged by the next run, or by compacting again. */
  readonly isMerged: boolean;
}

export interface CompactOptions {
  readonly path: string;
  /** Failed rows of runs that began before (ISO date-time) are forgotten; null: none are. */
  readonly dropFailuresBefore: string | null;
  readonly onStep?: (what: string) => void;
  /** Bytes that may still be written in a folder. */
  readonly freeBytes?: (folder: string) => number;
}

/**
 * Builds index and filter anew, and gives unused space back. What is known of notes stays. Each step is one transaction: whatever kills it,
 * the ledger is as before the step or as after it.
 * @throws UserError where there is no sound ledger, or not enough space: nothing was changed; LedgerHeldError where a run holds it;
 *   LedgerError where the disk fails meanwhile
 */
export function compactLedger(options: CompactOptions): LedgerCompact {
  if (existingFile(options.path) === null) throw new UserError(`There is no ledger at ${options.path}. Name it with --ledger.`);
  const path = prepareLedgerFile(options.path);
  const lock = lockLedger(path, 'ledger compact');
  try {
    const database = openDatabase(path, { readOnly: false, busyMs: 5000 });
    try {
      return compact(database, path, options);
    } finally {
      database.close();
    }
  } catch (error) {
    if (error instanceof UserError || error instanceof LedgerError || !(error instanceof Error)) throw error;
    if (isCorrupt(error)) throw damaged(path, describe(error), error);
    throw new LedgerError(
      `The ledger ${path} couldn't be compacted: ${describe(error)}. Nothing of it is lost, and it can be used as it is. Make room, then compact it again.`,
      { cause: error },
    );
  } finally {
    lock.release();
  }
}

const DROP_FAILURES = `DELETE FROM failure WHERE run_number NOT IN (SELECT run_number FROM run)
  OR run_number IN (SELECT run_number FROM run WHERE json_extract(record, '$.startedAt') < ?)`;
const COUNT_NOTES = 'SELECT count(*) AS notes FROM note';

function compact(
  database: Database,
  path: string,
  { dropFailuresBefore, onStep = () => {}, freeBytes = freeIn }: CompactOptions,
): LedgerCompact {
  if (checkVersion(database, path) === 0) throw new UserError(`The ledger ${path} is empty: there is nothing to compact.`);
  const bytesBefore = sizeOf(path);
  checkSpace(path, bytesBefore, freeBytes);
  onStep('checking it');
  const verdict = Object.values(database.prepare('PRAGMA quick_check(1)').get() ?? {})[0];
  // What is copied from a damaged file would look sound.
  if (verdict !== 'ok') throw damaged(path, String(verdict));
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32000');
  migrate(database, path);

  onStep('building the index anew');
  const droppedFailures = inTransaction(database, 'BEGIN IMMEDIATE', () => {
    buildIndex(database);
    return Number(database.prepare(DROP_FAILURES).run(dropFailuresBefore ?? '').changes);
  });
  merge(database);
  onStep('giving space back');
  database.exec('VACUUM');
  const isMerged = merge(database);
  const notes = Number(database.prepare(COUNT_NOTES).get()?.notes);
  return { path, bytesBefore, bytesAfter: sizeOf(path), notes, droppedFailures, isMerged };
}

/** The log into the file. False where a reader stands in the way. */
function merge(database: Database): boolean {
  return database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.busy === 0;
}

function sizeOf(path: string): number {
  return statSync(path).size + (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0);
}

/** A copy is made in SQLite's folder for temporary files, and comes back through the log, beside the ledger. */
function checkSpace(path: string, bytes: number, freeBytes: (folder: string) => number): void {
  const own = dirname(path);
  const temporary = temporaryFolder();
  const together = statSync(own).dev === statSync(temporary).dev;
  const needs = together ? [[own, bytes * 2] as const] : [[own, bytes] as const, [temporary, bytes] as const];
  for (const [folder, need] of needs) {
    const free = freeBytes(folder);
    if (free >= need) continue;
    throw new UserError(
      `Compacting the ledger ${path} takes ${megabytes(need)} in ${folder} for a while, and ${megabytes(free)} are free there. Nothing was changed. Make room` +
        `${together || folder === temporary ? ', or name a folder on another disk in the environment variable SQLITE_TMPDIR' : ''}.`,
    );
  }
}

/** Where SQLite puts temporary files: https://sqlite.org/tempfiles.html, "Temporary File Storage Locations". */
function temporaryFolder(): string {
  const candidates = [process.env.SQLITE_TMPDIR, process.env.TMPDIR, '/var/tmp', '/usr/tmp', '/tmp', process.env.TEMP, '.'];
  return candidates.find((folder) => folder !== undefined && (statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false)) ?? '.';
}

function freeIn(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function damaged(path: string, detail: string, cause?: unknown): UserError {
  return new UserError(`The ledger ${path} is damaged, and was left as it is: ${detail}. ${MEND}`, { cause });
}

import { DatabaseSync, type StatementSyncInstance } from '@photostructure/sqlite';

/** The only door to the SQLite driver. It speaks `node:sqlite`'s API: the day Node 20 goes, only this import changes. */
export interface Database {
  exec(sql: string): void;
  /** The same statement for the same SQL: it mustn't be run while an iteration over it is under way. */
  prepare(sql: string): Statement;
  /** A function of one value for SQL: the same answer for the same value. */
  define(name: string, work: (value: unknown) => number): void;
  readonly isOpen: boolean;
  readonly isTransaction: boolean;
  /** Statements can't be finalized in this driver: the files stay open, and the log unmerged, until they happen to be collected. */
  close(): void;
}
export type Statement = StatementSyncInstance;

/** @throws the driver's error; `describe` puts it into words. */
export function openDatabase(path: string, options: { readonly readOnly: boolean; readonly busyMs: number }): Database {
  const database = new DatabaseSync(path, { readOnly: options.readOnly, timeout: options.busyMs });
  const statements = new Map<string, Statement>();
  return {
    exec: (sql) => database.exec(sql),
    prepare(sql) {
      let statement = statements.get(sql);
      if (statement === undefined) {
        statement = database.prepare(sql);
        statements.set(sql, statement);
      }
      return statement;
    },
    define: (name, work) => database.function(name, { deterministic: true }, work),
    get isOpen() {
      return database.isOpen;
    },
    get isTransaction() {
      return database.isTransaction;
    },
    close: () => database.close(),
  };
}

const BUSY = 5;
const READ_ONLY = [8, 14];
const CORRUPT = [11, 26];

/** True where another connection holds the lock that was asked for. */
export function isBusy(error: unknown): boolean {
  return (resultCode(error) ?? 0) % 256 === BUSY;
}

/** True where files can't be written, or made beside the database. */
export function isReadOnly(error: unknown): boolean {
  return READ_ONLY.includes((resultCode(error) ?? 0) % 256);
}

/** True where the file isn't an intact SQLite database. */
export function isCorrupt(error: unknown): boolean {
  const code = resultCode(error);
  // An iteration's error comes without its code.
  if (code === null) return error instanceof Error && /^(database disk image is malformed|file is not a database)/.test(error.message);
  return CORRUPT.includes(code % 256);
}

/** SQLite's own words, with its name for the error where it has one. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const name = 'sqliteCodeName' in error ? ` (${String(error.sqliteCodeName)})` : '';
  return `${error.message}${name}`;
}

function resultCode(error: unknown): number | null {
  if (!(error instanceof Error)) return null;
  const code: unknown = 'errcode' in error ? error.errcode : null;
  return typeof code === 'number' ? code : null;
}

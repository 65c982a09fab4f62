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

/** @throws the driver's error; `describe` of `database-error.ts` puts it into words. */
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

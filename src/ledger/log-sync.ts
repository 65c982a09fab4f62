import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs';

/** Brings what was committed to the disk. */
export interface LogSync {
  /** Resolves when everything committed before this call is there. Rejects with the system's error. */
  sync(): Promise<void>;
  close(): void;
}

/**
 * Of a database in WAL mode with `synchronous=NORMAL`: a commit is then no more than a write to the end of the log, and is durable once the log
 * was flushed. SQLite's own FULL does the same within COMMIT, and holds up the thread that also reads the answers of the API, for
 * milliseconds each time. What lies in the log's order isn't changed: a flush covers all commits before it, and SQLite itself flushes
 * around checkpoints (https://sqlite.org/pragma.html#pragma_synchronous).
 *
 * SQLite holds no lock on the log, so closing this descriptor drops none.
 *
 * @param mayBlock true: the thread has nothing else to do while it waits for the disk; waking another one to wait costs more
 */
export function createLogSync(databasePath: string, mayBlock: boolean): LogSync {
  // The log may come into being with the first commit.
  let descriptor: number | null = null;
  return {
    sync() {
      return new Promise((resolve, reject) => {
        // To be written: some systems don't flush what was opened to be read.
        descriptor ??= openSync(`${databasePath}-wal`, 'r+');
        if (!mayBlock) fdatasync(descriptor, (error) => (error === null ? resolve() : reject(error)));
        else {
          fdatasyncSync(descriptor);
          resolve();
        }
      });
    },
    close() {
      if (descriptor !== null) closeSync(descriptor);
      descriptor = null;
    },
  };
}

/** Where a commit is durable by itself, or nothing is ever written. */
export const NO_LOG: LogSync = { sync: async () => {}, close: () => {} };

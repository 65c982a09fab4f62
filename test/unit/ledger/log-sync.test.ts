import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LedgerError } from '../../../src/errors.js';
import { openDatabase } from '../../../src/ledger/database.js';
import type { Ledger } from '../../../src/ledger/ledger.js';
import { createLogSync, type LogSync } from '../../../src/ledger/log-sync.js';
import { migrate } from '../../../src/ledger/schema.js';
import { openLedger } from '../../../src/ledger/sqlite.js';
import { createStore } from '../../../src/ledger/sqlite-store.js';
import { claimOf, runId } from '../../contract/ledger-store.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'memory-import-log-'));
  path = join(folder, 'ledger.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const batch = { claims: [claimOf('a note')], transitions: [], failures: [] };

function storeWith(log: LogSync): Ledger {
  const database = openDatabase(path, { readOnly: false, busyMs: 0 });
  migrate(database, path);
  return createStore({ database, lock: null, log, runNumber: 1, now: Date.now, tailLength: undefined });
}

it('a claim is answered when the log was flushed, and not before', async () => {
  let flushed = (): void => {};
  const ledger = storeWith({ sync: () => new Promise((resolve) => (flushed = resolve)), close: () => {} });
  let isAnswered = false;
  const answer = ledger.commit(batch).then(() => {
    isAnswered = true;
  });
  await new Promise(setImmediate);
  expect(isAnswered).toBe(false);
  flushed();
  await answer;
  await ledger.close();
});

it("a log that can't be flushed is a ledger that failed: nothing is sent on its word", async () => {
  const ledger = storeWith({ sync: () => Promise.reject(new Error('EIO: i/o error, fdatasync')), close: () => {} });
  const failure: unknown = await ledger.commit(batch).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(LedgerError);
  expect(String(failure)).toContain('fdatasync');
  await ledger.close();
});

it('a ledger opened for a run keeps a log beside its file, which is what is flushed', async () => {
  const target = { baseUrl: 'https://api.example.test/', apiKey: 'a key' };
  const ledger = openLedger({ path, runId: runId('run-1'), what: 'test', target, sameAccount: false, now: Date.now });
  const database = openDatabase(path, { readOnly: true, busyMs: 0 });
  expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
  database.close();
  for (const mayBlock of [false, true]) {
    const log = createLogSync(path, mayBlock);
    await log.sync();
    log.close();
    await expect(createLogSync(join(folder, 'another.db'), mayBlock).sync()).rejects.toThrow('ENOENT');
  }
  await ledger.close();
});

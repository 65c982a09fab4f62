import { chmodSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkLedger } from '../../src/ledger/check.js';
import { openDatabase } from '../../src/ledger/database.js';
import { ledgerContract } from './ledger-contract.js';
import { ledgerModel } from './ledger-model.js';
import { batchOf, claimKey, claimOf, created, fingerprint, known, settle } from './ledger-store.js';
import { createSqlite, type SqliteUnderTest } from './sqlite-store.js';

ledgerContract('SQLite', () => createSqlite());
ledgerModel('SQLite', () => createSqlite());

describe('the SQLite ledger\u2019s files', () => {
  let store: SqliteUnderTest;
  beforeEach(async () => {
    store = await createSqlite();
  });
  afterEach(() => store.destroy());
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

  test('are the owner\u2019s only, whatever the umask, and so is their folder', async () => {
    const before = process.umask(0);
    try {
      const ledger = await store.open({ runId: 'run-1' });
      await claimKey(ledger, claimOf(1));
      const folder = dirname(store.path());
      expect(mode(folder)).toBe('700');
      const names = readdirSync(folder);
      expect(names).toEqual(expect.arrayContaining(['', '-holder.json', '-lock', '-shm', '-wal'].map((suffix) => `ledger.db${suffix}`)));
      for (const name of names) expect([name, mode(join(folder, name))]).toEqual([name, '600']);
      await ledger.close();
      chmodSync(store.path(), 0o664);
      await (await store.open({ runId: 'run-2' })).close();
      expect(mode(store.path())).toBe('600');
    } finally {
      process.umask(before);
    }
  });

  test('a copy of the one file is the whole ledger once the run has ended', async () => {
    const ledger = await store.open({ runId: 'run-1' });
    await settle(ledger, created(await claimKey(ledger, claimOf(1)), 'm-1'));
    await ledger.close();
    for (const suffix of ['-wal', '-shm']) rmSync(store.path() + suffix, { force: true });
    expect(await known((await store.openToRead())!, 1)).toMatchObject({ memoryId: 'm-1' });
  });

  test('what was appended and not indexed, and a filter of long ago, are made good at opening', async () => {
    let ledger = await store.open({ runId: 'run-1', tailLength: 5 });
    const contactId = 'ann';
    for (let n = 0; n < 23; n++) await settle(ledger, created(await claimKey(ledger, claimOf(n, { contactId })), `m-${n}`));
    await ledger.close();
    // As after a crash at any point between the commit of the notes and that of the index.
    for (const upTo of [23, 17, 9, 0]) {
      const database = openDatabase(store.path(), { readOnly: false, busyMs: 0 });
      database.exec(`UPDATE meta SET value = ${upTo} WHERE name = 'indexed_up_to'`);
      const levels = ['recent_by_fingerprint', 'note_by_fingerprint', 'recent_by_contact', 'note_by_contact'];
      for (const level of levels) {
        expect(database.prepare(`SELECT count(*) AS entries FROM ${level}`).get()?.entries, level).toBeGreaterThan(0);
        database.exec(`DELETE FROM ${level} WHERE note_key > ${upTo}`);
      }
      database.exec(`UPDATE meta SET value = ${upTo} WHERE name = 'filter_up_to'`);
      if (upTo === 0) database.exec('DELETE FROM filter_segment');
      database.close();
      ledger = await store.open({ runId: `run-${upTo}`, tailLength: 100 });
      const notes = await ledger.lookup(Array.from({ length: 24 }, (_, n) => fingerprint(n)));
      expect(notes.map((note) => note?.memoryId ?? null)).toEqual([...Array.from({ length: 23 }, (_, n) => `m-${n}`), null]);
      expect((await ledger.contact(contactId, null)).memoryIds.size).toBe(23);
      expect(await ledger.largestContact()).toMatchObject({ memories: 23 });
      // Indexed again, and in both levels: the next crash finds it so.
      for (let n = 0; n < 5; n++) await claimKey(ledger, claimOf(`${upTo} ${n}`));
      await ledger.close();
      ledger = await store.open({ runId: `next-${upTo}`, tailLength: 5 });
      for (let n = 0; n < 30; n++) await claimKey(ledger, claimOf(`${upTo} next ${n}`));
      await ledger.close();
      expect((await checkLedger(store.path(), { quick: false })).findings).toEqual([]);
    }
  });

  test('leave the small level of the index small, whatever is claimed at once', async () => {
    const ledger = await store.open({ runId: 'run-1', tailLength: 5 });
    for (let from = 0; from < 400; from += 20)
      await ledger.commit(batchOf({ claims: Array.from({ length: 20 }, (_, i) => claimOf(from + i)) }));
    await ledger.close();
    const database = openDatabase(store.path(), { readOnly: true, busyMs: 0 });
    for (const by of ['fingerprint', 'contact'])
      expect(Number(database.prepare(`SELECT count(*) AS entries FROM recent_by_${by}`).get()?.entries), by).toBeLessThan(100);
    database.close();
  });

  test.each([
    [1, 'DROP TABLE learnt_contact; ALTER TABLE failure DROP COLUMN target'],
    [2, ''],
  ])('of version %i is read as it is, and brought up to date by the next run', async (version, sql) => {
    let ledger = await store.open({ runId: 'run-1', tailLength: 5 });
    for (let n = 0; n < 23; n++) await settle(ledger, created(await claimKey(ledger, claimOf(n, { contactId: `c-${n % 2}` })), `m-${n}`));
    await ledger.close();
    const database = openDatabase(store.path(), { readOnly: false, busyMs: 0 });
    database.exec(`INSERT INTO note_by_fingerprint SELECT * FROM recent_by_fingerprint; INSERT INTO note_by_contact SELECT * FROM recent_by_contact;
      DROP VIEW indexed_by_fingerprint; DROP VIEW indexed_by_contact; DROP TABLE recent_by_fingerprint; DROP TABLE recent_by_contact;
      DELETE FROM meta WHERE name LIKE '%merged_to'; ${sql}; PRAGMA user_version = ${version}`);
    database.close();

    const names = Array.from({ length: 24 }, (_, n) => fingerprint(n));
    const expected = [...Array.from({ length: 23 }, (_, n) => `m-${n}`), null];
    const check = await checkLedger(store.path(), { quick: false });
    expect(check).toMatchObject({ version, findings: [], notes: { created: 23 } });
    const reader = (await store.openToRead())!;
    expect((await reader.lookup(names)).map((note) => note?.memoryId ?? null)).toEqual(expected);
    expect((await reader.contact('c-0', null)).memoryIds.size).toBe(12);
    expect(await reader.largestContact()).toMatchObject({ contactId: 'c-0', memories: 12 });

    ledger = await store.open({ runId: 'run-2', tailLength: 5 });
    expect((await ledger.lookup(names)).map((note) => note?.memoryId ?? null)).toEqual(expected);
    for (let n = 23; n < 60; n++) await settle(ledger, created(await claimKey(ledger, claimOf(n)), `m-${n}`));
    await ledger.close();
    // Whoever had opened it before that goes on seeing what was there.
    expect((await reader.lookup(names)).map((note) => note?.memoryId ?? null)).toEqual(expected);
    expect((await reader.contact('c-0', null)).memoryIds.size).toBe(12);
    await reader.close();
    expect(await checkLedger(store.path(), { quick: false })).toMatchObject({ version: 3, findings: [], notes: { created: 60 } });
  });
});

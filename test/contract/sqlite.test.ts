import { chmodSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDatabase } from '../../src/ledger/database.js';
import { ledgerContract } from './ledger-contract.js';
import { ledgerModel } from './ledger-model.js';
import { claimKey, claimOf, created, fingerprint, known, settle } from './ledger-store.js';
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
    for (const upTo of [23, 17, 4, 0]) {
      const database = openDatabase(store.path(), { readOnly: false, busyMs: 0 });
      database.exec(`UPDATE meta SET value = ${upTo} WHERE name = 'indexed_up_to'`);
      if (upTo !== 17)
        database.exec(`DELETE FROM note_by_fingerprint WHERE note_key > ${upTo}; DELETE FROM note_by_contact WHERE note_key > ${upTo}`);
      database.exec(`UPDATE meta SET value = ${upTo} WHERE name = 'filter_up_to'`);
      if (upTo === 0) database.exec('DELETE FROM filter_segment');
      database.close();
      ledger = await store.open({ runId: `run-${upTo}`, tailLength: 100 });
      const notes = await ledger.lookup(Array.from({ length: 24 }, (_, n) => fingerprint(n)));
      expect(notes.map((note) => note?.memoryId ?? null)).toEqual([...Array.from({ length: 23 }, (_, n) => `m-${n}`), null]);
      expect((await ledger.contact(contactId, null)).memoryIds.size).toBe(23);
      expect(await ledger.largestContact()).toMatchObject({ memories: 23 });
      await ledger.close();
    }
  });
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDatabase } from '../../../src/ledger/database.js';
import type { Ledger } from '../../../src/ledger/ledger.js';
import type { NoteKey } from '../../../src/model.js';
import { batchOf, claimKey, claimOf, created, failed, released, settle } from '../../contract/ledger-store.js';
import { createSqlite, type SqliteUnderTest } from '../../contract/sqlite-store.js';

const BATCH = 500;
const NOTES = 6 * BATCH;

describe('what a killed run had claimed is in doubt', () => {
  let store: SqliteUnderTest;
  beforeEach(async () => {
    store = await createSqlite();
  });
  afterEach(() => store.destroy());

  /** Claims them all, and settles each batch with the next one's claims, save for the notes of these numbers and the last batch. */
  async function claimMany(ledger: Ledger, left: readonly number[]): Promise<readonly NoteKey[]> {
    const keys: NoteKey[] = [];
    for (let from = 0; from < NOTES; from += BATCH) {
      const transitions = keys.slice(-BATCH).flatMap((key, i) => (left.includes(from - BATCH + i) ? [] : [created(key, `memory-${key}`)]));
      const claims = Array.from({ length: BATCH }, (_, i) => claimOf(from + i));
      for (const answer of await ledger.commit(batchOf({ claims, transitions }))) if (answer.kind === 'claimed') keys.push(answer.key);
    }
    return keys;
  }

  const openKeys = async (ledger: Ledger) => (await ledger.openNotes({ after: null, limit: NOTES })).map(({ key }) => key);

  test('also long after thousands of later notes were settled', async () => {
    const first = await store.open({ runId: 'run-1' });
    const keys = await claimMany(first, [3, 1200]);
    await store.crash(first);
    const expected = [keys[3], keys[1200], ...keys.slice(-BATCH)];
    const reader = (await store.openToRead())!;
    expect(await openKeys(reader)).toEqual(expected);
    await reader.close();
    expect(await openKeys(await store.open({ runId: 'run-2' }))).toEqual(expected);
  });

  test('where only its last notes were open, no more than those and a few thousand are read to find them', async () => {
    const first = await store.open({ runId: 'run-1' });
    const keys = await claimMany(first, []);
    await store.crash(first);
    const database = openDatabase(store.path(), { readOnly: true, busyMs: 1000 });
    const mark = database.prepare(`SELECT value FROM meta WHERE name = 'claimed_above'`).get()?.value;
    database.close();
    expect(mark).toBeGreaterThanOrEqual(keys.at(-2 * BATCH - 1)! - 2048);
    expect(mark).toBeLessThanOrEqual(keys.at(-BATCH - 1)!);
  });

  test('also a note that had failed, was released or undone, and was claimed again far below the last key', async () => {
    const first = await store.open({ runId: 'run-1' });
    const again = [
      await claimKey(first, claimOf('failed')),
      await claimKey(first, claimOf('released')),
      await claimKey(first, claimOf('undone')),
    ];
    await settle(first, failed(again[0]!), released(again[1]!), created(again[2]!, 'memory'));
    await settle(first, { key: again[2]!, to: 'undone' });
    const keys = await claimMany(first, []);
    await settle(first, ...keys.slice(-BATCH).map((key) => created(key, `memory-${key}`)));
    await first.close();
    const second = await store.open({ runId: 'run-2' });
    for (const name of ['failed', 'released', 'undone']) await claimKey(second, claimOf(name));
    await store.crash(second);
    const reader = (await store.openToRead())!;
    expect(await openKeys(reader)).toEqual(again);
    await reader.close();
    expect(await openKeys(await store.open({ runId: 'run-3' }))).toEqual(again);
  });

  test('also in a ledger of the version before, in which a note that was claimed, and one that was released, have no time of a settlement', async () => {
    const first = await store.open({ runId: 'run-1' });
    const claimed = await claimKey(first, claimOf('claimed'));
    const free = await claimKey(first, claimOf('free'));
    await settle(first, released(free));
    await store.crash(first);
    const database = openDatabase(store.path(), { readOnly: false, busyMs: 1000 });
    database.exec(`
      DROP INDEX note_open;
      CREATE INDEX note_open ON note (note_key) WHERE state IN ('claimed', 'sending', 'in_doubt') OR closing = 1;
      UPDATE note SET settled_at = NULL;
      DELETE FROM meta WHERE name = 'claimed_above';
      PRAGMA user_version = 2`);
    database.close();
    const reader = (await store.openToRead())!;
    expect(await openKeys(reader)).toEqual([claimed]);
    await reader.close();
    const second = await store.open({ runId: 'run-2' });
    expect(await openKeys(second)).toEqual([claimed]);
    await claimKey(second, claimOf('free'));
    await store.crash(second);
    expect(await openKeys(await store.open({ runId: 'run-3' }))).toEqual([claimed, free]);
  });
});

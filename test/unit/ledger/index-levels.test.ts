import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../../src/ledger/database.js';
import { type IndexLevels, type LevelSizes, openIndexLevels, type Pair } from '../../../src/ledger/index-levels.js';
import { migrate } from '../../../src/ledger/schema.js';

let folder: string;
let database: Database;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'memory-import-levels-'));
  database = openDatabase(join(folder, 'ledger.db'), { readOnly: false, busyMs: 0 });
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF');
  migrate(database, 'ledger.db');
});
afterEach(() => {
  database.close();
  rmSync(folder, { recursive: true, force: true });
});

const TABLES = [
  ['recent_by_fingerprint', 'note_by_fingerprint', 'prefix'],
  ['recent_by_contact', 'note_by_contact', 'contact_hash'],
] as const;

function entries(table: string, hash: string): readonly Pair[] {
  return database
    .prepare(`SELECT ${hash} AS hash, note_key FROM ${table}`)
    .all()
    .map((row) => [Number(row.hash), Number(row.note_key)]);
}

const inOrder = (pairs: readonly Pair[]) => pairs.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]);

function expectEachOnce(expected: readonly Pair[]): void {
  for (const [small, large, hash] of TABLES) expect(inOrder([...entries(small, hash), ...entries(large, hash)])).toEqual(inOrder(expected));
}

/** One commit, or, where `fails`, one that is taken back. */
function commit(work: () => () => void, fails = false): void {
  database.exec('BEGIN IMMEDIATE');
  const afterCommit = work();
  database.exec(fails ? 'ROLLBACK' : 'COMMIT');
  if (!fails) afterCommit();
}

/** Both indexes get the same pairs, in the order of their hashes. */
const addTo = (levels: IndexLevels, pairs: readonly Pair[], fails = false) =>
  commit(() => levels.add(inOrder(pairs), inOrder(pairs)), fails);

describe('the index in two levels', () => {
  const step = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('add' as const), hashes: fc.array(fc.nat(40), { maxLength: 50 }), fails: fc.boolean() }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('merge' as const), fails: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
  );

  test('has every entry in exactly one level, whatever was moved, taken back or opened anew', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.nat(30), (steps, recent) => {
        for (const table of TABLES.flat()) if (table.includes('_by_')) database.exec(`DELETE FROM ${table}`);
        const sizes: LevelSizes = { recent, slice: 4 };
        let levels = openIndexLevels(database, sizes);
        const expected: Pair[] = [];
        let key = 0;
        for (const one of steps) {
          if (one.do === 'reopen') levels = openIndexLevels(database, sizes);
          else if (one.do === 'merge') commit(() => levels.merge(0), one.fails);
          else {
            const pairs = one.hashes.map((hash): Pair => [hash, ++key]);
            addTo(levels, pairs, one.fails);
            if (!one.fails) expected.push(...pairs);
          }
          expectEachOnce(expected);
        }
        // What is due is moved, and no more than that; one turn may find nothing behind where the last one ended.
        for (let i = 0; i <= expected.length; i++) commit(() => levels.merge(0));
        expectEachOnce(expected);
        for (const [small, , hash] of TABLES) {
          expect(entries(small, hash).length).toBeLessThanOrEqual(recent);
          expect(entries(small, hash).length).toBeGreaterThan(Math.min(expected.length, recent) - 4);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('keeps up with whatever comes at once', () => {
    const levels = openIndexLevels(database, { recent: 10, slice: 2 });
    for (let from = 0; from < 1000; from += 50) {
      addTo(
        levels,
        Array.from({ length: 50 }, (_, i) => [(from + i) * 7919, from + i + 1]),
      );
      commit(() => levels.merge(50));
      expect(entries('recent_by_fingerprint', 'prefix').length).toBeLessThanOrEqual(60);
    }
  });

  test('comes round to every entry, though each run adds a few and ends', () => {
    const addedIn = new Map<number, number>();
    let key = 0;
    for (let run = 0; run < 120; run++) {
      const levels = openIndexLevels(database, { recent: 20, slice: 2 });
      const pairs = Array.from({ length: 2 }, (): Pair => [(++key * 2_654_435_761) % 1000, key]);
      for (const [, at] of pairs) addedIn.set(at, run);
      addTo(levels, pairs);
      commit(() => levels.merge(0));
      for (const [, at] of entries('recent_by_contact', 'contact_hash')) expect(run - addedIn.get(at)!).toBeLessThan(40);
    }
    expect(entries('note_by_contact', 'contact_hash').length).toBeGreaterThan(200);
  });

  test('moves a contact that has nearly all notes slice by slice, too', () => {
    const levels = openIndexLevels(database, { recent: 0, slice: 10 });
    addTo(
      levels,
      Array.from({ length: 100 }, (_, i) => [5, i + 1]),
    );
    for (let left = 90; left >= 0; left -= 10) {
      commit(() => levels.merge(0));
      expect(entries('recent_by_contact', 'contact_hash')).toHaveLength(left);
    }
  });
});

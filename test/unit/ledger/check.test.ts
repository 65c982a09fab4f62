import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { UserError } from '../../../src/errors.js';
import { checkLedger, type LedgerCheck } from '../../../src/ledger/check.js';
import { compactLedger } from '../../../src/ledger/compact.js';
import { openDatabase } from '../../../src/ledger/database.js';
import { openLedger } from '../../../src/ledger/sqlite.js';
import { batchOf, claimKey, claimOf, created, failed, fingerprint, inDoubt, known, runId, settle } from '../../contract/ledger-store.js';

const NOTES = 300;
let folder: string;
let path: string;
let intact: Buffer;
const makeFolder = () => {
  folder = mkdtempSync(join(tmpdir(), 'memory-import-check-'));
  path = join(folder, 'ledger.db');
};
const removeFolder = () => rmSync(folder, { recursive: true, force: true });
beforeAll(async () => {
  makeFolder();
  const ledger = open('run-1');
  await ledger.saveRun({ ...(await ledger.run('run-1'))!, out: 'runs/run-1' });
  for (let from = 0; from < NOTES; from += 50) {
    const claims = Array.from({ length: 50 }, (_, i) => claimOf(from + i, { contactId: `contact ${i % 7}` }));
    const answers = await ledger.commit(batchOf({ claims }));
    await settle(ledger, ...answers.flatMap((answer) => (answer.kind === 'claimed' ? [created(answer.key, `m-${answer.key}`)] : [])));
  }
  await ledger.commit(batchOf({ failures: [{ input: 0, row: 1, target: 0, class: 'invalid', status: null, message: 'x', attempts: 0 }] }));
  await ledger.close();
  intact = readFileSync(path);
  removeFolder();
});
beforeEach(() => {
  makeFolder();
  writeFileSync(path, intact, { mode: 0o600 });
});
afterEach(removeFolder);

const TARGET = { baseUrl: 'https://api.example.test/', apiKey: 'a key' };
function open(run: string) {
  return openLedger({ path, runId: runId(run), what: 'test', target: TARGET, sameAccount: false, now: Date.now, tailLength: 60 });
}

function alter(sql: string): void {
  const database = openDatabase(path, { readOnly: false, busyMs: 0 });
  database.exec(`${sql}; PRAGMA wal_checkpoint(TRUNCATE)`);
  database.close();
}

/** The condition of a note that is in this level of the index. */
function firstOf(level: string, by = 'fingerprint'): string {
  return `note_key = (SELECT min(note_key) FROM ${level}_by_${by})`;
}

const codes = ({ findings }: LedgerCheck) => findings.map(({ code }) => code);

describe('a sound ledger', () => {
  test('is described, and no byte of it changes', async () => {
    const before = readFileSync(path);
    const check = await checkLedger(path, { quick: false });
    expect(check).toMatchObject({
      path,
      version: 3,
      target: { baseUrl: 'https://api.example.test/' },
      notes: { total: NOTES, created: NOTES, failed: 0 },
      inDoubt: { notes: 0, since: null, runs: [] },
      closingLooksDue: 0,
      runs: { total: 1 },
      heldBy: null,
      findings: [],
    });
    expect(JSON.stringify(check)).not.toContain('a key');
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('says what is in doubt, since when and of which run; what a live run has under way is none of it', async () => {
    const ledger = open('run-2');
    await settle(ledger, inDoubt(await claimKey(ledger, claimOf('lost', { claimedAt: 5000 })), 7000));
    await settle(ledger, created(await claimKey(ledger, claimOf('again')), 'm-again', { closingLook: true }));
    await settle(ledger, failed(await claimKey(ledger, claimOf('refused'))));
    await claimKey(ledger, claimOf('sent', { claimedAt: 1000 }));
    const held = await checkLedger(path, { quick: false });
    expect(held).toMatchObject({ heldBy: { pid: process.pid }, closingLooksDue: 1, findings: [] });
    expect(held.inDoubt).toEqual({ notes: 1, since: new Date(7000).toISOString(), runs: ['run-2'] });
    await ledger.close();
    const free = await checkLedger(path, { quick: false });
    expect(free.inDoubt).toEqual({ notes: 2, since: new Date(1000).toISOString(), runs: ['run-2'] });
    expect(free.notes).toMatchObject({ total: NOTES + 4, in_doubt: 1, claimed: 1, failed: 1 });
  });

  test('is sound also while a run has notes in memory that its index does not have yet', async () => {
    const ledger = open('run-2');
    for (let n = 0; n < 10; n++) await claimKey(ledger, claimOf(`new ${n}`));
    expect(codes(await checkLedger(path, { quick: false }))).toEqual([]);
    await ledger.close();
  });
});

describe('what is always true of a ledger, and is not of this one:', () => {
  test.each<[string, string, readonly string[]]>([
    ...['recent', 'note'].flatMap((level): [string, string, readonly string[]][] => [
      [`a note that ${level}_by_fingerprint misses`, `DELETE FROM ${level}_by_fingerprint WHERE ${firstOf(level)}`, ['index_incomplete']],
      [
        `a note that ${level}_by_contact misses`,
        `DELETE FROM ${level}_by_contact WHERE ${firstOf(level, 'contact')}`,
        ['index_incomplete'],
      ],
      [
        `an entry of ${level}_by_fingerprint that leads to another note`,
        `UPDATE ${level}_by_fingerprint SET prefix = prefix + 1 WHERE ${firstOf(level)}`,
        ['index_incomplete'],
      ],
    ]),
    ['an entry in both levels', 'INSERT INTO note_by_contact SELECT * FROM recent_by_contact LIMIT 1', ['index_incomplete']],
    ['an index whose mark lies beyond the notes', `UPDATE meta SET value = 9999 WHERE name = 'indexed_up_to'`, ['index_incomplete']],
    ['a saved filter that was altered', 'UPDATE filter_segment SET bits = zeroblob(length(bits))', ['filter_damaged']],
    [
      'a note that stands twice, one in each level',
      `UPDATE note SET fingerprint = (SELECT fingerprint FROM note WHERE ${firstOf('note')}) WHERE ${firstOf('recent')};
        UPDATE recent_by_fingerprint SET prefix = (SELECT prefix FROM note_by_fingerprint WHERE ${firstOf('note')}) WHERE ${firstOf('recent')}`,
      ['fingerprint_twice'],
    ],
    ['a memory that stands for two notes', `UPDATE note SET memory_id = 'm-8' WHERE note_key = 7`, ['memory_twice']],
    ['a state that there is not', `UPDATE note SET state = 'lost' WHERE note_key = 7`, ['note_invalid']],
    ['a fingerprint that is none', `UPDATE note SET how = NULL WHERE note_key = 7`, ['note_invalid']],
    ['notes of a run that is not there', 'UPDATE note SET run_number = 99 WHERE note_key = 7', ['note_without_run']],
    ['failures of a run that is not there', 'UPDATE failure SET run_number = 99', ['failure_without_run']],
    ['no target', `DELETE FROM meta WHERE name = 'target'`, ['no_target']],
    ['a record of a run that is no JSON', `UPDATE run SET record = 'x'`, ['record_invalid']],
  ])('%s', async (_, sql, expected) => {
    alter(sql);
    const { findings } = await checkLedger(path, { quick: false });
    expect(findings.map(({ code }) => code)).toEqual(expected);
    for (const { message, advice } of findings) expect([message, advice].every((text) => text.length > 20)).toBe(true);
  });

  test('a filter that does not know a note, though it is as it was saved', async () => {
    alter('UPDATE note SET fingerprint = randomblob(32) WHERE note_key = 7');
    expect(codes(await checkLedger(path, { quick: false }))).toEqual(['index_incomplete', 'filter_incomplete']);
  });

  test('a note that stands twice, the second time in what is not indexed yet', async () => {
    alter(`INSERT INTO note (fingerprint, contact_id, sent_hash, state, run_number, row, claimed_at, how, memory_id)
      SELECT fingerprint, contact_id, sent_hash, state, run_number, row, claimed_at, how, 'other' FROM note WHERE note_key = 7`);
    const { findings } = await checkLedger(path, { quick: false });
    expect(findings).toMatchObject([{ code: 'fingerprint_twice', message: expect.stringContaining(`notes 7 and ${NOTES + 1}`) }]);
  });

  test('is mended by compacting, where only the index or the filter is wrong', async () => {
    alter('DELETE FROM recent_by_fingerprint; DELETE FROM note_by_contact; UPDATE filter_segment SET bits = zeroblob(9)');
    expect(codes(await checkLedger(path, { quick: false }))).toEqual(['index_incomplete', 'filter_damaged']);
    compactLedger({ path, dropFailuresBefore: null });
    expect(codes(await checkLedger(path, { quick: false }))).toEqual([]);
    const ledger = open('run-2');
    for (const n of [0, 7, NOTES - 1]) expect(await known(ledger, n)).toMatchObject({ state: 'created' });
    expect(await ledger.lookup([fingerprint('nobody')])).toEqual([null]);
    expect((await ledger.contact('contact 3', null)).memoryIds.size).toBeGreaterThan(30);
    await ledger.close();
  });

  test('a quick look counts, and does not look at each note', async () => {
    alter(`DELETE FROM recent_by_fingerprint; UPDATE note SET state = 'lost' WHERE note_key = 7`);
    expect(await checkLedger(path, { quick: true })).toMatchObject({ depth: 'quick', findings: [{ code: 'note_invalid' }] });
  });
});

describe('a file that is damaged', () => {
  test('at any page is found so, or is refused; it never looks sound with a note missing', async () => {
    const whole = intact;
    let sound = 0;
    for (let page = 0; page * 4096 < whole.length; page++) {
      const broken = Buffer.from(whole);
      broken.fill(0xa5, page * 4096 + (page === 0 ? 100 : 0), page * 4096 + 4096);
      restore(broken);
      const check = await checkOrRefusal();
      if (check === 'refused') continue;
      if (check.findings.length > 0) continue;
      // A page that nobody uses.
      expect(check.notes.created).toBe(NOTES);
      sound++;
    }
    expect(sound).toBeLessThan(3);
  });

  test('by single bytes is never a bug of the check', async () => {
    const whole = intact;
    let found = 0;
    for (let i = 0; i < 60; i++) {
      const broken = Buffer.from(whole);
      const at = (i * 7919 * 131) % whole.length;
      broken[at] = broken[at]! ^ (1 << (i % 8));
      restore(broken);
      const check = await checkOrRefusal();
      if (check === 'refused' || check.findings.length > 0) found++;
    }
    expect(found).toBeGreaterThan(10);
  });

  test.each([4096 * 2, 4096 * 9 + 17])('cut off after %i bytes says so, and what to do', async (length) => {
    restore(intact.subarray(0, length));
    const check = await checkOrRefusal();
    if (check === 'refused') return;
    expect(codes(check)).toContain('damaged');
    expect(check.findings[0]?.advice).toMatch(/backup.*ledger rebuild.*--adopt/);
  });
});

function restore(bytes: Uint8Array): void {
  writeFileSync(path, bytes);
  for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true });
}

async function checkOrRefusal(): Promise<LedgerCheck | 'refused'> {
  try {
    return await checkLedger(path, { quick: false });
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toMatch(/damaged|newer memory-import|not a ledger/);
    return 'refused';
  }
}

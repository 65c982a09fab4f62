import { chmodSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UserError } from '../../../src/errors.js';
import { openDatabase } from '../../../src/ledger/database.js';
import { openLedger, openLedgerToRead } from '../../../src/ledger/sqlite.js';
import { batchOf, claimOf, created, fingerprint, runId } from '../../contract/ledger-store.js';

const NOTES = 300;
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'memory-import-damage-'));
  path = join(folder, 'ledger.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function open(at = path) {
  const target = { baseUrl: 'https://api.example.test/', apiKey: 'a key' };
  return openLedger({ path: at, runId: runId('run-1'), what: 'test', target, sameAccount: false, now: Date.now, tailLength: 50 });
}

/** A ledger with notes, closed; its bytes. */
async function fill(): Promise<Buffer> {
  const ledger = open();
  for (let from = 0; from < NOTES; from += 50) {
    const claims = Array.from({ length: 50 }, (_, i) => claimOf(from + i, { contactId: `contact ${i % 7}` }));
    const answers = await ledger.commit(batchOf({ claims }));
    const steps = answers.flatMap((answer) => (answer.kind === 'claimed' ? [created(answer.key, `m-${answer.key}`)] : []));
    await ledger.commit(batchOf({ transitions: steps }));
  }
  await ledger.close();
  return readFileSync(path);
}

/** What opening it says. It must be the user's to mend, and say that nothing was sent. */
function refusal(): string {
  for (const attempt of [() => void open().close(), () => void openLedgerToRead(path)?.close()]) {
    let refused: unknown = null;
    try {
      attempt();
    } catch (error) {
      refused = error;
    }
    expect(refused).toBeInstanceOf(UserError);
    if (!(refused instanceof UserError)) throw refused;
    expect(refused.message).toContain(path);
    if (attempt.toString().includes('openLedgerToRead')) return refused.message;
    expect(refused.message).toContain('Nothing was sent');
  }
  throw new Error('unreachable');
}

describe('a damaged ledger is refused', () => {
  test('garbage', () => {
    writeFileSync(path, Buffer.from('contactId,name,text\n'.repeat(500)));
    expect(refusal()).toMatch(/damaged or no ledger/);
  });

  test('cut off anywhere', async () => {
    const whole = await fill();
    const pages = whole.length / 4096;
    expect(pages).toBeGreaterThan(15);
    for (const keep of [100, 4095, 4096, 4096 * 2, 4096 * 5 + 17, whole.length - 4096, whole.length - 1]) {
      writeFileSync(path, whole.subarray(0, keep));
      for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true });
      expect(refusal(), `${keep} of ${whole.length} bytes`).toMatch(/is damaged|disk I\/O error/);
    }
  });

  test('a page overwritten, whichever it is, or else it answers as before', async () => {
    const whole = await fill();
    let refused = 0;
    for (let page = 0; page * 4096 < whole.length; page++) {
      const broken = Buffer.from(whole);
      broken.fill(0xa5, page * 4096, page * 4096 + 4096);
      writeFileSync(path, broken);
      for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true });
      try {
        const ledger = open();
        const notes = await ledger.lookup(Array.from({ length: NOTES }, (_, n) => fingerprint(n)));
        await ledger.close();
        expect(notes.filter((note) => note?.state === 'created').length, `page ${page}`).toBe(NOTES);
      } catch (error) {
        expect(error, `page ${page}`).toBeInstanceOf(UserError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(10);
  });

  test('the saved filter altered: it is built anew, for what it calls unknown would be sent again', async () => {
    await fill();
    const database = openDatabase(path, { readOnly: false, busyMs: 0 });
    database.exec('UPDATE filter_segment SET bits = zeroblob(length(bits))');
    database.close();
    const ledger = open();
    const notes = await ledger.lookup(Array.from({ length: NOTES }, (_, n) => fingerprint(n)));
    await ledger.close();
    expect(notes.filter((note) => note?.state === 'created').length).toBe(NOTES);
  });
});

describe('what is no ledger of this program', () => {
  test('somebody else\u2019s SQLite database is refused and left as it is', () => {
    const database = openDatabase(path, { readOnly: false, busyMs: 0 });
    database.exec('CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)');
    database.close();
    chmodSync(path, 0o644);
    expect(statSync(path).size).toBeGreaterThan(0);
    const before = readFileSync(path);
    expect(refusal()).toMatch(/not a ledger of memory-import/);
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o644);
  });

  test('a newer version\u2019s ledger is refused and left as it is', async () => {
    await fill();
    const database = openDatabase(path, { readOnly: false, busyMs: 0 });
    database.exec('PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)');
    database.close();
    const before = readFileSync(path);
    expect(refusal()).toMatch(/newer memory-import \(ledger version 99/);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('a folder is refused', () => {
    mkdirSync(path);
    expect(refusal()).toMatch(/a file was expected/);
  });

  test('a path below a file is refused', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(() => open(join(folder, 'file', 'ledger.db'))).toThrow(UserError);
    expect(() => openLedgerToRead(join(folder, 'file', 'ledger.db'))).toThrow(UserError);
  });

  test.skipIf(process.platform !== 'linux')('a folder in which none can be made, though it is there, is refused at once', () => {
    expect(() => open('/proc/memory-import/ledger.db')).toThrow(/can't be written: ENOENT/);
    expect(() => open('/proc/ledger.db')).toThrow(/can't be written: ENOENT/);
  });

  test('a second name of the same file (a hard link) is refused: it would have a second lock', async () => {
    await fill();
    linkSync(path, join(folder, 'again.db'));
    expect(() => open()).toThrow(/hard links/);
    expect(() => open(join(folder, 'again.db'))).toThrow(/hard links/);
  });

  test('a link that leads nowhere is refused', () => {
    symlinkSync(join(folder, 'nowhere.db'), path);
    expect(() => open()).toThrow(UserError);
    expect(openLedgerToRead(path)).toBeNull();
  });
});

test('an empty file is a new ledger', async () => {
  writeFileSync(path, '');
  expect(openLedgerToRead(path)).toBeNull();
  const ledger = open();
  expect(ledger.wasEmpty).toBe(true);
  await ledger.close();
});

test('what stands in place of the lock is named', async () => {
  mkdirSync(`${path}-lock`);
  expect(() => open()).toThrow(/lock .*can't be taken/);
  rmSync(`${path}-lock`, { recursive: true });
  mkdirSync(`${path}-holder.json`);
  expect(() => open()).toThrow(UserError);
  rmSync(`${path}-holder.json`, { recursive: true });
  await open().close(); // the lock was let go
});

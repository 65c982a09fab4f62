import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LedgerHeldError, UserError } from '../../../src/errors.js';
import { type CompactOptions, compactLedger } from '../../../src/ledger/compact.js';
import { exportNotes } from '../../../src/ledger/export.js';
import type { Ledger } from '../../../src/ledger/ledger.js';
import { openLedger } from '../../../src/ledger/sqlite.js';
import { batchOf, claimOf, created, fingerprint, runId, settle } from '../../contract/ledger-store.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'memory-import-compact-'));
  path = join(folder, 'ledger.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (run: string) => {
  const target = { baseUrl: 'https://api.example.test/', apiKey: 'a key' };
  return openLedger({ path, runId: runId(run), what: 'test', target, sameAccount: false, now: Date.now });
};
const compact = (options: Partial<CompactOptions> = {}) => compactLedger({ path, dropFailuresBefore: null, ...options });

async function fill(ledger: Ledger, count: number, name = 'note'): Promise<void> {
  const claims = Array.from({ length: count }, (_, i) => claimOf(`${name} ${i}`, { contactId: `contact ${i % 9}` }));
  const answers = await ledger.commit(batchOf({ claims }));
  await settle(ledger, ...answers.flatMap((answer) => (answer.kind === 'claimed' ? [created(answer.key, `m-${answer.key}`)] : [])));
}

describe('compacting', () => {
  test('keeps all that is known of notes, forgets the failed rows of old runs, and makes the file smaller', async () => {
    let ledger = open('run-1');
    await ledger.saveRun({ ...(await ledger.run('run-1'))!, startedAt: '2026-01-01T00:00:00.000Z' });
    await fill(ledger, 500);
    const failure = {
      input: 0,
      target: 0,
      class: 'invalid' as const,
      status: null,
      message: 'text: empty, 1 to 5000 characters expected',
      attempts: 0,
    };
    await ledger.commit(batchOf({ failures: Array.from({ length: 5000 }, (_, row) => ({ ...failure, row })) }));
    await ledger.close();
    ledger = open('run-2');
    await ledger.commit(batchOf({ failures: [{ ...failure, row: 3 }] }));
    await ledger.close();
    const before = [...exportNotes(path)].flat();
    const size = statSync(path).size;

    expect(compact({ dropFailuresBefore: '2025-12-31T00:00:00.000Z' })).toMatchObject({ droppedFailures: 0, notes: 500 });
    const done = compact({ dropFailuresBefore: '2026-01-02T00:00:00.000Z' });
    expect(done).toMatchObject({ path, notes: 500, droppedFailures: 5000, isMerged: true, bytesAfter: statSync(path).size });
    expect(done.bytesAfter).toBeLessThan(size - 200_000);
    expect([...exportNotes(path)].flat()).toEqual(before);
    ledger = open('run-3');
    expect(await ledger.failuresOfRun(runId('run-2'), { after: null, limit: 10 })).toMatchObject([{ row: 3 }]);
    // New notes are found beside the old ones, in what was built anew.
    await fill(ledger, 300, 'later');
    const notes = await ledger.lookup(['note 0', 'note 499', 'later 7', 'nobody'].map(fingerprint));
    expect(notes.map((note) => note?.state ?? null)).toEqual(['created', 'created', 'created', null]);
    await ledger.close();
  });

  test('is refused while a run holds the ledger', async () => {
    const ledger = open('run-1');
    expect(() => compact()).toThrow(LedgerHeldError);
    await ledger.close();
    expect(compact()).toMatchObject({ notes: 0 });
  });

  test('says before it begins that there is not enough space, where, and how much it takes', async () => {
    const ledger = open('run-1');
    await fill(ledger, 50);
    await ledger.close();
    const size = statSync(path).size;
    expect(() => compact({ freeBytes: () => size - 1 })).toThrow(/takes 0\.\d MB in .*, and 0\.\d MB are free there\. Nothing was changed/);
    expect(compact({ freeBytes: () => size * 2 })).toMatchObject({ notes: 50 });
  });

  test('of what is no ledger, none, or empty is refused and leaves it as it is', () => {
    expect(() => compact()).toThrow(/There is no ledger at/);
    writeFileSync(path, '');
    expect(() => compact()).toThrow(/is empty/);
    expect(statSync(path).size).toBe(0);
    writeFileSync(path, 'contactId,name\n'.repeat(500));
    expect(() => compact()).toThrow(UserError);
    expect(statSync(path).size).toBe(7500);
  });
});

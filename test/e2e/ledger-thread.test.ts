import { describe, expect, test } from 'vitest';
import { openLedgerInThread } from '../../src/ledger/sqlite-thread.js';
import { ledgerContract } from '../contract/ledger-contract.js';
import { claimOf } from '../contract/ledger-store.js';
import { createSqlite } from '../contract/sqlite-store.js';
import { test as benchTest } from '../support/bench.js';
import { csvOf, makeNotes } from '../support/notes.js';

// A thread runs what Node can load: the built one.
const PROGRAM = new URL('../../dist/ledger/sqlite-worker.js', import.meta.url);
const create = () => createSqlite((mode) => openLedgerInThread(mode, PROGRAM));

ledgerContract('SQLite, in a thread of its own', create);

describe('a ledger in a thread of its own', () => {
  test('that ends fails what was asked of it, and all that is asked afterwards: nothing waits for ever', async () => {
    const store = await create();
    const ledger = await store.open({ runId: 'run-1' });
    const batch = { claims: [claimOf(1)], transitions: [], failures: [] };
    const asked = Promise.all([ledger.close(), ledger.lookup([])]).catch(() => 'rejected');
    await asked;
    await expect(ledger.commit(batch)).rejects.toThrow('The ledger is closed.');
    await ledger.close();
    await store.destroy();
  });
});

benchTest('an import of more than a mebibyte gives its ledger a thread, a smaller one does not', async ({ createBench }) => {
  const bench = await createBench();
  const csv = csvOf(makeNotes({ count: 300, contacts: 30 }));
  const NODE_OPTIONS = `--import=data:text/javascript,process.on('worker',()=>process._rawDebug('a-thread-began'))`;
  const threadsOf = async (file: string) => {
    const { stderr, summary } = await bench.import([file, '--ledger', `${file}.db`], { env: { NODE_OPTIONS } });
    expect(summary.status).toBe('completed');
    return stderr.split('a-thread-began').length - 1;
  };
  bench.write('small.csv', csv);
  expect(await threadsOf('small.csv')).toBe(0);
  // Of other contacts, and large by what takes no time: blank lines.
  bench.write('large.csv', `${csv.replaceAll('C-', 'L-')}${'\n'.repeat(1024 * 1024)}`);
  expect(await threadsOf('large.csv')).toBe(1);
});

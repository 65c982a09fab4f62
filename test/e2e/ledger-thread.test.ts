import { describe, expect, test } from 'vitest';
import { openLedgerInThread } from '../../src/ledger/sqlite-thread.js';
import { ledgerContract } from '../contract/ledger-contract.js';
import { claimOf } from '../contract/ledger-store.js';
import { createSqlite } from '../contract/sqlite-store.js';

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

import { describe, expect } from 'vitest';
import { type Bench, test as benchTest } from '../support/bench.js';
import type { CliRun } from '../support/cli.js';
import { createDatabase, POSTGRES, type TestDatabase } from '../support/databases.js';
import { csvOf, makeNotes } from '../support/notes.js';
import { expectConservation, expectConverged } from '../support/promises.js';

const test = benchTest.extend('openDatabase', ({ onTestFinished }) => async () => {
  const database = await createDatabase();
  onTestFinished(database.drop);
  return database;
});

/** `import --distribute`, with time-outs for tests. */
const distribute = (bench: Bench, database: TestDatabase, args: readonly string[]): CliRun =>
  bench.startImport([...args, '--distribute', '--ledger', database.url]);
const startWorker = (bench: Bench, database: TestDatabase, args: readonly string[] = []): CliRun =>
  bench.start(['worker', '--ledger', database.url, '--log-level', 'debug', ...args]);

describe.skipIf(POSTGRES === null).concurrent('a distributed import', { timeout: 60_000 }, () => {
  test('is sent by workers, and told by its coordinator as if it had sent it itself', async ({ createBench, openDatabase }) => {
    const [bench, database] = [await createBench(), await openDatabase()];
    const notes = makeNotes({ count: 600, contacts: 80, seed: 2 });
    const again = [notes[5]!, notes[3]!];
    bench.write('notes.csv', `${csvOf([...notes, ...again])},no contact,text\nC-1999,missing,text\n`);
    const workers = [startWorker(bench, database), startWorker(bench, database)];
    const run = await distribute(bench, database, ['notes.csv']).ended;
    expect(run.code, run.stderr).toBe(1);
    expect(run.summary.counts).toMatchObject({ rows: 604, created: 600, duplicate: 2, failed: 2, failures: { invalid: 1, notFound: 1 } });
    expectConservation(run.summary);
    expectConverged(bench.sandbox, notes);
    for (const worker of workers) worker.kill('SIGTERM');
    for (const worker of workers) expect((await worker.ended).code, worker.stderr()).toBe(0);
    expect(run.summary.requests.sent).toBe(601);
    const failures = bench.read(`${run.summary.files.failures}`);
    expect(failures).toContain('C-1999,missing,text,604,not_found');
    expect(bench.read(`${run.summary.files.success}`).trimEnd().split('\n')).toHaveLength(603);
    expect(await database.query('SELECT * FROM memory_import.chunk UNION ALL SELECT c.* FROM memory_import.chunk AS c')).toEqual([]);
  });
});

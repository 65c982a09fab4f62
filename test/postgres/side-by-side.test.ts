import { describe, expect } from 'vitest';
import type { Bench } from '../support/bench.js';
import { test as benchTest } from '../support/bench.js';
import { type CliRun, until } from '../support/cli.js';
import { createDatabase, POSTGRES, type TestDatabase } from '../support/databases.js';
import { csvOf, makeNotes } from '../support/notes.js';
import { type PostgresServer, startPostgres } from '../support/postgres-server.js';
import { expectConservation, expectConverged } from '../support/promises.js';

const FAULTS = { '429': 0.005, '500': 0.01, '503': 0.01, reset: 0.01, '500-after': 0.01, 'reset-after': 0.015, 'hang-after': 0.002 };
// A list as long as a usual page proves nothing unless a longer one was seen.
const LONG = makeNotes({ count: 60, contacts: 1, prefix: 'LONG' });

const test = benchTest.extend('openDatabase', ({ onTestFinished }) => async (server?: PostgresServer) => {
  const database = await createDatabase(server);
  onTestFinished(database.drop);
  return database;
});

// They wait for one another's heartbeats rather than for the processor.
describe.skipIf(POSTGRES === null).concurrent('several imports with one ledger in Postgres', { timeout: 300_000 }, () => {
  const withLedger = (database: TestDatabase) => ['--ledger', database.url, '--reconcile-wait', '500ms'];

  /** Again until nothing is left open, and then each note is there once, in order. */
  const converge = async (bench: Bench, args: readonly string[], notes: Parameters<typeof expectConverged>[1]) => {
    let last = await bench.import(args);
    for (let more = 0; last.code === 1 && more < 4; more++) last = await bench.import(args);
    expect(last.code, last.stderr.slice(-2000)).toBe(0);
    expectConservation(last.summary);
    expectConverged(bench.sandbox, notes);
    expect(bench.sandbox.overlaps()).toBe(0);
    return last.summary;
  };
  const untilCreated = (bench: Bench, count: number) => until(`${count} notes`, () => bench.sandbox.stats().created >= count);
  /** What else would take fifteen seconds: a process that is dead doesn't come back. */
  const letItBeLongAgo = (database: TestDatabase, { child }: CliRun) =>
    database.query(`UPDATE memory_import.owner SET heartbeat = heartbeat - interval '1 minute' WHERE pid = $1`, [child.pid]);

  test('overlapping files side by side, with faults, one killed: each note once, in order', async ({ createBench, openDatabase }) => {
    const [bench, database] = [await createBench({ seed: 7, latencyMs: 2 }), await openDatabase()];
    const notes = makeNotes({ count: 400, contacts: 50, seed: 3 });
    bench.write('long.csv', csvOf(LONG));
    bench.write('all.csv', csvOf(notes));
    bench.write('first.csv', csvOf(notes.slice(0, 250)));
    const ledger = withLedger(database);
    expect((await bench.import(['long.csv', ...ledger])).code).toBe(0);

    bench.sandbox.setFaults(FAULTS);
    const [killed, ...others] = ['all.csv', 'first.csv', 'all.csv'].map((file) =>
      bench.startImport([file, ...ledger, '--timeout', '2s']),
    ) as [CliRun, CliRun, CliRun];
    await untilCreated(bench, LONG.length + 100);
    killed.kill('SIGKILL');
    await killed.ended;
    await letItBeLongAgo(database, killed);
    for (const result of await Promise.all(others.map(({ ended }) => ended))) {
      expect([0, 1], result.stderr.slice(-2000)).toContain(result.code);
      expectConservation(result.summary);
    }
    await converge(bench, ['all.csv', ...ledger, '--timeout', '2s'], [...LONG, ...notes]);
  });

  test('one that is frozen for longer than its lease creates nothing more when it wakes', async ({ createBench, openDatabase }) => {
    const [bench, database] = [await createBench({ latencyMs: 150 }), await openDatabase()];
    const notes = makeNotes({ count: 150, contacts: 90, seed: 5 });
    bench.write('long.csv', csvOf(LONG));
    bench.write('all.csv', csvOf(notes));
    const ledger = withLedger(database);
    expect((await bench.import(['long.csv', ...ledger])).code).toBe(0);

    // More are claimed than sent: those would be sent as soon as it wakes.
    const frozen = bench.startImport(['all.csv', ...ledger, '--concurrency', '4']);
    await untilCreated(bench, LONG.length + 50);
    frozen.kill('SIGSTOP');
    await converge(bench, ['all.csv', ...ledger], [...LONG, ...notes]);
    frozen.kill('SIGCONT');
    const woken = await frozen.ended;
    expect(woken.code, woken.stderr.slice(-2000)).toBe(3);
    expect(woken.summary).toMatchObject({ status: 'stopped', reasonCode: 'ledger', continues: true });
    expect(woken.summary.reason).toMatch(/silent for so long/);
    expectConverged(bench.sandbox, [...LONG, ...notes]);
  });

  test('Postgres may be restarted in the middle', async ({ createBench, openDatabase, onTestFinished }) => {
    const server = await startPostgres({ template: POSTGRES!.template });
    onTestFinished(() => server!.destroy());
    const [bench, database] = [await createBench({ latencyMs: 10 }), await openDatabase(server!)];
    const notes = makeNotes({ count: 900, contacts: 60, seed: 9 });
    bench.write('all.csv', csvOf(notes));
    const ledger = withLedger(database);
    const run = bench.startImport(['all.csv', ...ledger]);
    await untilCreated(bench, 200);
    await server!.stop('immediate');
    await server!.start();
    await untilCreated(bench, 500);
    await server!.stop('fast');
    await server!.start();
    const result = await run.ended;
    expect(result.code, result.stderr.slice(-2000)).toBe(0);
    expect(result.summary.counts).toMatchObject({ rows: 900, created: 900 });
    expect((await converge(bench, ['all.csv', ...ledger], notes)).counts).toMatchObject({ alreadyImported: 900 });
  });
});

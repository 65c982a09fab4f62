import { describe, expect } from 'vitest';
import { type Bench, test } from '../support/bench.js';
import { type CliResult, type CliRun, until } from '../support/cli.js';
import { csvOf, makeNotes } from '../support/notes.js';
import { startPostgres } from '../support/postgres-server.js';
import { expectConservation, expectConverged } from '../support/promises.js';

const FAULTS = { '429': 0.003, '500': 0.003, '503': 0.003, reset: 0.003, '500-after': 0.003, 'reset-after': 0.003 };
const ROWS = 50_000;

// `npm run test:soak`: minutes. Nothing is hurried here: who is dead or frozen is found out by its heartbeat alone.
describe('50,000 rows over four workers', () => {
  test('arrive once, in order and counted, while workers, the import and Postgres die', { timeout: 3_600_000 }, async ({
    createBench,
    onTestFinished,
  }) => {
    const server = await startPostgres();
    if (server === null) throw new Error('there is no Postgres');
    onTestFinished(() => server.destroy());
    const ledger = ['--ledger', `${server.url}/postgres`];
    const bench = await createBench({ seed: 11, latencyMs: 5 });
    // A list as long as a usual page proves nothing unless a longer one was seen.
    const long = makeNotes({ count: 60, contacts: 1, prefix: 'LONG' });
    // C-1999 and its neighbours the sandbox doesn't have.
    const notes = [...long, ...makeNotes({ count: ROWS - long.length, contacts: 5000, seed: 12, prefix: 'K' })];
    bench.write('long.csv', csvOf(long));
    bench.write('notes.csv', csvOf(notes));
    expect((await bench.import(['long.csv', ...ledger])).code).toBe(0);
    bench.sandbox.setFaults(FAULTS);

    const startWorker = () => bench.start(['worker', ...ledger, '--log-level', 'warn']);
    const distribute = () => bench.startImport(['notes.csv', '--distribute', ...ledger, '--timeout', '5s', '--reconcile-wait', '1s']);
    const workers = [startWorker(), startWorker(), startWorker(), startWorker()];
    const first = distribute();
    await untilCreated(bench, 5000, first);
    workers[0]!.kill('SIGKILL');
    workers.push(startWorker());
    await untilCreated(bench, 10_000, first);
    const frozen = workers[1]!;
    frozen.kill('SIGSTOP');
    await untilCreated(bench, 20_000, first);
    await server.stop('immediate');
    await server.start();
    await untilCreated(bench, 25_000, first);
    first.kill('SIGKILL');
    await first.ended;

    let run = distribute();
    await untilCreated(bench, 35_000, run);
    frozen.kill('SIGCONT');
    workers[2]!.kill('SIGTERM');
    expect((await workers[2]!.ended).code).toBe(0);
    let last: CliResult = await run.ended;
    expectConservation(last.summary);
    expect(last.summary.counts.rows).toBe(ROWS);
    expect((await frozen.ended).code).toBe(3);
    for (let more = 0; last.code === 1 && more < 5; more++) {
      run = distribute();
      last = await run.ended;
      expectConservation(last.summary);
    }
    expect(last.code, last.stderr.slice(-3000)).toBe(0);
    expectConverged(bench.sandbox, notes);
    expect(bench.sandbox.overlaps()).toBe(0);
  });
});

const untilCreated = (bench: Bench, count: number, run: CliRun) =>
  until(
    `${count} notes`,
    () => {
      if (run.child.exitCode !== null) throw new Error(`the import ended early: ${run.stderr().slice(-3000)}`);
      return bench.sandbox.stats().created >= count;
    },
    { timeoutMs: 1_200_000 },
  );

import { describe, expect } from 'vitest';
import { test } from '../support/bench.js';
import { until } from '../support/cli.js';
import { csvOf, makeNotes } from '../support/notes.js';
import { expectConverged } from '../support/promises.js';

const NOTES = makeNotes({ count: 120, contacts: 40 });

describe.concurrent('it never overlaps itself', () => {
  test('a second run exits 4, sends nothing, keeps stdout empty and says who holds the ledger since when; the first goes on', async ({
    createBench,
  }) => {
    const bench = await createBench();
    bench.write('notes.csv', csvOf(NOTES));
    // It waits for more rows, however long that takes.
    const first = bench.startImport(['-'], { stdin: 'open' });
    first.child.stdin?.write(csvOf(NOTES));
    await until('the first run at work', () => bench.sandbox.stats().created > 0);

    for (const args of [
      ['import', 'notes.csv', '--json'],
      ['import', 'notes.csv'],
    ]) {
      const second = await bench.run(args);
      expect(second.code).toBe(4);
      expect(second.stdout).toBe('');
      expect(second.stderr).toMatch(new RegExp(`holds the ledger .*process ${first.child.pid} on \\S+, since \\d{4}-.* \\(import -\\)`));
      expect(second.stderr).not.toMatch(/^\s+at /m);
    }
    // Reading is no run: these work beside it.
    expect((await bench.run(['plan', 'notes.csv'])).code).toBe(0);
    expect((await bench.run(['runs'])).stdout).toContain('running');

    first.child.stdin?.end();
    expect((await first.ended).code).toBe(0);
    expectConverged(bench.sandbox, NOTES);
  });

  test('after a kill -9 the ledger is free, and the next run goes on', async ({ createBench }) => {
    const bench = await createBench({ latencyMs: 30 });
    bench.write('notes.csv', csvOf(NOTES));
    const killed = bench.startImport(['notes.csv', '--concurrency', '2']);
    await until('some memories', () => bench.sandbox.stats().created >= 5);
    killed.kill('SIGKILL');
    expect((await killed.ended).signal).toBe('SIGKILL');
    const result = await bench.import(['notes.csv']);
    expect(result.code).toBe(0);
    expectConverged(bench.sandbox, NOTES);
  });

  test('two runs on two ledgers work side by side', async ({ createBench }) => {
    const bench = await createBench({ latencyMs: 10 });
    const others = makeNotes({ count: 40, contacts: 10, prefix: 'D' });
    bench.write('notes.csv', csvOf(NOTES));
    bench.write('others.csv', csvOf(others));
    const results = await Promise.all([bench.import(['notes.csv']), bench.import(['others.csv', '--ledger', 'other/ledger.db'])]);
    expect(results.map(({ code }) => code)).toEqual([0, 0]);
    expectConverged(bench.sandbox, [...NOTES, ...others]);
  });
});

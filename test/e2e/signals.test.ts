import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { test } from '../support/bench.js';
import { until } from '../support/cli.js';
import { csvOf, makeNotes } from '../support/notes.js';
import { expectConservation, expectConverged } from '../support/promises.js';

const NOTES = makeNotes({ count: 120, contacts: 30 });
const CSV = csvOf(NOTES);
const CODE = { SIGINT: 130, SIGTERM: 143 } as const;

describe.concurrent('a signal', () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test(`${signal} lets the requests under way finish and settles them; the same command goes on from there`, async ({ createBench }) => {
      const bench = await createBench({ latencyMs: 60 });
      bench.write('notes.csv', CSV);
      const run = bench.startImport(['notes.csv', '--concurrency', '6']);
      await until('some memories', () => bench.sandbox.stats().created >= 12);
      run.kill(signal);
      const result = await run.ended;

      expect(result.code).toBe(CODE[signal]);
      expect(result.stderr).toContain(`${signal}: finishing the requests under way`);
      const { status, reasonCode, continues, counts } = result.summary;
      expect({ status, reasonCode, continues }).toEqual({ status: 'interrupted', reasonCode: 'signal', continues: true });
      expectConservation(result.summary);
      expect(counts.failed).toBe(0);
      expect(counts.created).toBeLessThan(NOTES.length);
      expect(counts.created).toBe(bench.sandbox.stats().created);
      // Nothing was cut off: every create has its answer.
      expect(bench.sandbox.stats().byStatus).toEqual({ '200': expect.any(Number), '201': counts.created });

      const again = await bench.import(['notes.csv']);
      expect(again.code).toBe(0);
      expect(again.summary.counts).toMatchObject({ alreadyImported: counts.created, created: NOTES.length - counts.created, recovered: 0 });
      expectConverged(bench.sandbox, NOTES);
    });
  }

  test('ends an import that waits for a named pipe into which nobody writes, and so does --max-duration', async ({ createBench }) => {
    const bench = await createBench();
    execFileSync('mkfifo', [join(bench.folder, 'pipe')]);
    // Processes of their own: what the first leaves open must be gone when the second is looked at.
    const limited = await bench.startImport(['pipe', '--max-duration', '1s']).ended;
    expect(limited.code).toBe(2);
    expect(limited.stderr).toContain('gave no header within the --max-duration');
    const run = bench.startImport(['pipe']);
    let writer: number | null = null;
    await until('a reader of the pipe', () => {
      writer = openIfRead(join(bench.folder, 'pipe'));
      return writer !== null;
    });
    run.kill('SIGTERM');
    expect((await run.ended).code).toBe(143);
    closeSync(writer ?? -1);
  });

  test('a second one stops at once, and what was under way is found by the next run', async ({ createBench }) => {
    let hang = true;
    const bench = await createBench({ answerWith: ({ method }) => (hang && method === 'POST' ? 'hang-after' : undefined) });
    bench.write('notes.csv', CSV);
    const run = bench.startImport(['notes.csv', '--concurrency', '4', '--timeout', '10m']);
    await until('four requests that hang', () => bench.sandbox.stats().created === 4);
    run.kill('SIGINT');
    await run.says('finishing the requests under way');
    run.kill('SIGTERM');
    const result = await run.ended;
    expect(result.code).toBe(143);

    hang = false;
    const again = await bench.import(['notes.csv']);
    expect(again.code).toBe(0);
    expect(again.summary.counts).toMatchObject({ recovered: 4, created: NOTES.length - 4 });
    expectConverged(bench.sandbox, NOTES);
  });

  test('the same one twice stops at once, unless it is the echo that npm makes of one Ctrl-C', async ({ createBench }) => {
    const bench = await createBench({ answerWith: ({ method }) => (method === 'POST' ? 'hang' : undefined) });
    bench.write('notes.csv', CSV);
    const run = bench.startImport(['notes.csv', '--timeout', '10m']);
    await until('a request that hangs', () => (bench.sandbox.stats().byStatus.hang ?? 0) > 0);
    let over = false;
    void run.ended.then(() => {
      over = true;
    });
    await until('the end of the run', () => {
      if (!over) run.kill('SIGINT');
      return over;
    });
    expect((await run.ended).code).toBe(130);
  });

  test('with nothing under way, while it waits for the header on standard input, ends it: nothing was sent', async ({ createBench }) => {
    const bench = await createBench();
    const run = bench.startImport(['-'], { stdin: 'open' });
    // Part of a header, and more of it than a pipe holds: once it is written, the command reads.
    await new Promise((resolve) => run.child.stdin?.write('contactId,na'.padEnd(600_000, '_'), resolve));
    run.kill('SIGTERM');
    const result = await run.ended;
    expect(result.code).toBe(143);
    expect(result.stderr).not.toMatch(/^\s+at /m);
    expect(result.summary).toMatchObject({ status: 'interrupted', reasonCode: 'signal', continues: true, inputs: ['-'], files: {} });
    expect(result.summary.counts.rows).toBe(0);
    expect(bench.files()).toEqual([]);
    expect(bench.sandbox.stats().requests).toBe(0);
  });

  test('while it waits for more rows on standard input, ends it: what came before is there and settled', async ({ createBench }) => {
    const bench = await createBench();
    const run = bench.startImport(['-'], { stdin: 'open' });
    run.child.stdin?.write(CSV);
    await until('the rows that came', () => bench.sandbox.stats().created > 0);
    run.kill('SIGTERM');
    const result = await run.ended;
    expect(result.code).toBe(143);
    expectConservation(result.summary);
    expect(result.summary.counts.created).toBe(bench.sandbox.stats().created);
    expect(result.summary.counts.failed).toBe(0);
    bench.write('notes.csv', CSV);
    expect((await bench.import(['notes.csv'])).code).toBe(0);
    expectConverged(bench.sandbox, NOTES);
  });

  test('during the pause of an outage ends it, with no row burnt', async ({ createBench }) => {
    const bench = await createBench({ latencyMs: 5 });
    bench.write('notes.csv', CSV);
    const run = bench.startImport(['notes.csv', '--reconcile-wait', '1s']);
    await until('some memories', () => bench.sandbox.stats().created >= 20);
    bench.sandbox.setDown(true);
    await run.says('"event":"paused"');
    run.kill('SIGTERM');
    const result = await run.ended;
    expect(result.code).toBe(143);
    expectConservation(result.summary);
    expect(result.summary.counts.failed).toBe(0);
    bench.sandbox.setDown(false);
    const again = await bench.import(['notes.csv']);
    expect(again.code).toBe(0);
    expectConverged(bench.sandbox, NOTES);
  });

  test('during a Retry-After of an hour ends it: the refused row was not created, and is free for the next run', async ({
    createBench,
  }) => {
    let refuse = true;
    const bench = await createBench({
      answerWith: ({ method }) => (refuse && method === 'POST' ? { status: 429, headers: { 'retry-after': '3600' } } : undefined),
    });
    bench.write('notes.csv', CSV);
    const run = bench.startImport(['notes.csv', '--concurrency', '2', '--give-up-after', '2h']);
    await until('a refusal', () => (bench.sandbox.stats().byStatus[429] ?? 0) >= 2);
    run.kill('SIGINT');
    const result = await run.ended;
    expect(result.code).toBe(130);
    expect(result.summary.counts).toMatchObject({ rows: 0, created: 0, failed: 0 });
    refuse = false;
    const again = await bench.import(['notes.csv']);
    expect(again.code).toBe(0);
    expect(again.summary.requests.reconciled).toBe(0);
    expectConverged(bench.sandbox, NOTES);
  });

  test('during the first look at what a killed run left in doubt ends it; the run after that settles the doubt', async ({
    createBench,
  }) => {
    let hang = true;
    const bench = await createBench({ answerWith: ({ method }) => (hang && method === 'POST' ? 'hang' : undefined) });
    bench.write('notes.csv', CSV);
    const killed = bench.startImport(['notes.csv', '--concurrency', '3', '--timeout', '10m']);
    await until('three requests that hang', () => (bench.sandbox.stats().byStatus.hang ?? 0) === 3);
    killed.kill('SIGKILL');
    await killed.ended;
    hang = false;

    const before = lists();
    const looking = bench.startImport(['notes.csv', '--reconcile-wait', '1h']);
    await until('looks', () => lists() >= before + 3);
    looking.kill('SIGTERM');
    const result = await looking.ended;
    expect(result.code).toBe(143);
    expect(result.summary.counts).toMatchObject({ rows: 0, created: 0 });
    expect(bench.sandbox.stats().created).toBe(0);

    const again = await bench.import(['notes.csv']);
    expect(again.code).toBe(0);
    expectConverged(bench.sandbox, NOTES);

    function lists(): number {
      return bench.sandbox.requests().filter(({ method }) => method === 'GET').length;
    }
  });
});

/** To write into it; null: nobody has it open to read. */
function openIfRead(pipe: string): number | null {
  try {
    return openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return null;
  }
}

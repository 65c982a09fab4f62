import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { test } from '../support/bench.js';
import { until } from '../support/cli.js';
import { csvOf, makeNotes } from '../support/notes.js';
import { expectConservation, expectConverged, expectEachOnce, expectOrder } from '../support/promises.js';
import { failureRows } from '../support/reports.js';

const NOTES = makeNotes({ count: 150, contacts: 40 });
const CSV = csvOf(NOTES);

describe.concurrent('exit 3, key_refused', () => {
  test('a 401 in mid-run stops at once: no row is marked failed, none is in doubt, and a good key goes on', async ({ createBench }) => {
    let good = true;
    const bench = await createBench({
      latencyMs: 5,
      answerWith: () => (good ? undefined : { status: 401, body: { status: 'error', message: 'Unknown key' } }),
    });
    bench.write('notes.csv', CSV);
    const run = bench.startImport(['notes.csv']);
    await until('some memories', () => bench.sandbox.stats().created >= 30);
    good = false;
    const result = await run.ended;
    expect(result.code).toBe(3);
    expect(result.summary).toMatchObject({ status: 'stopped', reasonCode: 'key_refused', continues: false });
    expect(result.summary.reason).toContain('401');
    expectConservation(result.summary);
    expect(result.summary.counts).toMatchObject({ created: bench.sandbox.stats().created, failed: 0 });
    expect(failureRows(bench.folder, result)).toEqual([]);
    // What was under way, and not one more for each row that waited.
    expect(bench.sandbox.stats().byStatus[401]).toBeLessThanOrEqual(2 * 16);

    good = true;
    const again = await bench.import(['notes.csv']);
    expect(again.code).toBe(0);
    expect(again.summary.requests.reconciled).toBe(0);
    expectConverged(bench.sandbox, NOTES);
  });
});

describe.concurrent('an outage', () => {
  test('a server that is down pauses the run, which goes on by itself; no row is burnt', async ({ createBench }) => {
    const bench = await createBench({ latencyMs: 3 });
    bench.write('notes.csv', CSV);
    const run = bench.startImport(['notes.csv', '--retries', '0']);
    await until('some memories', () => bench.sandbox.stats().created >= 30);
    bench.sandbox.setDown(true);
    await run.says('"event":"paused"');
    bench.sandbox.setDown(false);
    const result = await run.ended;
    expect(result.stderr).toContain('"event":"resumed"');
    expect(result.code).toBe(0);
    expect(result.summary.counts).toMatchObject({ rows: NOTES.length, failed: 0 });
    expectConverged(bench.sandbox, NOTES);
  });

  for (const kind of ['502', '500-after'] as const) {
    test(`${kind} for everyone pauses the run, which goes on by itself; no row is burnt`, async ({ createBench }) => {
      const bench = await createBench({ latencyMs: 3 });
      bench.write('notes.csv', CSV);
      const run = bench.startImport(['notes.csv', '--retries', '0']);
      await until('some memories', () => bench.sandbox.stats().created >= 30);
      bench.sandbox.setFaults({ [kind]: 1 });
      await run.says('"event":"paused"');
      bench.sandbox.setFaults({});
      const result = await run.ended;
      expect(result.code).toBe(0);
      expect(result.summary.counts).toMatchObject({ rows: NOTES.length, failed: 0 });
      expectConverged(bench.sandbox, NOTES);
    });
  }

  test('longer than --give-up-after stops with exit 3, and the same command goes on', async ({ createBench }) => {
    const bench = await createBench({ latencyMs: 3 });
    bench.write('notes.csv', CSV);
    const run = bench.startImport(['notes.csv', '--give-up-after', '1s']);
    await until('some memories', () => bench.sandbox.stats().created >= 30);
    bench.sandbox.setDown(true);
    const result = await run.ended;
    expect(result.code).toBe(3);
    expect(result.summary).toMatchObject({ status: 'stopped', reasonCode: 'outage', continues: true });
    expectConservation(result.summary);
    expect(result.summary.counts.failed).toBe(0);
    bench.sandbox.setDown(false);
    expect((await bench.import(['notes.csv'])).code).toBe(0);
    expectConverged(bench.sandbox, NOTES);
  });

  test('nothing but 429 for longer than --give-up-after stops with exit 3 (rate_limited), and the same command goes on', async ({
    createBench,
  }) => {
    const bench = await createBench({ latencyMs: 3 });
    bench.write('notes.csv', CSV);
    const run = bench.startImport(['notes.csv', '--give-up-after', '1s']);
    await until('some memories', () => bench.sandbox.stats().created >= 30);
    bench.sandbox.setFaults({ '429': 1 });
    const result = await run.ended;
    expect(result.code).toBe(3);
    expect(result.summary).toMatchObject({ status: 'stopped', reasonCode: 'rate_limited', continues: true });
    expectConservation(result.summary);
    bench.sandbox.setFaults({});
    expect((await bench.import(['notes.csv'])).code).toBe(0);
    expectConverged(bench.sandbox, NOTES);
  });
});

describe.concurrent('aimed at the wrong place', () => {
  const many = csvOf(makeNotes({ count: 400, contacts: 400 }));

  test('50 answers in a row that are not the API’s stop it: exit 3, and something must be mended first', async ({ createBench }) => {
    const bench = await createBench({ answerWith: () => ({ status: 404, body: '<h1>Not found</h1>' }) });
    bench.write('notes.csv', many);
    const result = await bench.import(['notes.csv', '--concurrency', '4']);
    expect(result.code).toBe(3);
    expect(result.summary).toMatchObject({ reasonCode: 'wrong_place', continues: false });
    expectConservation(result.summary);
    expect(result.summary.requests.sent).toBeGreaterThanOrEqual(50);
    expect(result.summary.requests.sent).toBeLessThan(50 + 2 * 4);
  });

  test('the first 200 answers all refusals stop it; among the rows of a failures file they do not', async ({ createBench }) => {
    let refuse = true;
    const bench = await createBench({
      answerWith: ({ method }) =>
        refuse && method === 'POST' ? { status: 400, body: { status: 'error', message: 'Not like this' } } : undefined,
    });
    bench.write('notes.csv', many);
    const result = await bench.import(['notes.csv', '--concurrency', '4']);
    expect(result.code).toBe(3);
    expect(result.summary).toMatchObject({ reasonCode: 'wrong_place', continues: false });
    expect(result.summary.requests.sent).toBeGreaterThanOrEqual(200);
    expect(result.summary.requests.sent).toBeLessThan(200 + 2 * 4);
    const failures = result.summary.files.failures ?? '';
    const again = await bench.import([failures]);
    expect(again.code).toBe(1);
    expect(again.summary.counts).toMatchObject({ rows: result.summary.counts.failed, failed: result.summary.counts.failed });
    refuse = false;
    expect((await bench.import(['notes.csv'])).code).toBe(0);
    expect(bench.sandbox.stats()).toMatchObject({ created: 400, duplicates: 0 });
  });
});

describe.concurrent('--max-failures', () => {
  const missing = [...new Set(NOTES.map(({ contactId }) => contactId))].slice(0, 20);

  test('a number of rows: stops once so many failed, and the same command goes on', async ({ createBench }) => {
    const bench = await createBench({ missing, latencyMs: 2 });
    bench.write('notes.csv', CSV);
    const result = await bench.import(['notes.csv', '--max-failures', '5', '--concurrency', '2']);
    expect(result.code).toBe(3);
    expect(result.summary).toMatchObject({ reasonCode: 'too_many_failures', continues: true });
    expectConservation(result.summary);
    expect(result.summary.counts.failed).toBeGreaterThanOrEqual(5);
    expect(result.summary.counts.rows).toBeLessThan(NOTES.length);
  });

  test('a share of them: not before 100 rows are settled', async ({ createBench }) => {
    const bench = await createBench({ missing });
    bench.write('notes.csv', CSV);
    const result = await bench.import(['notes.csv', '--max-failures', '10%', '--concurrency', '2']);
    expect(result.code).toBe(3);
    expect(result.summary.reasonCode).toBe('too_many_failures');
    expect(result.summary.counts.rows).toBeGreaterThanOrEqual(100);
  });

  test('fewer failures than that: the run ends as always', async ({ createBench }) => {
    const bench = await createBench({ missing: missing.slice(0, 1) });
    bench.write('notes.csv', CSV);
    const result = await bench.import(['notes.csv', '--max-failures', '90%']);
    expect(result.code).toBe(1);
  });
});

describe.concurrent('an input that can not be trusted', () => {
  test('a quote that is never closed: the rows before it are imported, the line where it opened is named, nothing after it is posted', async ({
    createBench,
  }) => {
    const bench = await createBench();
    const before = NOTES.slice(0, 30);
    const rest = csvOf(NOTES.slice(30)).split('\n').slice(1).join('\n').replaceAll('"', '');
    const head = csvOf(before);
    bench.write('notes.csv', `${head}C-1,Unclosed,"never ends\n${rest}`);
    const result = await bench.import(['notes.csv']);
    expect(result.code).toBe(3);
    expect(result.summary).toMatchObject({ reasonCode: 'unclosed_quote', continues: false });
    expect(result.summary.reason).toContain(`line ${head.split('\n').length}`);
    expectConservation(result.summary);
    expect(result.summary.counts).toMatchObject({ rows: 30, created: 30 });
    expectConverged(bench.sandbox, before);
    // Mended, the same command goes on.
    bench.write('notes.csv', CSV);
    expect((await bench.import(['notes.csv'])).code).toBe(0);
    expectConverged(bench.sandbox, NOTES);
  });

  test('a file that changes while it is read stops the run, and its last line is not taken for a note', async ({ createBench }) => {
    const bench = await createBench();
    const first = makeNotes({ count: 5, contacts: 5, prefix: 'first' });
    bench.write('notes.csv', `${CSV}C-1,Half a li`);
    // The file is opened with the others, and read only after standard input.
    const run = bench.startImport(['-', 'notes.csv'], { stdin: 'open' });
    run.child.stdin?.write(csvOf(first).padEnd(5000, '\n'));
    await until('the run to have started', () => run.stderr().includes('run_started'));
    appendFileSync(join(bench.folder, 'notes.csv'), 'ne,that goes on\n');
    run.child.stdin?.end();
    const result = await run.ended;
    expect(result.code).toBe(3);
    expect(result.summary.reasonCode).toBe('input_changed');
    expectConservation(result.summary);
    expect(bench.sandbox.memories().some(({ name }) => name.startsWith('Half'))).toBe(false);
    expect(result.summary.counts.failed).toBe(0);

    const complete = [...NOTES, { contactId: 'C-1', name: 'Half a line', text: 'that goes on' }];
    expect((await bench.import(['notes.csv'])).code).toBe(0);
    expectEachOnce(bench.sandbox, [...first, ...complete]);
    expectOrder(bench.sandbox, [...first, ...complete]);
  });
});

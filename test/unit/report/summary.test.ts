import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../../src/model.js';
import { FAILURE_CLASSES } from '../../../src/model.js';
import { newRunId } from '../../../src/report/run-folder.js';
import { createTally, summary, writeSummary } from '../../../src/report/summary.js';
import { created, draftWith, failureWith, settled, temporaryFolder } from './fixtures.js';

const START = Date.UTC(2026, 10, 23, 3, 7, 49);
const runId = newRunId(START, () => 0.5);

function facts(tally = createTally()) {
  return { runId, inputs: ['a.csv'], startedAt: START, finishedAt: START + 9000, stop: null, files: {}, tally };
}

describe('the tally', () => {
  test('rows are always the sum of what became of them', () => {
    const outcome: fc.Arbitrary<Outcome> = fc.oneof(
      fc.constant(created()),
      fc.constant<Outcome>({ kind: 'recovered', memoryId: null, createdAt: null, attempts: 2 }),
      fc.boolean().map((changed): Outcome => ({ kind: 'already_imported', memoryId: 'm', createdAt: null, changed })),
      fc.constant<Outcome>({ kind: 'duplicate', firstRow: '1', memoryId: null, createdAt: null }),
      fc.constant<Outcome>({ kind: 'filtered' }),
      fc.constantFrom(...FAILURE_CLASSES).map((name) => failureWith({ class: name })),
    );
    fc.assert(
      fc.property(fc.array(fc.array(outcome, { maxLength: 20 })), (batches) => {
        const tally = createTally();
        for (const batch of batches) tally.consume({ type: 'rows_settled', rows: batch.map((one) => settled({ outcome: one })) });
        const counts = tally.counts();
        const all = batches.flat();
        expect(counts.rows).toBe(all.length);
        const { created: made, recovered, alreadyImported, duplicate, filtered, failed } = counts;
        expect(made + recovered + alreadyImported + duplicate + filtered + failed).toBe(all.length);
        expect(Object.values(counts.failures).reduce((sum, count) => sum + count, 0)).toBe(failed);
        expect(counts.changed).toBe(all.filter((one) => one.kind === 'already_imported' && one.changed).length);
        expect(counts.failures.inDoubt).toBe(all.filter((one) => one.kind === 'failed' && one.class === 'in_doubt').length);
      }),
    );
  });

  test('counts requests that left, and takes percentiles of creates only', () => {
    const tally = createTally();
    for (let i = 1; i <= 100; i++) tally.consume({ type: 'request', verb: 'create', status: 201, sent: true, durationMs: i });
    tally.consume({ type: 'request', verb: 'list', status: 200, sent: true, durationMs: 5000 });
    tally.consume({ type: 'request', verb: 'create', status: null, sent: false, durationMs: 7000 });
    tally.consume({ type: 'retry', row: '1', attempt: 1, delayMs: 10, message: '' });
    tally.consume({ type: 'rate_limited', waitMs: 1000, ratePerSecond: null });
    tally.consume({ type: 'looked', row: '1', found: true });
    const { latencyMs, ...counts } = tally.requests();
    expect(counts).toEqual({ sent: 100, retried: 1, rateLimited: 1, reconciled: 1 });
    expect(latencyMs.p50).toBeCloseTo(50, 0);
    expect(latencyMs.p95).toBeCloseTo(95, 0);
    expect(latencyMs.p99).toBeCloseTo(99, 0);
  });

  test('has no percentiles of nothing, and takes absurd durations', () => {
    expect(createTally().requests().latencyMs).toEqual({ p50: 0, p95: 0, p99: 0 });
    const tally = createTally();
    for (const durationMs of [0, 1e12, 0.0001]) tally.consume({ type: 'request', verb: 'create', status: null, sent: true, durationMs });
    expect(tally.requests().sent).toBe(3);
  });

  test('knows the top reasons of a class, the first of alike ones as their example, without the note', () => {
    const tally = createTally();
    const rows = ['text: 6212 characters, at most 5000', 'text: 7000 characters, at most 5000', 'name is blank'].map((message) =>
      settled({ outcome: failureWith({ class: 'invalid', message }) }),
    );
    const { text } = draftWith();
    rows.push(settled({ outcome: failureWith({ class: 'bad_request', message: `can't take "${text}"` }) }));
    tally.consume({ type: 'rows_settled', rows });
    expect(tally.topReasons('invalid', 3)).toEqual([
      { message: 'text: 6212 characters, at most 5000', count: 2, isExample: true },
      { message: 'name is blank', count: 1, isExample: false },
    ]);
    expect(tally.topReasons('bad_request', 3)).toEqual([{ message: 'can\'t take "…."', count: 1, isExample: false }]);
    expect(tally.topReasons('held', 3)).toEqual([]);
  });

  test('keeps the number that all rows of a reason have, and takes one and several as alike', () => {
    const tally = createTally();
    const rows = ['5 columns, expected 6', '5 columns, expected 6', '1 column, expected 6', '2 lines', '2 lines'].map((message) =>
      settled({ outcome: failureWith({ class: 'malformed', message }) }),
    );
    tally.consume({ type: 'rows_settled', rows });
    expect(tally.topReasons('malformed', 3)).toEqual([
      { message: '5 columns, expected 6', count: 3, isExample: true },
      { message: '2 lines', count: 2, isExample: false },
    ]);
  });

  test('keeps a bounded number of reasons, and loses none of the rows', () => {
    const tally = createTally();
    const words = Array.from({ length: 500 }, (_, i) => [...String(i)].map((digit) => 'abcdefghij'[Number(digit)]).join(''));
    tally.consume({ type: 'rows_settled', rows: words.map((message) => settled({ outcome: failureWith({ message }) })) });
    const reasons = tally.topReasons('bad_request', 1000);
    expect(reasons).toHaveLength(51);
    expect(reasons[0]).toEqual({ message: 'other reasons', count: 450, isExample: false });
    expect(reasons.reduce((sum, { count }) => sum + count, 0)).toBe(500);
  });
});

describe('the summary', () => {
  test('has exactly the fields of the contract', () => {
    expect(summary({ ...facts(), files: { success: 's' } })).toEqual({
      runId,
      status: 'completed',
      reasonCode: null,
      reason: null,
      continues: true,
      inputs: ['a.csv'],
      startedAt: '2026-11-23T03:07:49.000Z',
      finishedAt: '2026-11-23T03:07:58.000Z',
      durationMs: 9000,
      counts: {
        ...{ rows: 0, created: 0, recovered: 0, alreadyImported: 0, duplicate: 0, filtered: 0, changed: 0, failed: 0 },
        failures: {
          ...{ malformed: 0, invalid: 0, badRequest: 0, notFound: 0, forbidden: 0, rejected: 0 },
          ...{ rateLimited: 0, serverError: 0, network: 0, inDoubt: 0, held: 0 },
        },
      },
      requests: { sent: 0, retried: 0, rateLimited: 0, reconciled: 0, latencyMs: { p50: 0, p95: 0, p99: 0 } },
      rowsPerSecond: 0,
      files: { success: 's' },
      surplus: [],
    });
  });

  test('measures from the start of the command to the last settled row', () => {
    let time = START + 4000;
    const tally = createTally(() => time);
    tally.consume({ type: 'rows_settled', rows: Array.from({ length: 10 }, () => settled({ outcome: created() })) });
    time = START + 8000;
    tally.consume({ type: 'rows_settled', rows: [] });
    const run = summary(facts(tally));
    expect(run.durationMs).toBe(4000);
    expect(run.rowsPerSecond).toBe(2.5);
  });

  test('is called by what happened', () => {
    const failed = createTally();
    failed.consume({ type: 'rows_settled', rows: [settled({ outcome: failureWith() })] });
    expect(summary(facts(failed)).status).toBe('completed_with_failures');

    const surplus = createTally();
    surplus.consume({ type: 'surplus', contactId: 'c', memoryIds: ['m1', 'm2'] });
    expect(summary(facts(surplus))).toMatchObject({
      status: 'completed_with_failures',
      surplus: [{ contactId: 'c', memoryIds: ['m1', 'm2'] }],
    });

    const stop = { reasonCode: 'key_refused', reason: 'no\u001b key', continues: false } as const;
    expect(summary({ ...facts(), stop })).toMatchObject({
      status: 'stopped',
      reasonCode: 'key_refused',
      reason: 'no key',
      continues: false,
    });
    const signal = { reasonCode: 'signal', reason: 'SIGTERM', continues: true } as const;
    expect(summary({ ...facts(failed), stop: signal })).toMatchObject({ status: 'interrupted', continues: true });
  });

  test('is written whole, for the owner only, and replaces an earlier one', async () => {
    const folder = await temporaryFolder();
    await writeSummary(folder, summary({ ...facts(), inputs: ['a'.repeat(10_000)] }));
    const path = await writeSummary(folder, summary(facts()));
    expect(path).toBe(join(folder, 'summary.json'));
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(summary(facts()));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['summary.json']);
  });

  test('leaves nothing half behind where it cannot be written', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'summary.json', 'in-the-way'), { recursive: true });
    await expect(writeSummary(folder, summary(facts()))).rejects.toThrow(/^can't write .*summary\.json/);
    expect(await readdir(folder)).toEqual(['summary.json']);
  });
});

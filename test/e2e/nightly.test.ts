import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { test } from '../support/bench.js';
import { until } from '../support/cli.js';
import { metricsOf } from '../support/metrics.js';
import { csvOf, makeNotes } from '../support/notes.js';
import { expectConverged, expectEachOnce } from '../support/promises.js';
import { successRows } from '../support/reports.js';

const NOTES = makeNotes({ count: 150, contacts: 30 });
const METRICS = ['--metrics-file', 'crm.prom'] as const;

describe.concurrent('every night on a fresh, overlapping export', () => {
  test('more than 200 rows that fail for good do not stop the next night from importing the new ones', async ({ createBench }) => {
    const gone = Array.from({ length: 210 }, (_, i) => ({ contactId: `G-${i}`, name: 'Call', text: `gone ${i}` }));
    const bench = await createBench({ missing: gone.map(({ contactId }) => contactId) });
    const first = makeNotes({ count: 20, contacts: 5, prefix: 'A' });
    bench.write('night-1.csv', csvOf([...first, ...gone]));
    expect(await bench.import(['night-1.csv'])).toMatchObject({ code: 1, summary: { counts: { created: 20 } } });
    const second = makeNotes({ count: 10, contacts: 5, prefix: 'B' });
    bench.write('night-2.csv', csvOf([...first, ...gone, ...second]));
    expect(await bench.import(['night-2.csv'])).toMatchObject({
      code: 1,
      summary: { status: 'completed_with_failures', counts: { created: 10, alreadyImported: 20, failures: { notFound: 210 } } },
    });
  });

  test('three nights: only new notes are sent each night, and the metrics of each say so', async ({ createBench }) => {
    const bench = await createBench();
    const nights = [NOTES.slice(0, 60), NOTES.slice(30, 110), NOTES.slice(70, 150)];
    const fresh = [60, 50, 40];
    let lastSuccess = 0;
    for (const [night, notes] of nights.entries()) {
      bench.write('export.csv', csvOf(notes));
      const result = await bench.import(['export.csv', ...METRICS]);
      expect(result.code).toBe(0);
      const value = metricsOf(bench);
      expect(rowsIn(value)).toEqual({ created: fresh[night], already_imported: notes.length - fresh[night]!, failed: 0 });
      expect(value('requests', { verb: 'create', status: '201' })).toBe(fresh[night]);
      expect([value('exit_code'), value('running')]).toEqual([0, 0]);
      expect(value('last_success_timestamp_seconds')).toBeGreaterThan(lastSuccess);
      expect(value('last_end_timestamp_seconds') - value('last_start_timestamp_seconds')).toBeCloseTo(value('duration_seconds'), 1);
      lastSuccess = value('last_success_timestamp_seconds');
      expect(result.summary.counts).toMatchObject({
        rows: notes.length,
        created: fresh[night],
        alreadyImported: notes.length - fresh[night]!,
      });
      expect(result.summary.requests.sent).toBe(fresh[night]);
    }
    expectConverged(bench.sandbox, NOTES);
    const listed = JSON.parse((await bench.run(['runs', '--json'])).stdout) as { runs: unknown[] };
    expect(listed.runs).toHaveLength(3);
  });

  test('a night that fails is seen in its metrics, with the last success as it was; the next one makes up for it', async ({
    createBench,
  }) => {
    const bench = await createBench();
    bench.write('export.csv', csvOf(NOTES.slice(0, 40)));
    expect((await bench.import(['export.csv', ...METRICS])).code).toBe(0);
    const success = metricsOf(bench)('last_success_timestamp_seconds');

    bench.write('export.csv', csvOf(NOTES.slice(20, 80)));
    bench.sandbox.setDown(true);
    const failed = await bench.import(['export.csv', ...METRICS, '--give-up-after', '500ms']);
    expect([failed.code, failed.summary.reasonCode]).toEqual([3, 'outage']);
    const value = metricsOf(bench);
    expect([value('exit_code'), value('running'), value('stopped', { reason: 'outage' })]).toEqual([3, 0, 1]);
    expect(rowsIn(value)).toEqual({ created: 0, already_imported: 20, failed: 0 });
    expect(value('last_success_timestamp_seconds')).toBe(success);
    expect(value('last_completion_timestamp_seconds')).toBe(success);
    expect(value('last_end_timestamp_seconds')).toBeGreaterThan(success);

    bench.sandbox.setDown(false);
    expect((await bench.import(['export.csv', ...METRICS])).code).toBe(0);
    expect(rowsIn(metricsOf(bench))).toEqual({ created: 40, already_imported: 20, failed: 0 });
    expect(metricsOf(bench)('last_success_timestamp_seconds')).toBeGreaterThan(success);
    expectConverged(bench.sandbox, NOTES.slice(0, 80));
  });

  test('a night that begins while last night’s run is still at work sends nothing, and leaves the metrics to the one at work', async ({
    createBench,
  }) => {
    const bench = await createBench();
    // It waits for more rows, however long that takes.
    const first = bench.startImport(['-', ...METRICS], { stdin: 'open' });
    first.child.stdin?.write(csvOf(NOTES));
    await until('the first run at work, and in its metrics', () => bench.sandbox.stats().created > 0 && bench.files().includes('crm.prom'));
    const before = bench.read('crm.prom');
    expect(metricsOf(bench)('running')).toBe(1);
    bench.write('export.csv', csvOf(NOTES.slice(0, 80)));
    const second = await bench.import(['export.csv', ...METRICS]);
    expect(second.code).toBe(4);
    // Unless the first has written a newer one meanwhile.
    if (bench.read('crm.prom') !== before) expect(metricsOf(bench)('running')).toBe(1);
    // A job with a file of its own, which nobody is at work on: there it is told.
    expect((await bench.import(['export.csv', '--metrics-file', 'other.prom'])).code).toBe(4);
    expect(bench.read('other.prom')).toMatch(/^memory_import_exit_code\{import="other"\} 4$/m);

    first.child.stdin?.end();
    expect((await first.ended).code).toBe(0);
    const value = metricsOf(bench);
    expect([value('exit_code'), value('running'), value('rows', { outcome: 'created' })]).toEqual([0, 0, 150]);
    expectConverged(bench.sandbox, NOTES);
  });

  test('the same notes in another row order, another delimiter, another encoding: nothing new, and no request', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('export.csv', csvOf(NOTES));
    expect((await bench.import(['export.csv'])).code).toBe(0);
    const requests = bench.sandbox.stats().requests;
    bench.write('export.csv', Buffer.from(`\ufeff${csvOf(NOTES.toReversed(), ';')}`, 'utf16le'));
    const again = await bench.import(['export.csv']);
    expect(again.code).toBe(0);
    expect(again.summary.counts).toMatchObject({ rows: 150, alreadyImported: 150, created: 0 });
    expect(bench.sandbox.stats().requests).toBe(requests);
    // The report still says which memory each row is.
    const ids = successRows(bench.folder, again).map(({ memoryId }) => memoryId);
    expect(ids.sort()).toEqual(
      bench.sandbox
        .memories()
        .map(({ id }) => id)
        .sort(),
    );
  });

  test('a note that stands twice in the export is one memory, and the report says which row it is the same as', async ({ createBench }) => {
    const bench = await createBench();
    const notes = [NOTES[0]!, NOTES[1]!, NOTES[0]!, { ...NOTES[1]!, text: `  ${NOTES[1]!.text}\r\n` }];
    bench.write('export.csv', csvOf(notes));
    const result = await bench.import(['export.csv']);
    expect(result.code).toBe(0);
    expect(result.summary.counts).toMatchObject({ rows: 4, created: 2, duplicate: 2 });
    expectEachOnce(bench.sandbox, NOTES.slice(0, 2));
    const [first, , third] = successRows(bench.folder, result).sort((a, b) => Number(a.row) - Number(b.row));
    expect(third?.memoryId).toBe(first?.memoryId);
  });

  test('--id-column: a note that changed in the CRM is told as changed, and not sent', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('export.csv', 'id,contactId,name,text\n1,C-1,Call,First version\n2,C-1,Call,Other\n');
    expect((await bench.import(['export.csv', '--id-column', 'id'])).summary.counts.created).toBe(2);
    bench.write('export.csv', 'id,contactId,name,text\n1,C-1,Call,Second version\n2,C-1,Call,Other\n3,C-1,Call,Other\n');
    const again = await bench.import(['export.csv', '--id-column', 'id']);
    expect(again.summary.counts).toMatchObject({ rows: 3, created: 1, alreadyImported: 2, changed: 1 });
  });
});

describe.concurrent('the ledger and its target', () => {
  test('a ledger of another address or another key is exit 2, and nothing is sent; --same-account says that only that changed', async ({
    createBench,
  }) => {
    const staging = await createBench();
    const bench = await createBench({ apiKey: 'new-key' });
    staging.write('notes.csv', csvOf(NOTES));
    expect((await staging.import(['notes.csv'])).code).toBe(0);

    const args = ['notes.csv', '--base-url', bench.sandbox.url];
    const env = { CALLERS_API_KEY: 'new-key' };
    const refused = await staging.import(args, { env });
    expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('--same-account');
    expect(bench.sandbox.stats().requests).toBe(0);

    const same = await staging.import([...args, '--same-account'], { env });
    expect(same.code).toBe(0);
    expect(same.summary.counts).toMatchObject({ alreadyImported: 150, created: 0 });
    // From now on this is the ledger's target.
    expect((await staging.import(args, { env })).code).toBe(0);
    expect((await staging.import(['notes.csv'])).code).toBe(2);
  });

  test('a lost ledger is noticed before anything is sent: exit 3 naming --adopt, which creates nothing twice', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', csvOf(NOTES.slice(0, 100)));
    expect((await bench.import(['notes.csv'])).code).toBe(0);
    rmSync(join(bench.folder, '.memory-import'), { recursive: true });

    bench.write('notes.csv', csvOf(NOTES));
    const lost = await bench.import(['notes.csv']);
    expect(lost.code).toBe(3);
    expect(lost.summary).toMatchObject({ reasonCode: 'ledger', continues: false, counts: { rows: 0 } });
    expect(lost.summary.reason).toContain('--adopt');
    expect(bench.sandbox.stats().created).toBe(100);

    const adopted = await bench.import(['notes.csv', '--adopt']);
    expect(adopted.summary.counts).toMatchObject({ rows: 150, alreadyImported: 100, created: 50 });
    expect(adopted.code).toBe(0);
    expectConverged(bench.sandbox, NOTES);
    expect((await bench.import(['notes.csv'])).summary.counts.alreadyImported).toBe(150);
  });

  test('a ledger that was put back from a backup: what it forgot is not noticed, so the README asks for none; --adopt mends it', async ({
    createBench,
  }) => {
    const bench = await createBench();
    bench.write('notes.csv', csvOf(NOTES.slice(0, 50)));
    expect((await bench.import(['notes.csv'])).code).toBe(0);
    cpSync(join(bench.folder, '.memory-import'), join(bench.folder, 'backup'), { recursive: true });
    bench.write('notes.csv', csvOf(NOTES.slice(0, 100)));
    expect((await bench.import(['notes.csv'])).code).toBe(0);
    rmSync(join(bench.folder, '.memory-import'), { recursive: true });
    cpSync(join(bench.folder, 'backup'), join(bench.folder, '.memory-import'), { recursive: true });

    bench.write('notes.csv', csvOf(NOTES));
    const result = await bench.import(['notes.csv', '--adopt']);
    expect(result.code).toBe(0);
    expect(result.summary.counts).toMatchObject({ alreadyImported: 100, created: 50 });
    expectConverged(bench.sandbox, NOTES);
  });
});

describe.concurrent('where the promise does not hold', () => {
  test('a create that comes later than --reconcile-wait makes a surplus copy: found, told with its id, exit 1', async ({ createBench }) => {
    const late = NOTES[2]!;
    // Slow enough that the copy is there before the run looks a last time.
    const bench = await createBench({
      latencyMs: 20,
      answerWith: ({ method, name, repeat }) =>
        method === 'POST' && name === late.name && repeat === 0 ? { createLateMs: 1800 } : undefined,
    });
    bench.write('notes.csv', csvOf(NOTES));
    const result = await bench.import(['notes.csv', '--reconcile-wait', '200ms', '--timeout', '10s', '--concurrency', '1', '--rate', '60']);
    expect(bench.sandbox.stats()).toMatchObject({ created: 151, duplicates: 1 });
    expect(result.code).toBe(1);
    const copies = bench.sandbox.memories().filter(({ name }) => name === late.name);
    expect(copies).toHaveLength(2);
    const told = result.summary.surplus;
    expect(told).toEqual([{ contactId: late.contactId, memoryIds: [expect.any(String)] }]);
    const counted = successRows(bench.folder, result).find(({ row }) => row === '3')?.memoryId;
    expect([counted, ...told[0]!.memoryIds].sort()).toEqual(copies.map(({ id }) => id).sort());
    expect(result.stderr).toContain(told[0]!.memoryIds[0]);
  });
});

function rowsIn(value: ReturnType<typeof metricsOf>): Readonly<Record<string, number>> {
  return Object.fromEntries(['created', 'already_imported', 'failed'].map((outcome) => [outcome, value('rows', { outcome })]));
}

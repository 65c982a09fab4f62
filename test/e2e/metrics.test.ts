import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { KEY, test } from '../support/bench.js';
import { until } from '../support/cli.js';
import { metricsOf } from '../support/metrics.js';
import { csvOf, makeNotes } from '../support/notes.js';
import { expectConservation, expectConverged } from '../support/promises.js';

const NOTES = makeNotes({ count: 120, contacts: 30 });
const METRICS = ['--metrics-file', 'crm.prom'] as const;

describe.concurrent('--metrics-file', () => {
  test('a run that is killed is seen: running, started after the last end, with the numbers it had; the next one goes on', async ({
    createBench,
  }) => {
    let hang = false;
    const bench = await createBench({ answerWith: ({ method }) => (hang && method === 'POST' ? 'hang' : undefined) });
    bench.write('notes.csv', csvOf(NOTES.slice(0, 20)));
    expect((await bench.import(['notes.csv', ...METRICS])).code).toBe(0);
    const success = metricsOf(bench)('last_success_timestamp_seconds');
    expect(success).toBeGreaterThan(0);

    hang = true;
    bench.write('notes.csv', csvOf(NOTES));
    const killed = bench.startImport(['notes.csv', ...METRICS, '--timeout', '1h']);
    await until('a request that hangs, and metrics of it', () => {
      return (bench.sandbox.stats().byStatus.hang ?? 0) > 0 && metricsOf(bench)('running') === 1;
    });
    killed.kill('SIGKILL');
    await killed.ended;
    const value = metricsOf(bench);
    expect(value('running')).toBe(1);
    expect(value('last_start_timestamp_seconds')).toBeGreaterThan(value('last_end_timestamp_seconds'));
    expect(value('last_success_timestamp_seconds')).toBe(success);

    hang = false;
    expect((await bench.import(['notes.csv', ...METRICS])).code).toBe(0);
    expect(metricsOf(bench)('running')).toBe(0);
    expect(metricsOf(bench)('last_success_timestamp_seconds')).toBeGreaterThan(success);
    expectConverged(bench.sandbox, NOTES);
  });

  test('is told how a run ended that a signal stopped, also at once by a second one', async ({ createBench }) => {
    const bench = await createBench({ answerWith: ({ method }) => (method === 'POST' ? 'hang' : undefined) });
    bench.write('notes.csv', csvOf(NOTES));
    const run = bench.startImport(['notes.csv', ...METRICS, '--timeout', '1h']);
    await until('a request that hangs', () => (bench.sandbox.stats().byStatus.hang ?? 0) > 0);
    run.kill('SIGINT');
    await run.says('finishing the requests under way');
    run.kill('SIGTERM');
    expect((await run.ended).code).toBe(143);
    const value = metricsOf(bench);
    expect([value('exit_code'), value('running'), value('stopped', { reason: 'signal' })]).toEqual([143, 0, 1]);
  });
});

describe.concurrent('--max-duration', () => {
  test('ends a run softly, in an outage too: exit 3, it says so, and the next run goes on', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', csvOf(NOTES));
    const silent = bench.startImport(['-', ...METRICS, '--max-duration', '100ms'], { stdin: 'open' });
    expect(await silent.ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--max-duration of 0.1 s') });
    expect(metricsOf(bench)('exit_code')).toBe(2);

    // It waits for rows that never come: the time is up for certain.
    const run = bench.startImport(['-', ...METRICS, '--max-duration', '2s'], { stdin: 'open' });
    run.child.stdin?.write(csvOf(NOTES.slice(0, 100)));
    const result = await run.ended;
    expect(result.code).toBe(3);
    expect(result.summary).toMatchObject({ status: 'stopped', reasonCode: 'max_duration', continues: true });
    expect(result.summary.reason).toContain('--max-duration');
    expectConservation(result.summary);
    expect(result.summary.counts.created).toBe(bench.sandbox.stats().created);
    expect(metricsOf(bench)('stopped', { reason: 'max_duration' })).toBe(1);

    bench.sandbox.setDown(true);
    const inOutage = await bench.import(['notes.csv', '--max-duration', '1s']);
    expect([inOutage.code, inOutage.summary.reasonCode, inOutage.summary.counts.failed]).toEqual([3, 'max_duration', 0]);
    bench.sandbox.setDown(false);
    expect((await bench.import(['notes.csv', '--max-duration', '1d'])).code).toBe(0);
    expectConverged(bench.sandbox, NOTES);
  });
});

describe('--config, as a crontab uses it', () => {
  test('has every option of the job; the command line wins over it, and paths are seen from where the command starts', async ({
    createBench,
  }) => {
    const bench = await createBench();
    bench.write('notes.csv', csvOf(NOTES));
    writeFileSync(join(bench.folder, 'callers.key'), `${KEY}\n`);
    bench.write(
      'job.json',
      JSON.stringify({
        baseUrl: bench.sandbox.url,
        apiKeyFile: 'callers.key',
        ledger: 'state/ledger.db',
        out: 'state/runs',
        metricsFile: 'crm.prom',
        maxDuration: '2h',
        maxFailures: '5%',
        json: true,
        logLevel: 'warn',
        limit: 10,
      }),
    );
    const env = { CALLERS_API_KEY: '', CALLERS_BASE_URL: '' };
    const result = await bench.run(['import', 'notes.csv', '--config', 'job.json', '--limit', '20'], { env });
    expect(result.code).toBe(0);
    expect(result.stderr).toBe('');
    expect(result.summary.counts).toMatchObject({ rows: 20, created: 20 });
    expect(metricsOf(bench)('rows', { outcome: 'created' })).toBe(20);
    expect(readdirSync(join(bench.folder, 'state', 'runs'))).toEqual([result.summary.runId]);
    // And what looks at the job afterwards takes the same file.
    const listed = await bench.run(['runs', '--config', 'job.json'], { env });
    expect(JSON.parse(listed.stdout)).toMatchObject({ runs: [{ runId: result.summary.runId }] });
    expect(readFileSync(join(bench.folder, 'crm.prom'), 'utf8')).not.toContain(KEY);
  });
});

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runProgram } from '../../../src/cli/program.js';
import { openMetricsFile } from '../../../src/report/metrics-file.js';
import { parsePrometheus } from '../../support/prometheus.js';
import { fakeIo } from './fake-io.js';

const CSV = 'contactId,name,text\nC-1,Call,Hello\n';
const TIME = Date.UTC(2026, 10, 22, 3);

/** A folder with an input, and the metrics of a run that went well. */
async function job() {
  const folder = mkdtempSync(join(tmpdir(), 'memory-import-metrics-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name: string) => join(folder, name);
  writeFileSync(at('notes.csv'), CSV);
  await (await openMetricsFile({ path: at('crm.prom'), version: '1', now: () => TIME, onProblem: () => {} })).ended(0);
  const run = async (args: readonly string[], env: Record<string, string> = { CALLERS_API_KEY: 'k' }) => {
    const { io, written } = fakeIo({ env: { CALLERS_BASE_URL: 'http://127.0.0.1:9', ...env } });
    const ledger = ['--ledger', at('ledger.db'), '--out', at('runs')];
    return { code: await runProgram({ argv: [...args, ...ledger], io }), ...written };
  };
  return { folder, at, run };
}

describe('--metrics-file of a command that can not start', () => {
  test.each<[string, (at: (name: string) => string) => string[], Record<string, string>]>([
    ['a missing input', (at) => ['nowhere.csv', '--metrics-file', at('crm.prom')], { CALLERS_API_KEY: 'k' }],
    ['a wrong option', (at) => [at('notes.csv'), '--retries', 'x', '--metrics-file', at('crm.prom')], { CALLERS_API_KEY: 'k' }],
    ['no key', (at) => [at('notes.csv'), '--metrics-file', at('crm.prom')], {}],
    ['a wrong option beside it in the config file', (at) => [at('notes.csv'), '--config', at('job.json')], { CALLERS_API_KEY: 'k' }],
    ['no config file', (at) => [at('notes.csv'), '--config', at('no.json'), '--metrics-file', at('crm.prom')], { CALLERS_API_KEY: 'k' }],
  ])('%s: it is seen, with exit code 2 and the last success as it was', async (_what, args, env) => {
    const { at, run } = await job();
    writeFileSync(at('job.json'), JSON.stringify({ metricsFile: at('crm.prom'), concurrency: 'many' }));
    expect((await run(['import', ...args(at)], env)).code).toBe(2);
    const { value } = parsePrometheus(readFileSync(at('crm.prom'), 'utf8'));
    expect([value('memory_import_exit_code'), value('memory_import_running')]).toEqual([2, 0]);
    expect(value('memory_import_last_success_timestamp_seconds')).toBe(TIME / 1000);
    expect(value('memory_import_last_end_timestamp_seconds')).toBeGreaterThan(TIME / 1000);
  });

  test.each(['no/such/folder/crm.prom', 'notes.csv'])('%s can not be it: exit 2 before anything is made or sent', async (name) => {
    const { folder, at, run } = await job();
    const result = await run(['import', at('notes.csv'), '--metrics-file', at(name)]);
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code: 2, stdout: '' });
    expect(result.stderr).toContain(`--metrics-file ${at(name)}`);
    expect(readFileSync(at('notes.csv'), 'utf8')).toBe(CSV);
    expect(readdirSync(folder).sort()).toEqual(['crm.prom', 'notes.csv']);
  });

  test('plan, and import --dry-run, leave it alone', async () => {
    const { at, run } = await job();
    for (const command of [['plan'], ['import', '--dry-run']]) {
      expect((await run([...command, at('notes.csv'), '--metrics-file', at('new.prom')])).code).toBe(0);
    }
    expect(existsSync(at('new.prom'))).toBe(false);
  });
});

import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { UserError } from '../../../src/errors.js';
import type { ImportEvent, RunId } from '../../../src/model.js';
import { openMetricsFile } from '../../../src/report/metrics-file.js';
import { parsePrometheus } from '../../support/prometheus.js';
import { draftWith, failureWith, settled, temporaryFolder } from './fixtures.js';

const START = Date.UTC(2026, 10, 23, 3);
const STARTED: ImportEvent = {
  type: 'run_started',
  runId: '20261123T030000Z-0000' as RunId,
  baseUrl: 'http://127.0.0.1/',
  inputs: ['a.csv'],
  totalBytes: 1,
};

/** A metrics file with its clock and its ticks in the test's hands. */
async function opened(path: string, at = START) {
  const time = { now: at };
  const problems: string[] = [];
  let tick: (() => void) | null = null;
  const file = await openMetricsFile({
    path,
    version: '1.2.3',
    now: () => time.now,
    onProblem: (message) => problems.push(message),
    repeat(given, ms) {
      expect(ms).toBe(15_000);
      tick = given;
      return () => {
        tick = null;
      };
    },
  });
  return { file, time, problems, tick: () => tick?.(), ticking: () => tick !== null };
}

/** A whole run that ends so; seconds after the start of the first one. */
async function run(path: string, exitCode: number, after: number, events: readonly ImportEvent[] = []): Promise<void> {
  const { file, time } = await opened(path, START + after * 1000);
  for (const event of [STARTED, ...events]) file.consume(event);
  time.now += 10_000;
  await file.ended(exitCode);
}

const scrape = (path: string) => parsePrometheus(readFileSync(path, 'utf8'));

describe('the metrics file', () => {
  test('has the numbers of a run by what became of each row, in the strict text format', async () => {
    const path = join(await temporaryFolder(), 'crm "notes"\\.prom');
    await run(path, 1, 0, [
      {
        type: 'rows_settled',
        rows: [
          settled({ outcome: { kind: 'created', memoryId: 'm', createdAt: null, attempts: 1 } }),
          settled({ outcome: failureWith({ class: 'not_found', status: 404 }) }),
          settled({ outcome: failureWith({ class: 'not_found', status: 404 }) }),
        ],
      },
      { type: 'request', verb: 'create', status: 201, sent: true, durationMs: 120 },
      { type: 'request', verb: 'create', status: null, sent: true, durationMs: 31_000 },
      { type: 'request', verb: 'list', status: 200, sent: true, durationMs: 3 },
      { type: 'retry', row: '1', attempt: 1, delayMs: 5, message: 'x' },
      { type: 'rate_limited', waitMs: 5, ratePerSecond: null },
      { type: 'looked', row: null, found: true },
      { type: 'surplus', contactId: 'C-1', memoryIds: ['m1', 'm2'] },
      { type: 'surplus', contactId: 'C-1', memoryIds: ['m2'] },
      { type: 'stopping', reasonCode: 'max_duration', reason: 'x' },
    ]);
    const metrics = scrape(path);
    const value = (name: string, labels = {}) => metrics.value(`memory_import_${name}`, { import: 'crm "notes"\\', ...labels });
    expect(value('rows', { outcome: 'created' })).toBe(1);
    expect(value('rows', { outcome: 'failed' })).toBe(2);
    expect(value('rows', { outcome: 'recovered' })).toBe(0);
    expect(value('failed_rows', { class: 'not_found' })).toBe(2);
    expect(value('failed_rows', { class: 'held' })).toBe(0);
    expect(value('requests', { verb: 'create', status: '201' })).toBe(1);
    expect(value('requests', { verb: 'create', status: 'none' })).toBe(1);
    expect(value('requests', { verb: 'list', status: '200' })).toBe(1);
    expect(['retries', 'rate_limited', 'looks', 'surplus_memories'].map((name) => value(name))).toEqual([1, 1, 1, 2]);
    expect(value('stopped', { reason: 'max_duration' })).toBe(1);
    expect(value('request_duration_seconds_bucket', { verb: 'create', le: '0.25' })).toBe(1);
    expect(value('request_duration_seconds_bucket', { verb: 'create', le: '30' })).toBe(1);
    expect(value('request_duration_seconds_bucket', { verb: 'create', le: '45' })).toBe(2);
    expect(value('request_duration_seconds_sum', { verb: 'create' })).toBeCloseTo(31.12);
    expect(value('build_info', { version: '1.2.3' })).toBe(1);
    expect(value('duration_seconds')).toBe(10);
    expect([value('exit_code'), value('running')]).toEqual([1, 0]);
    // Neither a counter nor anything that looks like one: each run begins at 0.
    const { request_duration_seconds: _, ...rest } = Object.fromEntries(
      [...metrics.families].map(([name, { type }]) => [name.replace('memory_import_', ''), type]),
    );
    expect(new Set(Object.values(rest))).toEqual(new Set(['gauge']));
    expect(Object.keys(rest).filter((name) => /_total$|^process_|^nodejs_/.test(name))).toEqual([]);
  });

  test('shows a run from its beginning, and keeps how the one before ended until this one has', async () => {
    const path = join(await temporaryFolder(), 'm.prom');
    await run(path, 0, 0);
    const { file, time, tick, ticking } = await opened(path, START + 86_400_000);
    expect(scrape(path).value('memory_import_running')).toBe(0);
    file.consume(STARTED);
    await expect.poll(() => scrape(path).value('memory_import_running')).toBe(1);
    const moment = () => {
      const metrics = scrape(path);
      return ['last_start', 'last_end', 'last_success', 'last_update'].map(
        (name) => metrics.value(`memory_import_${name}_timestamp_seconds`) - START / 1000,
      );
    };
    expect(moment()).toEqual([86_400, 10, 10, 86_400]);
    expect(scrape(path).value('memory_import_exit_code')).toBe(0);

    file.consume({ type: 'rows_settled', rows: [settled({ outcome: { kind: 'filtered' } })] });
    time.now += 15_000;
    tick();
    await expect.poll(() => scrape(path).value('memory_import_rows', { outcome: 'filtered' })).toBe(1);
    // Killed now, it would stay like this: running, and no update any more.
    expect(moment()).toEqual([86_400, 10, 10, 86_415]);
    expect(scrape(path).value('memory_import_duration_seconds')).toBe(15);

    await file.ended(3);
    expect(ticking()).toBe(false);
    expect(moment()).toEqual([86_400, 86_415, 10, 86_415]);
    expect([scrape(path).value('memory_import_exit_code'), scrape(path).value('memory_import_running')]).toEqual([3, 0]);
  });

  test('knows the last success through runs that fail, and the last completion through those that end with 1', async () => {
    const path = join(await temporaryFolder(), 'm.prom');
    const times = () =>
      ['success', 'completion'].map((what) => {
        const at = scrape(path).value(`memory_import_last_${what}_timestamp_seconds`);
        return at === 0 ? 'never' : at - START / 1000;
      });
    const seen: unknown[] = [];
    for (const [night, exitCode] of [3, 1, 0, 1, 2, 143].entries()) {
      await run(path, exitCode, night * 1000);
      seen.push(times());
    }
    expect(seen).toEqual([
      ['never', 'never'],
      ['never', 1010],
      [2010, 2010],
      [2010, 3010],
      [2010, 3010],
      [2010, 3010],
    ]);
  });

  test('of a run that never started says how it ended; while a live run keeps the file up to date, it stays that run’s', async () => {
    const path = join(await temporaryFolder(), 'm.prom');
    await (await opened(path)).file.ended(2);
    expect(scrape(path).value('memory_import_exit_code')).toBe(2);

    const now = Date.now();
    const live = await opened(path, now);
    live.file.consume(STARTED);
    await expect.poll(() => scrape(path).value('memory_import_running')).toBe(1);
    const before = readFileSync(path, 'utf8');
    for (const exitCode of [2, 4]) await (await opened(path, now)).file.ended(exitCode);
    expect(readFileSync(path, 'utf8')).toBe(before);
    // The live run was killed: nobody keeps the file up to date any more.
    const old = new Date(now - 120_000);
    utimesSync(path, old, old);
    await (await opened(path, now)).file.ended(4);
    expect([scrape(path).value('memory_import_exit_code'), scrape(path).value('memory_import_running')]).toEqual([4, 0]);
  });

  test.each([
    ['nothing', ''],
    ['half a line', 'memory_import_running 1\nmemory_import_last_success_timestamp_sec'],
    ['no numbers', 'memory_import_running yes\nmemory_import_last_success_timestamp_seconds{import="m"} never\n'],
  ])('takes over a file of its own with %s in it', async (_what, content) => {
    const path = join(await temporaryFolder(), 'm.prom');
    writeFileSync(path, content);
    await run(path, 3, 0);
    expect(scrape(path).value('memory_import_last_success_timestamp_seconds')).toBe(0);
  });

  test('is readable for everybody whatever the umask, whole at any time, and leaves no other file behind', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'm.prom');
    const umask = process.umask(0o077);
    onTestFinished(() => void process.umask(umask));
    await run(path, 0, 0);
    const reader = openSync(path, 'r');
    onTestFinished(() => closeSync(reader));
    const before = readFileSync(path, 'utf8');
    await run(path, 0, 1000);
    expect(statSync(path).mode & 0o777).toBe(0o644);
    // Replaced, not written over: who reads it now reads it to its end.
    expect(readFileSync(reader, 'utf8')).toBe(before);
    expect(readFileSync(path, 'utf8')).not.toBe(before);
    expect(readdirSync(folder)).toEqual(['m.prom']);
  });

  test('through a link the link stays, and its file is replaced', async () => {
    const folder = await temporaryFolder();
    mkdirSync(join(folder, 'real'));
    await run(join(folder, 'real', 'm.prom'), 0, 0);
    symlinkSync(join('real', 'm.prom'), join(folder, 'link.prom'));
    await run(join(folder, 'link.prom'), 3, 1000);
    expect(scrape(join(folder, 'real', 'm.prom')).value('memory_import_exit_code')).toBe(3);
    expect(readdirSync(join(folder, 'real'))).toEqual(['m.prom']);
  });

  test('that can not be written, or is somebody else’s, is a mistake before anything begins, and harms nothing', async () => {
    const folder = await temporaryFolder();
    writeFileSync(join(folder, 'notes.csv'), 'contactId,text\n');
    mkdirSync(join(folder, 'folder'));
    for (const [name, why] of [
      ['no/such/m.prom', /folder must be there/],
      ['folder', /found a folder/],
      ['notes.csv', /no metrics file of memory-import/],
      ['notes.csv/m.prom', /notes\.csv\/m\.prom/],
    ] as const) {
      const refused = opened(join(folder, name));
      await expect(refused).rejects.toThrow(why);
      await expect(refused).rejects.toBeInstanceOf(UserError);
    }
    expect(readFileSync(join(folder, 'notes.csv'), 'utf8')).toBe('contactId,text\n');
    expect(readdirSync(folder).sort()).toEqual(['folder', 'notes.csv']);
  });

  test('that can not be written any more later on is told once, and never thrown', async () => {
    const folder = join(await temporaryFolder(), 'textfile');
    mkdirSync(folder);
    const { file, problems, tick } = await opened(join(folder, 'm.prom'));
    file.consume(STARTED);
    await expect.poll(() => existsSync(join(folder, 'm.prom'))).toBe(true);
    // Root may write anywhere, so the folder goes away.
    rmSync(folder, { recursive: true });
    tick();
    await file.ended(0);
    expect(problems).toEqual([expect.stringMatching(/can't be written: .*The import goes on without it\.$/)]);
  });
});

describe('what it never has', () => {
  test('a note, a contact, a message', async () => {
    const path = join(await temporaryFolder(), 'm.prom');
    const outcome = failureWith({ message: 'SECRET message' });
    await run(path, 1, 0, [
      { type: 'rows_settled', rows: [settled({ draft: draftWith({ contactId: 'SECRET', text: 'SECRET', name: 'SECRET' }), outcome })] },
      { type: 'retry', row: 'SECRET', attempt: 1, delayMs: 1, message: 'SECRET' },
      { type: 'surplus', contactId: 'SECRET', memoryIds: ['SECRET'] },
      { type: 'stopping', reasonCode: 'outage', reason: 'SECRET' },
    ]);
    expect(readFileSync(path, 'utf8')).not.toContain('SECRET');
  });
});

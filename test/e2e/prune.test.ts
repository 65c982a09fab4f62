import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { realClock } from '../../src/clock.js';
import { importMemories, listRuns, type PrunedRuns, pruneRuns } from '../../src/index.js';
import { type Bench, KEY, test } from '../support/bench.js';
import { until } from '../support/cli.js';
import { csvOf, makeNotes } from '../support/notes.js';

const NOTES = makeNotes({ count: 12, contacts: 4 });
const DAY_MS = 86_400_000;
const env = { CALLERS_API_KEY: KEY };

const optionsOf = (bench: Bench) => ({
  baseUrl: bench.sandbox.url,
  ledger: join(bench.folder, 'ledger.db'),
  out: join(bench.folder, 'runs'),
});

/** An import so many days ago. @returns its id */
async function importedAgo(bench: Bench, days: number, more: { readonly out?: string; readonly ledger?: string } = {}): Promise<string> {
  const input = join(bench.folder, bench.write('notes.csv', csvOf(NOTES)));
  const clock = { ...realClock, now: () => realClock.now() - days * DAY_MS };
  const { runId } = await importMemories({ ...optionsOf(bench), inputs: [input], adopt: true, ...more }, { env, clock });
  return runId;
}

const prune = (bench: Bench, days: number, dryRun = false): Promise<PrunedRuns> =>
  pruneRuns(optionsOf(bench), { olderThanMs: days * DAY_MS, dryRun }, { env });

const foldersOf = (bench: Bench) => readdirSync(join(bench.folder, 'runs')).sort();

describe.concurrent('runs --prune', () => {
  test('removes the files of old runs, keeps those of young ones, and what was imported stays known', async ({ createBench }) => {
    const bench = await createBench();
    const old = [await importedAgo(bench, 60), await importedAgo(bench, 31)];
    const young = [await importedAgo(bench, 29), await importedAgo(bench, 0)];

    const would = await prune(bench, 30, true);
    expect(would.pruned.map(({ runId }) => runId)).toEqual(old);
    expect(foldersOf(bench)).toEqual([...old, ...young]);

    const done = await prune(bench, 30);
    expect(done).toEqual({ ...would, dryRun: false, before: done.before });
    expect({ files: done.files, kept: done.kept, elsewhere: done.elsewhere, unknown: done.unknown }).toEqual({
      files: 8,
      kept: 2,
      elsewhere: [],
      unknown: [],
    });
    expect(done.bytes).toBeGreaterThan(1000);
    expect(foldersOf(bench)).toEqual(young);
    expect((await prune(bench, 30)).pruned).toEqual([]);

    const listed = await listRuns(optionsOf(bench), { env });
    expect(listed.map(({ runId, hasFiles }) => [runId, hasFiles])).toEqual([
      ...young.toReversed().map((id) => [id, true]),
      ...old.toReversed().map((id) => [id, false]),
    ]);
    const requests = bench.sandbox.stats().requests;
    await importedAgo(bench, 0);
    expect(bench.sandbox.stats().requests).toBe(requests);
  });

  test('never touches what is no file of a run: another file, a link, a folder; it says what it left', async ({ createBench }) => {
    const bench = await createBench();
    const outside = join(bench.folder, 'precious.csv');
    writeFileSync(outside, 'precious');
    mkdirSync(join(bench.folder, 'precious'));
    writeFileSync(join(bench.folder, 'precious', 'success.csv'), 'precious');
    const runId = await importedAgo(bench, 60);
    const folder = join(bench.folder, 'runs', runId);
    writeFileSync(join(folder, 'my notes.txt'), 'mine');
    writeFileSync(join(folder, 'success.csv.bak'), 'mine');
    symlinkSync(outside, join(folder, 'failures-2.csv'));
    mkdirSync(join(folder, 'verify.csv'));
    // What a killed run and a killed `report` leave has customers' text too.
    writeFileSync(join(folder, '.failures.csv-123.tmp'), 'x');
    mkdirSync(join(folder, '.rewrite-123'));
    writeFileSync(join(folder, '.rewrite-123', 'success.csv'), 'x');
    // In the place of a run's folder stands a link to one of somebody else's.
    const linked = await importedAgo(bench, 50);
    await prune(bench, 49.5);
    symlinkSync(join(bench.folder, 'precious'), join(bench.folder, 'runs', linked));

    expect(readdirSync(folder).sort()).toEqual(['failures-2.csv', 'my notes.txt', 'success.csv.bak', 'verify.csv']);
    const again = await prune(bench, 30);
    expect(again.pruned).toMatchObject([
      { runId, files: 0, left: ['failures-2.csv', 'my notes.txt', 'success.csv.bak', 'verify.csv'], problem: null },
    ]);
    expect(existsSync(outside)).toBe(true);
    expect(existsSync(join(bench.folder, 'precious', 'success.csv'))).toBe(true);
  });

  test('only under --out: folders elsewhere, and those of runs that the ledger does not know, are told and left', async ({
    createBench,
  }) => {
    const bench = await createBench();
    const elsewhere = await importedAgo(bench, 60, { out: join(bench.folder, 'other') });
    const foreign = await importedAgo(bench, 60, { ledger: join(bench.folder, 'another.db') });
    mkdirSync(join(bench.folder, 'runs', 'archive'));
    const result = await prune(bench, 30);
    expect(result).toMatchObject({
      pruned: [],
      elsewhere: [join(bench.folder, 'other', elsewhere)],
      unknown: [join(bench.folder, 'runs', foreign)],
    });
    expect(existsSync(join(bench.folder, 'other', elsewhere, 'success.csv'))).toBe(true);
    expect(existsSync(join(bench.folder, 'runs', foreign, 'success.csv'))).toBe(true);
  });

  test('leaves a run that is under way alone, whatever its age; one that was killed counts from its start', async ({ createBench }) => {
    const bench = await createBench({ answerWith: ({ method }) => (method === 'POST' ? 'hang' : undefined) });
    bench.write('notes.csv', csvOf(NOTES));
    const live = bench.startImport(['notes.csv', '--timeout', '1h']);
    await until('a request that hangs', () => (bench.sandbox.stats().byStatus.hang ?? 0) > 0);
    const first = await bench.run(['runs', '--prune', '0s']);
    expect(first.code).toBe(0);
    expect(first.stdout).toMatch(/^Nothing to remove: .* 1 run keeps its files\.\n$/);
    live.kill('SIGKILL');
    await live.ended;
    const dry = await bench.run(['runs', '--prune', '0s', '--dry-run']);
    expect(dry.stdout).toMatch(/^Would remove 2 files of 1 run .*\n {2}\d{8}T\d{6}Z-[0-9a-f]{4} {2}2 files/);
    const json = JSON.parse((await bench.run(['runs', '--prune', '0s', '--json'])).stdout) as PrunedRuns;
    expect(json).toMatchObject({ dryRun: false, files: 2, pruned: [{ left: [] }] });
    expect(bench.files().filter((path) => path.includes('runs'))).toEqual([]);
    expect((await bench.run(['runs'])).stdout).toMatch(/ killed +no files · notes\.csv\n$/);
  });

  test('an age that is none is exit 2, and removes nothing', async ({ createBench }) => {
    const bench = await createBench();
    for (const args of [['--prune', '30'], ['--prune', 'old'], ['--dry-run']]) {
      const result = await bench.run(['runs', ...args]);
      expect({ code: result.code, stdout: result.stdout }).toEqual({ code: 2, stdout: '' });
      expect(result.stderr).toMatch(/--prune/);
    }
  });
});

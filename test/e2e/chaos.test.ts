import { expect } from 'vitest';
import { type FaultKind, seededRandom } from '../../src/sandbox/faults.js';
import type { Bench } from '../support/bench.js';
import { test } from '../support/bench.js';
import { until } from '../support/cli.js';
import { csvOf, makeNotes } from '../support/notes.js';
import { expectConservation, expectConverged } from '../support/promises.js';

// Everything at once: every fault the sandbox has, and a `kill -9` again and again at moments that only the seed knows.
const FAULTS: Readonly<Record<FaultKind, number>> = {
  '429': 0.004,
  '500': 0.01,
  '502': 0.01,
  '503': 0.01,
  reset: 0.01,
  hang: 0.005,
  '500-after': 0.01,
  '502-after': 0.01,
  '503-after': 0.01,
  'reset-after': 0.015,
  'hang-after': 0.005,
};
const IMPORT = ['notes.csv', '--timeout', '700ms', '--reconcile-wait', '500ms'];
const soak = process.env.SOAK === '1';
const size = soak ? { count: 20_000, contacts: 1500, kills: 60 } : { count: 1200, contacts: 90, kills: 8 };

for (const seed of soak ? [1, 2, 3, 4, 5] : [1]) {
  test(`creates each note exactly once, in order, through every fault and kill -9 at random moments (seed ${seed})`, {
    timeout: soak ? 1_800_000 : 300_000,
  }, async ({ createBench }) => {
    const bench = await createBench({ seed, latencyMs: 2, missing: [] });
    // A list as long as a usual page proves nothing unless a longer one was seen: without this contact a note could stay in doubt, rightly.
    const long = makeNotes({ count: 60, contacts: 1, prefix: 'LONG' });
    bench.write('long.csv', csvOf(long));
    expect((await bench.import(['long.csv'])).code).toBe(0);

    bench.sandbox.setFaults(FAULTS);
    // Of more than a mebibyte, so that the ledger has its own thread, as in every import that takes long.
    const notes = makeNotes({ ...size, seed }).map((note) => ({ ...note, text: note.text.padEnd(1000, ' and so on') }));
    expect(csvOf(notes).length).toBeGreaterThan(1024 * 1024);
    bench.write('notes.csv', csvOf(notes));
    const random = seededRandom(1000 + seed);

    let killed = 0;
    for (let i = 0; i < size.kills; i++) killed += (await killAtRandom(bench, random, size.count / size.kills)) ? 1 : 0;
    expect(killed).toBeGreaterThan(size.kills / 2);
    expect(bench.sandbox.stats().created).toBeLessThan(long.length + size.count);

    let result = await bench.import(IMPORT);
    for (let more = 0; result.code === 1 && more < 5; more++) result = await bench.import(IMPORT);

    expect(result.stderr).not.toContain('unexpected error');
    expect(result.code, result.stderr.slice(-2000)).toBe(0);
    expectConservation(result.summary);
    expect(result.summary.counts).toMatchObject({ rows: size.count, duplicate: 0, failed: 0 });
    expect(result.summary.counts.alreadyImported).toBeGreaterThan(0);
    expectConverged(bench.sandbox, [...long, ...notes]);
    expect(bench.sandbox.overlaps()).toBe(0);
    expect(result.summary.surplus).toEqual([]);
  });
}

/** Starts the import and kills it after some number of requests, or while it still starts. False where it ended first. */
async function killAtRandom(bench: Bench, random: () => number, most: number): Promise<boolean> {
  const target = bench.sandbox.stats().requests + Math.floor(random() * 2 * most);
  const run = bench.startImport(IMPORT);
  let over = false;
  void run.ended.then(() => {
    over = true;
  });
  await until(`request ${target}, or the end of the run`, () => over || bench.sandbox.stats().requests >= target);
  run.kill('SIGKILL');
  return (await run.ended).signal === 'SIGKILL';
}

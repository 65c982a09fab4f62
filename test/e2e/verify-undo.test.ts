import { describe, expect } from 'vitest';
import type { UndoSummary, VerifySummary } from '../../src/model-after-run.js';
import { type Bench, test } from '../support/bench.js';
import { type CliResult, until } from '../support/cli.js';
import { csvOf, makeNotes } from '../support/notes.js';

const NOTES = makeNotes({ count: 120, contacts: 25 });
const QUICK = ['--json', '--timeout', '30s'];

describe.concurrent('verify and undo', () => {
  test('kill -9 in the middle of an undo, again and again: it goes on, deletes all, and the file can be imported exactly once', async ({
    createBench,
  }) => {
    const bench = await createBench({ latencyMs: 3, missing: [] });
    bench.write('notes.csv', csvOf(NOTES));
    const { runId } = (await bench.import(['notes.csv'])).summary;
    const deletes = () => bench.sandbox.requests().filter(({ method }) => method === 'DELETE').length;
    for (const more of [10, 55]) {
      const target = deletes() + more;
      const run = bench.start(['undo', runId, '--yes', ...QUICK, '--concurrency', '4']);
      await until(`${target} deletes`, () => deletes() >= target);
      run.kill('SIGKILL');
      expect((await run.ended).signal).toBe('SIGKILL');
    }
    expect(bench.sandbox.stats().created).toBeGreaterThan(0);

    const last = await bench.run(['undo', runId, '--yes', ...QUICK]);
    expect(last.code).toBe(0);
    const { counts, ok } = undoOf(last);
    expect(ok).toBe(true);
    expect(counts.deleted + counts.gone + counts.undoneBefore).toBe(NOTES.length);
    expect(bench.sandbox.stats().created).toBe(0);
    // Whatever the ledger calls undone stands in a file, however the command died.
    const rows = new Set(['', '-2', '-3'].flatMap((n) => firstCells(bench, `.memory-import/runs/${runId}/undo${n}.csv`)));
    expect(rows.size).toBe(NOTES.length);

    const again = await bench.import(['notes.csv']);
    expect(again.code).toBe(0);
    expect(again.summary.counts).toMatchObject({ created: NOTES.length, alreadyImported: 0 });
    expect(bench.sandbox.stats()).toMatchObject({ created: NOTES.length, duplicates: 0 });
    const verified = await bench.run(['verify', again.summary.runId, ...QUICK]);
    expect(verified.code).toBe(0);
    expect(verifyOf(verified)).toMatchObject({ ok: true, counts: { checked: NOTES.length, match: NOTES.length } });
  });

  test('through 429s, 500s, lost answers and resets both say the truth: what the run created and what it recovered is there, then gone', async ({
    createBench,
  }) => {
    let toRefuse: string | null = null;
    const bench = await createBench({
      missing: [],
      faults: { '500': 0.03, '503': 0.03, reset: 0.03, '500-after': 0.08, 'reset-after': 0.08 },
      seed: 11,
      lists: { showDeleted: true },
      answerWith({ method }) {
        if (method !== toRefuse) return undefined;
        toRefuse = null;
        return '429';
      },
    });
    const notes = NOTES.slice(0, 70);
    const [first, rest] = [notes.slice(0, 10), notes.slice(10)];
    bench.write('first.csv', csvOf(first));
    bench.write('notes.csv', csvOf(notes));
    const tough = ['--retries', '20'];
    expect((await bench.import(['first.csv', ...tough])).code).toBe(0);
    const { counts: imported, runId } = (await bench.import(['notes.csv', ...tough])).summary;
    expect(imported.recovered).toBeGreaterThan(0);
    expect(imported.created + imported.recovered).toBe(rest.length);

    toRefuse = 'GET';
    const verified = await bench.start(['verify', runId, ...QUICK, ...tough]).ended;
    expect(verified.code, verified.stderr.slice(-1000)).toBe(0);
    expect(verifyOf(verified)).toMatchObject({
      ok: true,
      counts: { checked: rest.length, match: rest.length },
      requests: { rateLimited: 1 },
    });
    toRefuse = 'DELETE';
    const undone = await bench.start(['undo', runId, '--yes', ...QUICK, ...tough]).ended;
    expect(undone.code, undone.stderr.slice(-1000)).toBe(0);
    expect(undoOf(undone)).toMatchObject({
      ok: true,
      counts: { toUndo: rest.length, deleted: rest.length, failed: 0, left: 0 },
      requests: { rateLimited: 1 },
    });

    bench.sandbox.setFaults({});
    const left = bench.sandbox.memories().flatMap(({ status, name }) => (status === 'ACTUAL' ? [name] : []));
    expect(left.sort()).toEqual(first.map(({ name }) => name).sort());
  });

  test('an import after an undo that was killed creates what was deleted, though the ledger didn\u2019t learn of it', async ({
    createBench,
  }) => {
    let isLosing = true;
    const bench = await createBench({
      missing: [],
      answerWith: ({ method }) => (method === 'DELETE' && isLosing ? 'hang-after' : undefined),
    });
    bench.write('notes.csv', csvOf(NOTES));
    const { runId } = (await bench.import(['notes.csv'])).summary;
    const undo = bench.start(['undo', runId, '--yes', '--json', '--timeout', '60s', '--concurrency', '8']);
    await until('lost deletes', () => bench.sandbox.stats().created <= NOTES.length - 8);
    undo.kill('SIGKILL');
    await undo.ended;
    isLosing = false;

    // Where it can't be known, it is said.
    const unseen = await bench.import(['notes.csv', '--in-doubt', 'report']);
    expect(unseen.stderr).toContain(`An undo of run ${runId} was cut off`);

    const again = await bench.import(['notes.csv']);
    expect(again.code).toBe(0);
    expect(again.summary.counts).toMatchObject({ created: 8, alreadyImported: NOTES.length - 8 });
    expect(bench.sandbox.stats()).toMatchObject({ created: NOTES.length, duplicates: 0 });
    // Looked at once: the next run has nothing to wait for.
    const third = await bench.import(['notes.csv']);
    expect(third.stderr).not.toContain('cut off');
    expect(third.summary.counts).toMatchObject({ created: 0, alreadyImported: NOTES.length });
  });

  test('SIGTERM lets the deletes under way finish and settles them; the same command goes on', async ({ createBench }) => {
    const bench = await createBench({ latencyMs: 40, missing: [] });
    bench.write('notes.csv', csvOf(NOTES.slice(0, 40)));
    const { runId } = (await bench.import(['notes.csv', '--concurrency', '40'])).summary;
    const run = bench.start(['undo', runId, '--yes', ...QUICK, '--concurrency', '3']);
    await until('some deletes', () => bench.sandbox.stats().created <= 34);
    run.kill('SIGTERM');
    const result = await run.ended;
    expect(result.code).toBe(143);
    expect(result.stderr).toContain('SIGTERM: finishing the requests under way');
    const { status, counts } = undoOf(result);
    expect(status).toBe('interrupted');
    expect(counts.deleted).toBe(40 - bench.sandbox.stats().created);
    expect(counts.left).toBe(bench.sandbox.stats().created);
    const again = await bench.run(['undo', runId, '--yes', '--json']);
    expect(again.code).toBe(0);
    expect(undoOf(again).counts).toMatchObject({ toUndo: counts.left, deleted: counts.left, gone: 0 });
  });
});

function verifyOf({ summary }: CliResult): VerifySummary {
  return summary as unknown as VerifySummary; // what this command prints
}

function undoOf({ summary }: CliResult): UndoSummary {
  return summary as unknown as UndoSummary; // what this command prints
}

function firstCells(bench: Bench, path: string): string[] {
  if (!bench.files().includes(path)) return [];
  const lines = bench.read(path).trimEnd().split('\n').slice(1);
  return lines.map((line) => line.split(',')[0] ?? '');
}

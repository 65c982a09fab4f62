import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { realClock } from '../../src/clock.js';
import { type ImportEvent, importMemories, LedgerHeldError, OptionsError, planImport, UserError } from '../../src/index.js';
import { type Bench, KEY, test } from '../support/bench.js';
import { csvOf, makeNotes } from '../support/notes.js';
import { expectConservation, expectConverged } from '../support/promises.js';

const hooks = { env: { CALLERS_API_KEY: KEY } };

describe('the library', () => {
  test('two imports side by side in one process, on two ledgers, know nothing of each other', async ({ createBench }) => {
    const bench = await createBench({ latencyMs: 5, faults: { '500-after': 0.05 } });
    const sets = ['C', 'D'].map((prefix) => makeNotes({ count: 80, contacts: 20, prefix }));
    const events: ImportEvent[][] = [[], []];
    const summaries = await Promise.all(
      sets.map((notes, i) => {
        const input = join(bench.folder, bench.write(`notes-${i}.csv`, csvOf(notes)));
        return importMemories({ ...optionsOf(bench, `${i}`), inputs: [input] }, { ...hooks, onEvent: (event) => events[i]?.push(event) });
      }),
    );
    for (const [i, summary] of summaries.entries()) {
      expect(summary.status).toBe('completed');
      expect(summary.counts.rows).toBe(80);
      expectConservation(summary);
      const settled = (events[i] ?? []).flatMap((event) => (event.type === 'rows_settled' ? event.rows : []));
      expect(settled).toHaveLength(80);
      expect(settled.every(({ draft }) => draft?.contactId.startsWith(i === 0 ? 'C-' : 'D-'))).toBe(true);
      expect(events[i]?.[0]).toMatchObject({ type: 'run_started', runId: summary.runId });
      expect(events[i]?.at(-1)).toMatchObject({ type: 'run_finished', summary });
    }
    expect(new Set(summaries.map(({ runId }) => runId)).size).toBe(2);
    expectConverged(bench.sandbox, sets.flat());
  });

  test('a note that was claimed by a clock an hour fast, its answer lost, is found by a run whose clock is right', async ({
    createBench,
  }) => {
    let listsFail = false;
    const bench = await createBench({
      answerWith: ({ method }) => {
        if (method === 'GET') return listsFail ? { status: 500, body: '' } : undefined;
        listsFail = true;
        return 'reset-after';
      },
    });
    const notes = makeNotes({ count: 1, contacts: 1 });
    const input = join(bench.folder, bench.write('notes.csv', csvOf(notes)));
    const options = { ...optionsOf(bench, 'one'), inputs: [input], retries: 0, giveUpAfter: '2s' };
    const fast = { ...realClock, now: () => realClock.now() + 3_600_000 };
    const first = await importMemories(options, { ...hooks, clock: fast });
    expect(first.counts.created + first.counts.recovered).toBe(0);
    listsFail = false;
    const second = await importMemories(options, hooks);
    expect(second).toMatchObject({ status: 'completed', counts: { created: 0, recovered: 1 } });
    expectConverged(bench.sandbox, notes);
  });

  test('two imports on one ledger: the second is refused by an error of its own kind, the first goes on', async ({ createBench }) => {
    const bench = await createBench({ latencyMs: 5 });
    const notes = makeNotes({ count: 30, contacts: 10 });
    const input = join(bench.folder, bench.write('notes.csv', csvOf(notes)));
    const options = { ...optionsOf(bench, 'one'), inputs: [input] };
    let second: Promise<unknown> | null = null;
    const first = await importMemories(options, {
      ...hooks,
      onEvent: (event) => {
        if (event.type === 'run_started') second = importMemories(options, hooks).catch((error: unknown) => error);
      },
    });
    expect(first.status).toBe('completed');
    expect(await second).toBeInstanceOf(LedgerHeldError);
    expectConverged(bench.sandbox, notes);
  });

  test('its signal ends a run gently, and the same call goes on', async ({ createBench }) => {
    const bench = await createBench({ latencyMs: 10 });
    const notes = makeNotes({ count: 60, contacts: 15 });
    const input = join(bench.folder, bench.write('notes.csv', csvOf(notes)));
    const options = { ...optionsOf(bench, 'one'), inputs: [input], concurrency: 4 };
    const stop = new AbortController();
    const first = await importMemories(options, {
      ...hooks,
      signal: stop.signal,
      onEvent: (event) => {
        if (event.type === 'rows_settled') stop.abort();
      },
    });
    expect(first).toMatchObject({ status: 'interrupted', reasonCode: 'signal', continues: true });
    expect(first.counts.created).toBe(bench.sandbox.stats().created);
    expect((await importMemories(options, hooks)).status).toBe('completed');
    expectConverged(bench.sandbox, notes);
  });

  test('planImport needs no key, and mistakes are thrown as UserError, all of them at once', async ({ createBench }) => {
    const bench = await createBench();
    const input = join(bench.folder, bench.write('notes.csv', csvOf(makeNotes({ count: 5, contacts: 2 }))));
    const plan = await planImport({ ...optionsOf(bench, 'one'), inputs: [input] }, { env: {} });
    expect(plan.counts.toCreate).toBe(5);
    await expect(importMemories({ ...optionsOf(bench, 'one'), inputs: [join(bench.folder, 'no.csv')] }, hooks)).rejects.toBeInstanceOf(
      UserError,
    );
    const wrong = importMemories({ ...optionsOf(bench, 'one'), inputs: [input], concurrency: 0, retries: -1 }, hooks);
    await expect(wrong).rejects.toBeInstanceOf(OptionsError);
    await expect(wrong).rejects.toMatchObject({ problems: [expect.stringContaining('oncurrency'), expect.stringContaining('etries')] });
    expect(bench.sandbox.stats().requests).toBe(0);
  });
});

function optionsOf(bench: Bench, name: string) {
  return {
    baseUrl: bench.sandbox.url,
    ledger: join(bench.folder, name, 'ledger.db'),
    out: join(bench.folder, name, 'runs'),
    reconcileWait: '300ms',
  };
}

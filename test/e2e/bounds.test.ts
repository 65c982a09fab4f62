import { describe, expect } from 'vitest';
import { test } from '../support/bench.js';
import { until } from '../support/cli.js';
import { csvOf, makeNotes } from '../support/notes.js';
import { expectConverged } from '../support/promises.js';

describe.concurrent('bounded everything', () => {
  test('never holds the file in memory: a slow API holds back the reader, whatever the length of the input', async ({ createBench }) => {
    const bench = await createBench({ latencyMs: 20 });
    const run = bench.startImport(['-', '--concurrency', '8'], { stdin: 'open' });
    const { stdin } = run.child;
    if (stdin === null) throw new Error('no standard input');
    let given = 0;
    const more = (): void => {
      for (let room = true; room; ) {
        const lines = Array.from({ length: 100 }, () => `C-${given % 500},Call ${given},What was said in call ${given++}\n`);
        room = stdin.write(lines.join(''));
      }
    };
    stdin.write('contactId,name,text\n');
    stdin.on('drain', more);
    more();
    await until('600 memories', () => bench.sandbox.stats().created >= 600);
    stdin.off('drain', more);
    // The window, what the pipe holds and a few chunks: a reader that runs ahead would be far beyond.
    expect(given).toBeGreaterThan(2000);
    expect(given).toBeLessThan(25_000);
    run.kill('SIGTERM');
    const result = await run.ended;
    expect(result.code).toBe(143);
    expect(result.summary.counts.created).toBe(bench.sandbox.stats().created);
  });

  test('--limit ends a run whose input never ends', async ({ createBench }) => {
    const bench = await createBench();
    const notes = makeNotes({ count: 300, contacts: 50 });
    const run = bench.startImport(['-', '--limit', '200'], { stdin: 'open' });
    run.child.stdin?.write(csvOf(notes));
    expect((await run.ended).code).toBe(0);
    expectConverged(bench.sandbox, notes.slice(0, 200));
  });

  test('different contacts run side by side, up to --concurrency and no more; notes of one contact never do', async ({ createBench }) => {
    const bench = await createBench({ latencyMs: 15 });
    const notes = makeNotes({ count: 200, contacts: 40 });
    bench.write('notes.csv', csvOf(notes));
    expect((await bench.import(['notes.csv', '--concurrency', '7'])).code).toBe(0);
    expect(bench.sandbox.stats().peakConcurrency).toBe(7);
    expect(bench.sandbox.overlaps()).toBe(0);
    expectConverged(bench.sandbox, notes);
  });

  test('one slow contact does not hold up the others', async ({ createBench }) => {
    let release = false;
    const slow = { contactId: 'C-slow', name: 'Slow', text: 'Its answer takes its time' };
    const bench = await createBench({
      answerWith: ({ method, contactId }) =>
        method === 'POST' && contactId === 'C-slow' && !release ? { status: 429, headers: { 'retry-after': '1' } } : undefined,
    });
    const others = makeNotes({ count: 100, contacts: 20 });
    const slows = Array.from({ length: 50 }, (_, i) => ({ ...slow, text: `${slow.text} ${i}` }));
    bench.write('notes.csv', csvOf([...slows, ...others]));
    const run = bench.startImport(['notes.csv', '--concurrency', '4']);
    await until('all notes of the other contacts', () => bench.sandbox.stats().created === others.length);
    release = true;
    expect((await run.ended).code).toBe(0);
    expectConverged(bench.sandbox, [...slows, ...others]);
  });

  test('an API that allows so many requests a second gets no more than a few refusals, and every note', async ({ createBench }) => {
    const bench = await createBench({ rateLimit: 60 });
    const notes = makeNotes({ count: 200, contacts: 60 });
    bench.write('notes.csv', csvOf(notes));
    const result = await bench.import(['notes.csv']);
    expect(result.code).toBe(0);
    expect(result.summary.requests.rateLimited).toBeLessThan(notes.length);
    expectConverged(bench.sandbox, notes);
  });
});

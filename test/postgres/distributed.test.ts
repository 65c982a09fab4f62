import { describe, expect } from 'vitest';
import { importMemories } from '../../src/import.js';
import type { RunSummary } from '../../src/model.js';
import { runWorker, type WorkerEvent } from '../../src/worker.js';
import { type Bench, test as benchTest, KEY } from '../support/bench.js';
import { type CliRun, until } from '../support/cli.js';
import { createDatabase, POSTGRES, type TestDatabase } from '../support/databases.js';
import { csvOf, makeNotes, type Note } from '../support/notes.js';
import { expectConservation, expectConverged } from '../support/promises.js';

interface InProcessWorker {
  readonly events: WorkerEvent[];
  /** Ends it softly, as SIGTERM does. */
  stop(): Promise<void>;
}

const test = benchTest
  .extend('openDatabase', ({ onTestFinished }) => async () => {
    const database = await createDatabase();
    onTestFinished(database.drop);
    return database;
  })
  .extend('work', ({ onTestFinished }) => (bench: Bench, database: TestDatabase): InProcessWorker => {
    const stopping = new AbortController();
    const events: WorkerEvent[] = [];
    const ended = runWorker(
      { ledger: database.url, apiKey: KEY, baseUrl: bench.sandbox.url },
      { signal: stopping.signal, env: {}, onEvent: (event) => void events.push(event) },
    );
    ended.catch(() => {}); // told by `stop`
    const stop = async () => {
      stopping.abort();
      await ended;
    };
    onTestFinished(stop);
    return { events, stop };
  });

/** `import --distribute`, with time-outs for tests. */
const distribute = (bench: Bench, database: TestDatabase, args: readonly string[]): CliRun =>
  bench.startImport([...args, '--distribute', '--ledger', database.url, '--timeout', '2s', '--reconcile-wait', '500ms']);
const startWorker = (bench: Bench, database: TestDatabase): CliRun => bench.start(['worker', '--ledger', database.url]);
const untilCreated = (bench: Bench, count: number) => until(`${count} notes`, () => bench.sandbox.stats().created >= count);
/** What else would take fifteen seconds: a process that is dead doesn't come back. */
const letItBeLongAgo = (database: TestDatabase, { child }: CliRun) =>
  database.query(`UPDATE memory_import.owner SET heartbeat = heartbeat - interval '1 minute' WHERE pid = $1`, [child.pid]);
/** In this process: nothing of it is to be killed. */
const importHere = (
  bench: Bench,
  database: TestDatabase,
  more: Parameters<typeof importMemories>[0],
  signal?: AbortSignal,
): Promise<RunSummary> =>
  importMemories(
    {
      ...{ inputs: [`${bench.folder}/notes.csv`], out: `${bench.folder}/runs`, ledger: database.url, distribute: true },
      ...{ apiKey: KEY, baseUrl: bench.sandbox.url, timeout: '5s', reconcileWait: '300ms', ...more },
    },
    { env: {}, ...(signal === undefined ? {} : { signal }) },
  );
const expectNothingLeft = async (database: TestDatabase) => {
  for (const table of ['chunk', 'told', 'lesson', 'pace', 'distribution']) {
    expect([table, await database.query(`SELECT * FROM memory_import.${table}`)]).toEqual([table, []]);
  }
};

describe.skipIf(POSTGRES === null).concurrent('a distributed import', { timeout: 120_000 }, () => {
  test('is sent by workers, and told by its coordinator as if it had sent it itself', async ({ createBench, openDatabase, work }) => {
    const [bench, database] = [await createBench(), await openDatabase()];
    const notes = makeNotes({ count: 600, contacts: 80, seed: 2 });
    const again = [notes[5]!, notes[3]!];
    bench.write('notes.csv', `${csvOf([...notes, ...again])},no contact,text\nC-1999,missing,text\n`);
    const workers = [work(bench, database), work(bench, database)];
    const run = await importHere(bench, database, {});
    expect(run.counts).toMatchObject({ rows: 604, created: 600, duplicate: 2, failed: 2, failures: { invalid: 1, notFound: 1 } });
    expectConservation(run);
    expectConverged(bench.sandbox, notes);
    expect(run.requests.sent).toBe(601);
    const read = (path: string | undefined) => bench.read(`${path}`.slice(bench.folder.length + 1));
    expect(read(run.files.failures)).toContain('C-1999,missing,text,604,not_found');
    expect(read(run.files.success)).toMatch(/^601,.*,duplicate,/m);
    await expectNothingLeft(database);
    // Both had something to do, and what is known already needs no worker.
    for (const { events } of workers) expect(events.some(({ type }) => type === 'chunk_ended')).toBe(true);
    for (const worker of workers) await worker.stop();
    const second = await importHere(bench, database, { limit: 600 });
    expect(second.counts).toMatchObject({ rows: 600, alreadyImported: 600 });
  });

  test('tells rows apart as one process does: identical ones, long ones, those of a contact that isn\u2019t there', async ({
    createBench,
    openDatabase,
    work,
  }) => {
    const [bench, database] = [await createBench(), await openDatabase()];
    const twin = { contactId: 'C-1', name: 'twin', text: 'the same \u{10ffff}' };
    const long = { contactId: 'C-2', name: 'long', text: 'many words '.repeat(1100).trim() };
    // More than a chunk: what the first one has learnt of the contact the next ones know.
    const missing = Array.from({ length: 450 }, (_, i) => ({ contactId: 'C-1999', name: `Call ${i}`, text: 'nobody' }));
    const write = (twins: number) => bench.write('notes.csv', csvOf([...Array(twins).fill(twin), long, long, ...missing]));
    work(bench, database);
    write(3);
    const options = { duplicates: 'create', tooLong: 'split' } as const;
    const first = await importHere(bench, database, options);
    expect(first.counts).toMatchObject({ rows: 455, created: 5, failed: 450, failures: { notFound: 450 } });
    expect(first.requests.sent).toBe(3 + 2 * 3 + 1);
    write(4);
    const second = await importHere(bench, database, options);
    expect(second.counts).toMatchObject({ rows: 456, created: 1, alreadyImported: 5, failed: 450 });
    const third = await importHere(bench, database, { tooLong: 'split' });
    expect(third.counts).toMatchObject({ rows: 456, alreadyImported: 2, duplicate: 4, failed: 450 });
    expect(bench.sandbox.memories().filter(({ contactId }) => contactId === 'C-1')).toHaveLength(4);
    expect(bench.sandbox.memories().filter(({ contactId }) => contactId === 'C-2')).toHaveLength(6);
  });

  test('goes on whichever process dies when: each note once, in order, and counted', async ({ createBench, openDatabase }) => {
    const [bench, database] = [await createBench({ seed: 5, latencyMs: 10 }), await openDatabase()];
    // A list as long as a usual page proves nothing unless a longer one was seen.
    const long = makeNotes({ count: 60, contacts: 1, prefix: 'LONG' });
    const notes = [...long, ...makeNotes({ count: 900, contacts: 150, seed: 4 })];
    bench.write('notes.csv', csvOf(notes));
    bench.write('long.csv', csvOf(long));
    expect((await bench.import(['long.csv', '--ledger', database.url])).code).toBe(0);
    bench.sandbox.setFaults({ '500': 0.01, '500-after': 0.01, 'reset-after': 0.01 });
    const [killed, frozen, third] = [0, 1, 2].map(() => startWorker(bench, database)) as [CliRun, CliRun, CliRun];
    const first = distribute(bench, database, ['notes.csv', '--concurrency', '4']);
    await untilCreated(bench, 200);
    killed.kill('SIGKILL');
    await killed.ended;
    await letItBeLongAgo(database, killed);
    await untilCreated(bench, 350);
    frozen.kill('SIGSTOP');
    await letItBeLongAgo(database, frozen);
    await untilCreated(bench, 500);
    first.kill('SIGKILL');
    await first.ended;
    await letItBeLongAgo(database, first);

    let last = await distribute(bench, database, ['notes.csv', '--concurrency', '4']).ended;
    frozen.kill('SIGCONT');
    expectConservation(last.summary);
    expect(last.summary.counts.rows).toBe(notes.length);
    for (let more = 0; last.code === 1 && more < 3; more++) last = await distribute(bench, database, ['notes.csv']).ended;
    expect(last.code, last.stderr.slice(-2000)).toBe(0);
    expect((await frozen.ended).code).toBe(3);
    expect(frozen.stderr()).toMatch(/silent for so long/);
    expectConverged(bench.sandbox, notes);
    expect(bench.sandbox.overlaps()).toBe(0);
    await expectNothingLeft(database);
    third.kill('SIGTERM');
    expect((await third.ended).code, third.stderr()).toBe(0);
  });

  test('waits for a worker, and a worker that is told to end hands back what it hasn\u2019t begun', async ({
    createBench,
    openDatabase,
    work,
  }) => {
    const [bench, database] = [await createBench({ latencyMs: 5 }), await openDatabase()];
    const notes = makeNotes({ count: 500, contacts: 60, seed: 8 });
    bench.write('notes.csv', csvOf(notes));
    const run = distribute(bench, database, ['notes.csv']);
    await run.says(/waiting for a worker/i);
    const ending = startWorker(bench, database);
    await untilCreated(bench, 100);
    ending.kill('SIGTERM');
    expect((await ending.ended).code, ending.stderr()).toBe(0);
    expect(bench.sandbox.stats().created).toBeLessThan(500);
    work(bench, database);
    const result = await run.ended;
    expect(result.code, result.stderr.slice(-2000)).toBe(0);
    // Nothing was in doubt: each was sent once, and nobody had to look.
    expect(result.summary.counts).toMatchObject({ rows: 500, created: 500 });
    expect(result.summary.requests).toMatchObject({ sent: 500, reconciled: 0 });
    expectConverged(bench.sandbox, notes);
  });

  test('is stopped as a whole, by its coordinator or by what a worker finds', async ({ createBench, openDatabase, work }) => {
    const [bench, database] = [await createBench({ latencyMs: 10 }), await openDatabase()];
    const notes = makeNotes({ count: 400, contacts: 60, seed: 9 });
    bench.write('notes.csv', csvOf(notes));
    work(bench, database);
    const stop = new AbortController();
    const interrupted = importHere(bench, database, {}, stop.signal);
    await untilCreated(bench, 100);
    stop.abort();
    const first = await interrupted;
    expect(first).toMatchObject({ status: 'interrupted', reasonCode: 'signal' });
    expect(first.counts.created).toBe(bench.sandbox.stats().created);
    expect(first.counts.rows).toBeLessThan(400);
    await expectNothingLeft(database);

    bench.sandbox.setFaults({ '429': 1 });
    const refused = await importHere(bench, database, { giveUpAfter: '300ms' });
    expect(refused).toMatchObject({ status: 'stopped', reasonCode: 'rate_limited', continues: true });
    expectConservation(refused);
    await expectNothingLeft(database);
    bench.sandbox.setFaults({});
    expect((await importHere(bench, database, {})).counts).toMatchObject({ rows: 400, created: 400 - first.counts.created });
    expectConverged(bench.sandbox, notes);
  });

  test('is never faster in all than its --rate', async ({ createBench, openDatabase, work }) => {
    const [bench, database] = [await createBench(), await openDatabase()];
    const rate = 80;
    const notes = makeNotes({ count: 160, contacts: 100, seed: 3 });
    bench.write('notes.csv', csvOf(notes));
    for (let i = 0; i < 2; i++) work(bench, database);
    const run = await importHere(bench, database, { rate });
    expect(run.counts.created).toBe(160);
    const times = bench.sandbox.memories().map(({ createdAt }) => Date.parse(createdAt));
    const most = Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 1000).length));
    // A share lasts a second, and a late timer may catch up a quarter of it.
    expect(most).toBeLessThanOrEqual(rate * 1.35);
  });

  test('gives up a chunk that no worker gets through, and nothing else', async ({ createBench, openDatabase, work }) => {
    const [bench, database] = [await createBench(), await openDatabase()];
    const notes = makeNotes({ count: 120, contacts: 60, seed: 6 });
    bench.write('notes.csv', csvOf(notes));
    const run = importHere(bench, database, {});
    const chunks = () =>
      database.query('SELECT partition, sequence, row_count FROM memory_import.chunk ORDER BY partition').catch(() => []);
    await expect
      .poll(async () => (await chunks()).reduce((sum, { row_count }) => sum + Number(row_count), 0), { timeout: 30_000 })
      .toBe(120);
    const [poisoned] = await chunks();
    // As five workers leave it that died of it.
    await database.query(`UPDATE memory_import.chunk SET barren = 5, problem = 'its worker died' WHERE partition = $1`, [
      poisoned?.partition,
    ]);
    work(bench, database);
    const lost = Number(poisoned?.row_count);
    const { counts } = await run;
    expect(counts).toMatchObject({ rows: 120, created: 120 - lost, failed: lost, failures: { serverError: lost } });
    expect((await importHere(bench, database, {})).counts).toMatchObject({ created: lost, alreadyImported: 120 - lost });
    expectConverged(bench.sandbox, notes);
  });

  test('can go on in the background', async ({ createBench, openDatabase, work }) => {
    const [bench, database] = [await createBench(), await openDatabase()];
    const notes: Note[] = makeNotes({ count: 50, contacts: 20, seed: 1 });
    bench.write('notes.csv', csvOf(notes));
    const detached = await bench.start(['import', 'notes.csv', '--distribute', '--detach', '--json', '--ledger', database.url]).ended;
    expect(detached.code, detached.stderr).toBe(0);
    const { runId, pid } = JSON.parse(detached.stdout) as { readonly runId: string; readonly pid: number };
    const list = async () => JSON.parse((await bench.run(['runs', '--json', '--ledger', database.url])).stdout).runs[0];
    expect(await list()).toMatchObject({ runId, status: 'running' });
    work(bench, database);
    await until('the end of the import', () => !isAlive(pid));
    expect(await list()).toMatchObject({ runId, status: 'completed' });
    expectConverged(bench.sandbox, notes);
    expect((await bench.run(['report', runId, '--ledger', database.url])).code).toBe(0);
    expect(bench.read(`.memory-import/runs/${runId}/import.log`)).toContain('run_finished');

    const wrong = await bench.start(['import', 'missing.csv', '--distribute', '--detach', '--ledger', database.url]).ended;
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
    expect(wrong.stderr).toContain('missing.csv');
    expect((await bench.run(['import', 'notes.csv', '--detach'])).stderr).toContain('--detach: expected together with --distribute');
    expect((await bench.run(['import', 'notes.csv', '--distribute'])).stderr).toContain(
      '--distribute: expected a --ledger that machines can share',
    );
  });

  test('is refused to a worker with another key', async ({ createBench, openDatabase }) => {
    const [bench, database] = [await createBench(), await openDatabase()];
    bench.write('notes.csv', csvOf(makeNotes({ count: 3, contacts: 3 })));
    expect((await bench.import(['notes.csv', '--ledger', database.url])).code).toBe(0);
    const refused = await bench.run(['worker', '--ledger', database.url], { env: { CALLERS_API_KEY: 'another-key' } });
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect((await bench.run(['worker'])).stderr).toContain('expected postgres://');
    const idle = await bench.run(['worker', '--ledger', database.url, '--idle-exit', '0s']);
    expect(idle.code, idle.stderr).toBe(0);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

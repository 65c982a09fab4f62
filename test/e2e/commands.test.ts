import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { Plan } from '../../src/model-plan.js';
import { type Bench, KEY, test } from '../support/bench.js';
import { until } from '../support/cli.js';
import { csvOf, makeNotes } from '../support/notes.js';
import { expectConverged } from '../support/promises.js';
import { readReport, successRows } from '../support/reports.js';

const NOTES = makeNotes({ count: 60, contacts: 15 });
const CSV = csvOf(NOTES);

describe.concurrent('plan', () => {
  test('says what import would do, sends nothing and changes nothing: no ledger, no folder, no request', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', `${csvOf([...NOTES, NOTES[0]!, { contactId: '', name: 'Call', text: 'To nobody' }])}C-1,only two\n`);
    const before = bench.files();
    for (const command of [['plan'], ['import', '--dry-run']]) {
      const result = await bench.run([...command, 'notes.csv', '--json'], { env: { CALLERS_API_KEY: '' } });
      expect(result.code).toBe(1); // what the import would end with
      const plan = planOf(result.stdout);
      expect(plan.counts).toMatchObject({
        rows: 63,
        toCreate: 60,
        duplicate: 1,
        alreadyImported: 0,
        failed: 2,
        failures: { invalid: 1, malformed: 1 },
      });
      expect(plan.distinct).toEqual({ contacts: new Set(NOTES.map(({ contactId }) => contactId)).size, subOrgs: 0, unknownContacts: 0 });
      expect(plan.ledger.exists).toBe(false);
      expect(plan.examples.map(({ row }) => row)).toEqual(['62', '63']);
    }
    expect(bench.files()).toEqual(before);
    expect(bench.sandbox.stats().requests).toBe(0);
    const text = await bench.run(['plan', 'notes.csv']);
    expect(text.stdout).toMatch(/create +60 +notes/);
  });

  test('after the import it says that nothing is left, and leaves the ledger as it is', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', CSV);
    await bench.import(['notes.csv', '--limit', '20']);
    const requests = bench.sandbox.stats().requests;
    const plan = planOf((await bench.run(['plan', 'notes.csv', '--json', '--rate', '10'])).stdout);
    expect(plan.counts).toMatchObject({ rows: 60, alreadyImported: 20, toCreate: 40 });
    expect(plan.expected).toEqual([{ requestsPerSecond: 10, seconds: 4 }]);
    expect(bench.sandbox.stats().requests).toBe(requests);
    expect((await bench.import(['notes.csv'])).summary.counts).toMatchObject({ alreadyImported: 20, created: 40 });
    expect(planOf((await bench.run(['plan', 'notes.csv', '--json'])).stdout).counts).toMatchObject({ alreadyImported: 60, toCreate: 0 });
  });
});

describe.concurrent('runs and report', () => {
  test('runs lists what the ledger knows, the newest first, a killed one too', async ({ createBench }) => {
    let hang = false;
    const bench = await createBench({ answerWith: ({ method }) => (hang && method === 'POST' ? 'hang' : undefined) });
    expect((await bench.run(['runs'])).code).toBe(0);
    bench.write('notes.csv', CSV);
    const first = await bench.import(['notes.csv', '--limit', '10']);
    hang = true;
    const killed = bench.startImport(['notes.csv', '--timeout', '1h']);
    await until('a request that hangs', () => (bench.sandbox.stats().byStatus.hang ?? 0) > 0);
    killed.kill('SIGKILL');
    await killed.ended;
    const { runs } = JSON.parse((await bench.run(['runs', '--json'])).stdout) as { runs: { runId: string; status: string }[] };
    expect(runs.map(({ status }) => status)).toEqual(['killed', 'completed']);
    expect(runs[1]?.runId).toBe(first.summary.runId);
    expect((await bench.run(['runs'])).stdout.split('\n')).toHaveLength(3);
  });

  test('a live run is running, and its ledger held, through a link to the ledger too', async ({ createBench }) => {
    const bench = await createBench({ answerWith: ({ method }) => (method === 'POST' ? 'hang' : undefined) });
    bench.write('notes.csv', CSV);
    const live = bench.startImport(['notes.csv', '--timeout', '1h']);
    await until('a request that hangs', () => (bench.sandbox.stats().byStatus.hang ?? 0) > 0);
    symlinkSync(join('.memory-import', 'ledger.db'), join(bench.folder, 'link.db'));
    for (const ledger of [join('.memory-import', 'ledger.db'), 'link.db']) {
      const { runs } = JSON.parse((await bench.run(['runs', '--json', '--ledger', ledger])).stdout) as { runs: { status: string }[] };
      expect(runs.map(({ status }) => status)).toEqual(['running']);
      expect((await bench.run(['doctor', '--ledger', ledger])).stdout).toContain(`is held by process ${live.child.pid}`);
    }
    live.kill('SIGKILL');
    await live.ended;
    const { stdout } = await bench.run(['runs', '--ledger', 'link.db']);
    expect(stdout).toContain('killed');
  });

  test("report writes a run's files again, the same rows in them", async ({ createBench }) => {
    const bench = await createBench({ missing: [NOTES[0]!.contactId] });
    bench.write('notes.csv', CSV);
    const run = await bench.import(['notes.csv']);
    const { success = '', failures = '' } = run.summary.files;
    const before = [success, failures].map((path) => rowsOf(bench, path));
    bench.write(success, '');
    bench.write(failures, '');
    const result = await bench.run(['report', run.summary.runId]);
    expect(result.stderr).toBe('');
    expect(result.code).toBe(0);
    const written = result.stdout.trim().split('\n');
    const after = ['success.csv', 'failures.csv'].map((name) => rowsOf(bench, written.find((path) => path.endsWith(name)) ?? name));
    expect(after).toEqual(before);
  });

  test('a run id that is none is exit 2, and never becomes a path', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', CSV);
    await bench.import(['notes.csv', '--limit', '1']);
    const before = bench.files();
    for (const id of ['../../etc', '20261123T030749Z-4f9a', '/tmp', '']) {
      const result = await bench.run(['report', id]);
      expect({ code: result.code, stdout: result.stdout }).toEqual({ code: 2, stdout: '' });
    }
    expect(bench.files()).toEqual(before);
  });
});

describe.concurrent('doctor', () => {
  test('checks what an import needs and creates nothing; a wrong key is exit 2', async ({ createBench }) => {
    const bench = await createBench();
    const good = await bench.run(['doctor', '--json']);
    expect(good.code).toBe(0);
    expect(JSON.parse(good.stdout)).toMatchObject({ ok: true });
    const wrong = await bench.run(['doctor'], { env: { CALLERS_API_KEY: 'wrong' } });
    expect(wrong.code).toBe(2);
    expect(wrong.stdout).toMatch(/failed +\w+/);
    expect(wrong.stdout + wrong.stderr).not.toContain(KEY);
    expect(bench.sandbox.stats().created).toBe(0);
    expect(bench.sandbox.requests().every(({ method }) => method === 'GET')).toBe(true);
    expect(bench.files()).toEqual([]);
  });

  test('a ledger that is a folder is a failed check like another', async ({ createBench }) => {
    const bench = await createBench();
    mkdirSync(join(bench.folder, 'folder'));
    const result = await bench.run(['doctor', '--ledger', 'folder']);
    expect(result.code).toBe(2);
    expect(result.stdout).toMatch(/failed +ledger.*is a folder or a device/);
  });
});

describe.concurrent('sandbox', () => {
  test('its URL is the first line on stdout, its faults are those ordered, __stats tells what it saw, and SIGTERM ends it', async ({
    createBench,
  }) => {
    const bench = await createBench();
    const args = [
      'sandbox',
      '--port',
      '0',
      '--api-key',
      'k',
      '--fault',
      '500-after=0.2',
      '--fault',
      'reset=0.1',
      '--missing',
      'C-1',
      '--seed',
      '7',
    ];
    const server = bench.start(args);
    await until('its URL', () => server.stdout().includes('\n'));
    const url = server.stdout().split('\n')[0] ?? '';
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    bench.write('notes.csv', CSV);
    // One at a time, so that the faults fall on the same requests each time: a lost answer for the missing contact would stay in doubt.
    const result = await bench.import(['notes.csv', '--concurrency', '1'], { env: { CALLERS_BASE_URL: url, CALLERS_API_KEY: 'k' } });
    const missing = NOTES.filter(({ contactId }) => contactId === 'C-1').length;
    expect(result.summary.counts.failures.notFound).toBe(missing);
    expect(result.summary.counts.failed).toBe(missing);
    const stats = (await (await fetch(`${url}/__stats`)).json()) as Record<string, number>;
    const there = NOTES.length - missing;
    expect(stats).toMatchObject({
      created: there,
      distinct: there,
      duplicates: 0,
      byStatus: { 201: there - result.summary.counts.recovered },
    });
    expect(result.summary.counts.recovered).toBeGreaterThan(0);
    server.kill('SIGTERM');
    expect((await server.ended).code).toBe(0);
  });
});

describe.concurrent('a closed stdout or stderr (`| head`) harms nothing', () => {
  for (const streams of [['stdout'], ['stderr'], ['stdout', 'stderr']] as const) {
    test(`${streams.join(' and ')} closed while it runs`, async ({ createBench }) => {
      const bench = await createBench({ latencyMs: 10 });
      bench.write('notes.csv', CSV);
      const run = bench.startImport(['notes.csv', '--log-level', 'trace']);
      await until('some memories', () => bench.sandbox.stats().created >= 5);
      for (const name of streams) run.child[name]?.destroy();
      expect((await run.ended).code).toBe(0);
      expectConverged(bench.sandbox, NOTES);
      const again = await bench.import(['notes.csv']);
      expect(again.summary.counts.alreadyImported).toBe(60);
      expect(successRows(bench.folder, again)).toHaveLength(60);
    });
  }
});

function planOf(stdout: string): Plan {
  // What the command prints is what these tests are about.
  return JSON.parse(stdout) as Plan;
}

function rowsOf(bench: Bench, path: string): unknown {
  return readReport(`${bench.folder}/${path}`)
    .map((row) => JSON.stringify({ ...row, attempts: undefined }))
    .sort();
}

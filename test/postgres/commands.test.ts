import { afterAll, beforeAll, describe, expect } from 'vitest';
import { test } from '../support/bench.js';
import { createDatabase, POSTGRES, type TestDatabase } from '../support/databases.js';
import { csvOf, makeNotes } from '../support/notes.js';
import { startPooler } from '../support/transaction-pooler.js';

describe.skipIf(POSTGRES === null)('the commands, with a ledger in Postgres', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());

  test('work as with a file, and none of them tells the password', async ({ createBench }) => {
    const bench = await createBench({ missing: ['C-1'] });
    bench.write('notes.csv', csvOf(makeNotes({ count: 40, contacts: 8 })));
    const env = { MEMORY_IMPORT_LEDGER: database.url.replace('postgres@', 'postgres:pa55word@') };
    const said: string[] = [];
    const run = async (...args: string[]) => {
      const result = await bench.run(args, { env });
      said.push(result.stdout, result.stderr);
      return result;
    };

    expect((await run('doctor')).stdout).toMatch(/can be reached, and has no ledger yet: the first import creates it/);
    expect(JSON.parse((await run('plan', 'notes.csv', '--json')).stdout)).toMatchObject({ ledger: { exists: false } });
    const imported = await bench.import(['notes.csv'], { env });
    expect(imported.code, imported.stderr).toBe(1);
    const { runId, counts } = imported.summary;
    const toCreate = { rows: 40, toCreate: counts.failed, alreadyImported: counts.created };
    expect(JSON.parse((await run('plan', 'notes.csv', '--json')).stdout).counts).toMatchObject(toCreate);
    expect((await run('doctor')).stdout).toMatch(/can be reached, and knows 1 run; 0 under way/);
    expect(JSON.parse((await run('runs', '--json')).stdout)).toMatchObject({
      runs: [{ runId, status: 'completed_with_failures', counts }],
    });
    const failures = bench.read(`.memory-import/runs/${runId}/failures.csv`);
    expect((await run('report', runId)).code).toBe(0);
    expect(bench.read(`.memory-import/runs/${runId}/failures.csv`).split('\n').length).toBe(failures.split('\n').length);
    expect((await run('verify', runId, '--json')).code).toBe(0);
    const exported = await run('ledger', 'export');
    // The header, what was created, and the one row of the missing contact that was asked for.
    expect(exported.stdout.trim().split('\n')).toHaveLength(1 + counts.created + 1);
    expect((await run('ledger', 'rebuild', `.memory-import/runs/${runId}/success.csv`, '--json')).code).toBe(0);
    expect(await run('undo', runId, '--yes', '--json')).toMatchObject({ code: 0 });
    expect(bench.sandbox.memories().filter(({ status }) => status !== 'DELETED')).toEqual([]);
    expect((await run('runs', '--prune', '0ms', '--json')).code).toBe(0);
    for (const command of ['check', 'compact']) expect(await run('ledger', command)).toMatchObject({ code: 2, stdout: '' });
    expect(said.at(-1)).toMatch(/is in Postgres, and 'ledger compact' is for SQLite files/);

    const again = await bench.import(['notes.csv'], { env });
    expect(again.summary.counts).toMatchObject({ created: counts.created });
    said.push(imported.stderr, imported.stdout, again.stderr, again.stdout, ...bench.files().map(bench.read));
    const tables = await database.query(`SELECT record || coalesce(page, '') AS line FROM memory_import.run`);
    said.push(...tables.map(({ line }) => String(line)), JSON.stringify(await database.query('SELECT * FROM memory_import.owner')));
    expect(said.join('\n')).toContain('memory_import');
    for (const text of said) expect(text).not.toContain('pa55word');
  });

  test('an address that leads nowhere, or to a pooler of transactions, is exit 2, and nothing is sent', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', csvOf(makeNotes({ count: 3, contacts: 3 })));
    const pooler = await startPooler(new URL(database.url));
    try {
      const url = new URL(database.url);
      for (const [port, message] of [
        ['1', /can't be used: connect ECONNREFUSED/],
        [String(pooler.port), /transaction pooling/],
      ] as const) {
        url.port = port;
        const refused = await bench.run(['import', 'notes.csv', '--ledger', url.href]);
        expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(message) });
      }
      expect(bench.sandbox.stats().requests).toBe(0);
    } finally {
      await pooler.close();
    }
  });
});

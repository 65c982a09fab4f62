import { readFileSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { runId } from '../contract/ledger-store.js';
import { createPostgres } from '../contract/postgres-store.js';
import { test } from '../support/bench.js';
import { createDatabase, createRole, POSTGRES, type TestDatabase } from '../support/databases.js';
import { csvOf, makeNotes } from '../support/notes.js';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const VIEWS = ['failures', 'missing_contacts', 'notes', 'processes', 'runs'];

describe.skipIf(POSTGRES === null)('the ledger in Postgres, for people with SQL', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());

  const connect = async (url: string, whenOver: (clean: () => Promise<void>) => void) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    whenOver(() => client.end());
    return async (text: string) => (await client.query(text)).rows as Record<string, unknown>[];
  };

  test('a role that may only read the views finds all of a run there, no text of a note, and no table', async ({
    createBench,
    onTestFinished,
  }) => {
    await database.empty();
    const bench = await createBench({ missing: ['C-1', 'C-2'] });
    const notes = makeNotes({ count: 40, contacts: 8 });
    bench.write('notes.csv', `${csvOf(notes)}C-3,No text,\n`);
    const env = { MEMORY_IMPORT_LEDGER: database.url };
    const { summary } = await bench.import(['notes.csv'], { env });
    const { role, url } = await createRole(database, onTestFinished);
    for (const grant of grantsTo('auditor', role)) await database.query(grant);
    const query = await connect(url, onTestFinished);

    const { runId, counts, startedAt } = summary;
    const { created, failed } = counts;
    expect(await query('SELECT * FROM memory_import.runs')).toMatchObject([
      { run_id: runId, status: 'completed_with_failures', reason_code: null, rows: '41', created: String(created), failed: String(failed) },
    ]);
    expect(await query('SELECT inputs, started_at, took IS NOT NULL AS took FROM memory_import.runs')).toEqual([
      { inputs: ['notes.csv'], started_at: new Date(startedAt), took: true },
    ]);
    const rows = await query('SELECT * FROM memory_import.failures ORDER BY row');
    expect(rows).toHaveLength(failed);
    expect(rows.at(-1)).toEqual({
      run_id: runId,
      file: 'notes.csv',
      row: 41,
      class: 'invalid',
      status: null,
      message: expect.stringContaining('text'),
      attempts: 0,
    });
    expect(await query('SELECT contact_id, sub_org, notes FROM memory_import.missing_contacts ORDER BY 1')).toEqual([
      { contact_id: 'C-1', sub_org: null, notes: expect.stringMatching(/^[1-9]/) },
      { contact_id: 'C-2', sub_org: null, notes: expect.stringMatching(/^[1-9]/) },
    ]);
    expect(await query(`SELECT count(*)::integer AS notes FROM memory_import.notes WHERE state = 'created'`)).toEqual([{ notes: created }]);
    expect(await query('SELECT what, status FROM memory_import.processes')).toEqual([{ what: 'import notes.csv', status: 'ended' }]);

    const shown: unknown[] = [];
    for (const view of VIEWS) shown.push(await query(`SELECT * FROM memory_import.${view}`));
    const everything = JSON.stringify(shown);
    expect(everything).toContain('C-1');
    for (const { name, text } of notes) {
      expect(everything).not.toContain(JSON.stringify(text).slice(1, 20));
      expect(everything).not.toContain(`${name}"`);
    }
    expect(everything).not.toContain('sandbox-key');
    const found = await database.query(
      `SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'memory_import' ORDER BY 1`,
    );
    const named = (type: string) => found.filter(({ table_type }) => table_type === type).map(({ table_name }) => table_name);
    expect(named('VIEW')).toEqual(VIEWS);
    expect(named('BASE TABLE')).toContain('note');
    for (const table of named('BASE TABLE')) await expect(query(`SELECT FROM memory_import.${table}`)).rejects.toThrow(/permission denied/);

    const examples = [...readme.matchAll(/^SELECT[^;]*;/gm)].map(([example]) => example);
    expect(examples).toHaveLength(4);
    for (const example of examples) expect(await query(example), example).toBeInstanceOf(Array);

    // A contact that was made since isn't missing any more.
    const later = await createBench({ missing: ['C-2'] });
    later.write('notes.csv', bench.read('notes.csv'));
    await later.import(['notes.csv', '--same-account'], { env });
    expect(await query('SELECT contact_id FROM memory_import.missing_contacts')).toEqual([{ contact_id: 'C-2' }]);
  });

  test('a run is running while its process is heard of, killed when it is not, and one with odd text in its record hides no other', async ({
    onTestFinished,
  }) => {
    const store = await createPostgres(database);
    onTestFinished(() => store.destroy());
    const [going, odd] = [await store.open({ runId: 'run-a' }), await store.open({ runId: 'run-b' })];
    const record = { startedAt: new Date(0).toISOString(), finishedAt: null, inputs: [], options: {}, summary: null } as const;
    await going.saveRun({ ...record, runId: runId('run-a'), status: 'running', out: 'runs/run-a' });
    const statuses = async () =>
      (await database.query('SELECT status FROM memory_import.runs ORDER BY run_id')).map(({ status }) => status);
    // The other one never came to its folder: it couldn't start.
    expect(await statuses()).toEqual(['running']);
    const inputs = [{ path: 'a\0\ud800\\u0000.csv', bytes: null, sha256: null, lastRow: null }];
    await odd.saveRun({ ...record, runId: runId('run-b'), status: 'stopped', out: 'runs/run-b', inputs });
    expect(await statuses()).toEqual(['running', 'stopped']);
    expect(await database.query(`SELECT inputs FROM memory_import.runs WHERE run_id = 'run-b'`)).toEqual([
      { inputs: ['a\ufffd\ufffd\\ufffd.csv'] },
    ]);
    expect((await database.query('SELECT status FROM memory_import.processes')).map(({ status }) => status)).toEqual(['alive', 'alive']);
    await store.crash(odd);
    await database.query(`UPDATE memory_import.owner SET heartbeat = heartbeat - interval '1 minute'`);
    expect(await statuses()).toEqual(['killed', 'stopped']);
  });

  test('what the README grants is enough for the commands of an import, and less is not', async ({ createBench, onTestFinished }) => {
    await database.empty();
    const bench = await createBench({ missing: ['C-1'] });
    bench.write('notes.csv', csvOf(makeNotes({ count: 20, contacts: 5 })));
    // The owner's first start makes the tables.
    expect((await bench.import(['notes.csv', '--limit', '1'], { env: { MEMORY_IMPORT_LEDGER: database.url } })).code).toBeLessThan(2);
    const { role, url } = await createRole(database, onTestFinished);
    const run = (...args: string[]) => bench.run(args, { env: { MEMORY_IMPORT_LEDGER: url } });
    const lacking = [
      `say: GRANT USAGE ON SCHEMA memory_import TO ${role}; GRANT SELECT, INSERT, UPDATE ON memory_import.meta TO ${role}; GRANT`,
      `say: GRANT SELECT, INSERT, UPDATE ON memory_import.meta TO ${role}; GRANT`,
      `memory_import.worker TO ${role}; GRANT USAGE ON SEQUENCE memory_import.note_key TO ${role};\n`,
      `say: GRANT DELETE ON memory_import.failure TO ${role}; GRANT DELETE ON memory_import.undo_window TO ${role}; GRANT`,
    ];
    for (const [n, grant] of grantsTo('importer', role).entries()) {
      const refused = await run('import', 'notes.csv');
      expect([refused.code, refused.stdout, refused.stderr]).toEqual([2, '', expect.stringContaining(lacking[n] ?? 'a further grant')]);
      await database.query(grant);
    }
    const { code, summary, stderr } = await bench.import(['notes.csv'], { env: { MEMORY_IMPORT_LEDGER: url } });
    expect(code, stderr).toBe(1);
    expect(await run('verify', summary.runId)).toMatchObject({ code: 0 });
    expect(await run('report', summary.runId)).toMatchObject({ code: 0 });
    expect(await run('undo', summary.runId, '--yes')).toMatchObject({ code: 0 });
  });
});

/** What the README lets one do, for a role of the test. */
function grantsTo(reader: string, role: string): readonly string[] {
  return [...readme.matchAll(/^GRANT [^;]*;$/gm)]
    .map(([grant]) => grant)
    .flatMap((grant) => (grant.endsWith(` TO ${reader};`) ? [grant.replace(` TO ${reader};`, ` TO ${role}`)] : []));
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { openDatabase } from '../../src/ledger/database.js';
import { openLedger } from '../../src/ledger/sqlite.js';
import { fingerprint, runId } from '../contract/ledger-store.js';
import { type Bench, KEY, test } from '../support/bench.js';
import { until } from '../support/cli.js';
import { csvOf, makeNotes } from '../support/notes.js';
import { expectConverged, expectEachOnce } from '../support/promises.js';
import { readReport } from '../support/reports.js';

// Of so many contacts that a run with an empty ledger needn't wait for more of its input.
const NOTES = makeNotes({ count: 90, contacts: 40 });
const LEDGER = '.memory-import/ledger.db';

/** The ledger and what stands beside it, gone. */
function loseLedger({ folder }: Bench): void {
  for (const suffix of ['', '-wal', '-shm', '-lock']) rmSync(join(folder, LEDGER + suffix), { force: true });
}

describe.concurrent('a ledger that was lost', () => {
  test('is made again from the success.csv of its runs: the next import creates nothing, and the ledger is sound', async ({
    createBench,
  }) => {
    const bench = await createBench();
    bench.write('notes.csv', csvOf([...NOTES, NOTES[0]!]));
    const first = await bench.import(['notes.csv']);
    expect(first.summary.counts).toMatchObject({ created: 90, duplicate: 1 });
    loseLedger(bench);
    const success = first.summary.files.success ?? '';
    const rebuilt = await bench.run(['ledger', 'rebuild', success, '--json']);
    expect(rebuilt).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(rebuilt.stdout)).toMatchObject({ counts: { rows: 91, added: 90, known: 1, unreadable: 0 }, problems: [] });
    expect((await bench.run(['ledger', 'check'])).code).toBe(0);
    const next = await bench.import(['notes.csv']);
    expect(next.summary.counts).toMatchObject({ created: 0, alreadyImported: 90, duplicate: 1 });
    expectConverged(bench.sandbox, NOTES);
    expect((await bench.run(['runs'])).stdout).toContain(first.summary.runId);
    // What it says of the run's rows is what the run said of them.
    const before = readReport(join(bench.folder, success)).filter(({ status }) => status === 'created');
    rmSync(join(bench.folder, success));
    await bench.run(['report', first.summary.runId]);
    const after = readReport(join(bench.folder, success));
    const brief = (rows: readonly Record<string, string>[]) => rows.map(({ name: _, ...row }) => JSON.stringify(row)).sort();
    expect(brief(after)).toEqual(brief(before));
  });

  test('in part, behind a backup, is made whole by the success.csv files since; only what is missing is created', async ({
    createBench,
  }) => {
    const bench = await createBench();
    bench.write('some.csv', csvOf(NOTES.slice(0, 20)));
    await bench.import(['some.csv']);
    const backup = readFileSync(join(bench.folder, LEDGER));
    bench.write('more.csv', csvOf(NOTES.slice(0, 40)));
    const later = await bench.import(['more.csv', '--id-column', 'name']);
    // Another identity makes every note look new: only once for this test's sake.
    expect(later.summary.counts.created).toBe(40);
    loseLedger(bench);
    bench.write(LEDGER, backup);
    bench.write('success.csv.gz', gzipSync(bench.read(later.summary.files.success ?? '')));
    expect(await bench.run(['ledger', 'rebuild', 'success.csv.gz'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/added +40 /),
    });
    bench.write('notes.csv', csvOf(NOTES));
    const { counts } = (await bench.import(['notes.csv', '--id-column', 'name'])).summary;
    // What was sent isn't known any more, so nothing is called changed.
    expect(counts).toMatchObject({ created: 50, alreadyImported: 40, changed: 0 });
  });

  test('while a run was going on stops that run: nothing is lost, and nothing made twice', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', csvOf(NOTES));
    // It waits for more rows: only the loss ends it.
    const run = bench.startImport(['-'], { stdin: 'open' });
    run.child.stdin?.write(csvOf(NOTES.slice(0, 70)));
    await until('its memories', () => bench.sandbox.stats().created >= 20);
    loseLedger(bench);
    const { code, summary } = await run.ended;
    expect(code).toBe(3);
    expect(summary).toMatchObject({ status: 'stopped', reasonCode: 'ledger', continues: false });
    expect(summary.reason).toMatch(/was deleted .*ledger rebuild/);
    expect(summary.counts.created).toBe(bench.sandbox.stats().created);

    const success = summary.files.success ?? '';
    expect((await bench.run(['ledger', 'rebuild', success])).code).toBe(0);
    const next = await bench.import(['notes.csv']);
    expect(next.summary.counts).toMatchObject({ alreadyImported: summary.counts.created, created: 90 - summary.counts.created });
    expectConverged(bench.sandbox, NOTES);
  });

  test('is rebuilt with rows that cannot be read: they are told with their line, exit 1, the others are taken', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', csvOf(NOTES));
    const { summary } = await bench.import(['notes.csv']);
    loseLedger(bench);
    const success = summary.files.success ?? '';
    bench.write('torn.csv', bench.read(success).trimEnd().slice(0, -10));
    const result = await bench.run(['ledger', 'rebuild', 'torn.csv']);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/^torn\.csv, line \d+: fingerprint: expected 64 digits/);
    expect(result.stdout).toMatch(/added +89 .*\n +unreadable +1 /s);
    const wrong = await bench.run(['ledger', 'rebuild', 'notes.csv', success]);
    expect(wrong).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining("notes.csv isn't the success.csv of a run") });
    const keyless = await bench.run(['ledger', 'rebuild', success], { env: { CALLERS_API_KEY: '' } });
    expect(keyless).toMatchObject({ code: 2, stderr: expect.stringMatching(/^memory-import ledger rebuild can't start:\n {2}no API key/) });
  });
});

describe.concurrent('the ledger is cared for', () => {
  test('while a run holds it: check and export read it, compact and rebuild end with 4', async ({ createBench }) => {
    const bench = await createBench();
    const run = bench.startImport(['-'], { stdin: 'open' });
    run.child.stdin?.write(csvOf(NOTES));
    await until('its memories', () => bench.sandbox.stats().created >= 60);
    const check = await bench.run(['ledger', 'check', '--json']);
    expect(check).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(check.stdout)).toMatchObject({ sound: true, heldBy: { pid: run.child.pid }, findings: [] });
    expect((await bench.run(['ledger', 'check', '--quick'])).stdout).toMatch(/^The ledger is sound, as far as .*held by +process \d+ /s);
    expect((await bench.run(['ledger', 'export'])).stdout.split('\n').length).toBeGreaterThan(20);
    expect(await bench.run(['ledger', 'compact'])).toMatchObject({ code: 4, stdout: '', stderr: expect.stringContaining('(import -)') });
    bench.write('success.csv', 'row,contactId,subOrg,name,memoryId,status,createdAt,attempts,fingerprint\n');
    expect(await bench.run(['ledger', 'rebuild', 'success.csv'])).toMatchObject({ code: 4, stdout: '' });
    run.child.stdin?.end();
    expect((await run.ended).summary.counts.created).toBe(90);
    expectEachOnce(bench.sandbox, NOTES);
  });

  test('check: 0 sound, 1 with findings, 2 for what is no ledger or none of this version', async ({ createBench }) => {
    const bench = await createBench();
    expect(await bench.run(['ledger', 'check'])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('There is no ledger at'),
    });
    bench.write('notes.csv', csvOf(NOTES));
    await bench.import(['notes.csv']);
    const sound = await bench.run(['ledger', 'check']);
    expect(sound).toMatchObject({ code: 0, stderr: '' });
    expect(sound.stdout).toMatch(/notes +90: 90 created\n/);
    expect(sound.stdout + sound.stderr).not.toContain(KEY);

    const alter = (sql: string) => {
      const database = openDatabase(join(bench.folder, LEDGER), { readOnly: false, busyMs: 0 });
      database.exec(`${sql}; PRAGMA wal_checkpoint(TRUNCATE)`);
      database.close();
    };
    alter('DELETE FROM recent_by_fingerprint WHERE note_key = 3');
    const found = await bench.run(['ledger', 'check']);
    expect(found).toMatchObject({ code: 1, stdout: expect.stringMatching(/index doesn't lead .*ledger compact/s) });
    expect(await bench.run(['ledger', 'compact'])).toMatchObject({ code: 0, stdout: expect.stringContaining('90 notes, as before') });
    expect((await bench.run(['ledger', 'check'])).code).toBe(0);
    alter('PRAGMA user_version = 99');
    expect(await bench.run(['ledger', 'check'])).toMatchObject({ code: 2, stderr: expect.stringContaining('newer memory-import') });
    bench.write('no.db', 'no ledger at all, whatever its name is\n'.repeat(200));
    expect((await bench.run(['ledger', 'check', '--ledger', 'no.db'])).code).toBe(2);
    const theirs = openDatabase(join(bench.folder, 'theirs.db'), { readOnly: false, busyMs: 0 });
    theirs.exec('CREATE TABLE t (a)');
    theirs.close();
    for (const command of ['check', 'compact'])
      expect((await bench.run(['ledger', command, '--ledger', 'theirs.db'])).stderr, command).toContain('not a ledger of memory-import');
  });

  test('export has every note with its memory, safe in a spreadsheet; a file is made for its owner only and never overwritten', async ({
    createBench,
  }) => {
    const bench = await createBench();
    const notes = [...NOTES, { contactId: '=C-1', name: 'Secret name', text: 'Secret text' }];
    bench.write('notes.csv', csvOf(notes));
    await bench.import(['notes.csv']);
    const { code, stdout, stderr } = await bench.run(['ledger', 'export']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    bench.write('copy.csv', stdout);
    const rows = readReport(join(bench.folder, 'copy.csv'));
    expect(rows.flatMap(({ memoryId }) => memoryId || []).sort()).toEqual(
      bench.sandbox
        .memories()
        .map(({ id }) => id)
        .sort(),
    );
    expect(rows.find(({ row }) => row === '91')).toMatchObject({ contactId: "'=C-1" });
    expect(stdout).not.toContain('Secret');
    const toFile = await bench.run(['ledger', 'export', '--out', 'notes-known.csv']);
    expect(toFile).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('91 notes') });
    expect(bench.read('notes-known.csv')).toBe(stdout);
    expect(statSync(join(bench.folder, 'notes-known.csv')).mode & 0o777).toBe(0o600);
    expect(await bench.run(['ledger', 'export', '--out', 'notes-known.csv'])).toMatchObject({ code: 2, stdout: '' });
    expect(bench.read('notes-known.csv')).toBe(stdout);
  });
});

/** A ledger with so many notes, made as `ledger rebuild` makes it. */
async function largeLedger(path: string, count: number): Promise<void> {
  const target = { baseUrl: 'https://api.example.test/', apiKey: 'a key' };
  const ledger = openLedger({ path, runId: runId('20261123T030749Z-4f9a'), what: 'test', target, sameAccount: false, now: Date.now });
  for (let from = 0; from < count; from += 5000) {
    await ledger.remember(
      Array.from({ length: 5000 }, (_, i) => ({
        fingerprint: fingerprint(from + i),
        contactId: `contact ${(from + i) % 997}`,
        subOrg: null,
        row: String(from + i + 1),
        memoryId: `memory-${from + i}`,
        createdAt: null,
        attempts: 1,
        made: null,
      })),
    );
  }
  await ledger.close();
}

describe('a large ledger', () => {
  test('killed with -9 at any moment of compacting is whole; its export into a closed pipe harms nothing', async ({ createBench }) => {
    const bench = await createBench();
    const path = join(bench.folder, 'ledger.db');
    await largeLedger(path, 20_000);
    const args = ['--ledger', 'ledger.db'];
    const before = (await bench.run(['ledger', 'export', ...args])).stdout;
    expect(before.split('\n')).toHaveLength(20_002);
    const size = statSync(path).size;

    let killed = 0;
    // By how much of it stands in the log: the index, then the copy of everything.
    for (const share of [0.001, 0.1, 0.6]) {
      const compacting = bench.start(['ledger', 'compact', ...args]);
      const log = () => (existsSync(`${path}-wal`) ? statSync(`${path}-wal`).size : 0);
      await until('some of it', () => log() > size * share || compacting.child.exitCode !== null);
      compacting.kill('SIGKILL');
      if ((await compacting.ended).signal === 'SIGKILL') killed++;
      expect((await bench.run(['ledger', 'check', ...args])).stdout, `${share}`).toMatch(/^The ledger is sound\./);
    }
    expect(killed).toBeGreaterThan(0);
    expect((await bench.run(['ledger', 'compact', ...args])).code).toBe(0);
    expect((await bench.run(['ledger', 'export', ...args])).stdout).toBe(before);

    const exporting = bench.start(['ledger', 'export', ...args]);
    await once(exporting.child.stdout!, 'data');
    exporting.child.stdout!.destroy();
    expect(await exporting.ended).toMatchObject({ code: 0, stderr: '' });
  });
});

// Root may write everywhere: the command drops its rights, which only root can.
describe.skipIf(process.getuid?.() !== 0)('for a user who may not write', () => {
  test('a ledger in a folder that is read-only can be checked and exported, not compacted', async ({ createBench }) => {
    const bench = await createBench();
    const place = join(bench.folder, 'place');
    mkdirSync(place);
    bench.write('notes.csv', csvOf(NOTES.slice(0, 5)));
    await bench.import(['notes.csv']);
    renameSync(join(bench.folder, LEDGER), join(place, 'ledger #1?.db'));
    chownSync(join(place, 'ledger #1?.db'), 65_534, 65_534);
    chmodSync(place, 0o555);
    chmodSync(bench.folder, 0o755);
    const asNobody = async (command: string) => {
      const cli = join(import.meta.dirname, '../../dist/cli/main.js');
      const child = spawn(process.execPath, [cli, 'ledger', command, '--ledger', join(place, 'ledger #1?.db')], {
        uid: 65_534,
        gid: 65_534,
        cwd: '/',
        env: { PATH: process.env.PATH ?? '' },
      });
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
      const [code] = await once(child, 'close');
      return { code, said };
    };
    expect(await asNobody('check')).toMatchObject({ code: 0, said: expect.stringMatching(/sound.*5 created/s) });
    expect((await asNobody('export')).said.split('\n')).toHaveLength(7);
    expect(await asNobody('compact')).toMatchObject({ code: 2, said: expect.stringContaining("can't be written") });
    chmodSync(place, 0o755);
    writeFileSync(join(place, 'x'), ''); // the folder is the test's to remove
  });
});

import { rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { test } from '../support/bench.js';
import { csvOf, makeNotes } from '../support/notes.js';

const GOOD = csvOf(makeNotes({ count: 5, contacts: 3 }));
const INPUT = `${GOOD}C-1,Call,\n`;

describe.concurrent('report <run>', () => {
  test('writes the files of a run again, and names them on stdout', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', INPUT);
    const { summary } = await bench.import(['notes.csv']);
    const success = sortedLines(bench.read(summary.files.success ?? ''));
    const result = await bench.run(['report', summary.runId]);
    const { success: successPath, failures: failuresPath } = summary.files;
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout.split('\n')).toEqual(expect.arrayContaining([successPath, failuresPath]));
    // The run wrote its rows as they were settled; now they come in file order.
    expect(sortedLines(bench.read(successPath ?? ''))).toEqual(success);
    expect(bench.read(failuresPath ?? '')).toContain('text: empty, 1 to 5000 characters expected');
  });

  test('leaves a complete success.csv as it is where an input has changed, and writes a missing one without names', async ({
    createBench,
  }) => {
    const bench = await createBench();
    bench.write('notes.csv', INPUT);
    const { summary } = await bench.import(['notes.csv']);
    const before = statSync(join(bench.folder, 'notes.csv'));
    bench.write('notes.csv', `${INPUT}C-2,Call,One more\n`);
    const failures = bench.read(summary.files.failures ?? '');
    const successPath = summary.files.success ?? '';
    const success = bench.read(successPath);
    const result = await bench.run(['report', summary.runId]);
    expect(result.code).toBe(0);
    expect(result.stderr).toContain('failures.csv was not written: notes.csv has changed since.');
    expect(result.stderr).toContain(`${successPath} is there already`);
    expect(result.stdout).not.toContain('failures.csv');
    expect(result.stdout).not.toContain('success.csv');
    expect(bench.read(summary.files.failures ?? '')).toBe(failures);
    expect(bench.read(successPath)).toBe(success);

    // As long as before, and as old: only its hash tells.
    const input = join(bench.folder, 'notes.csv');
    bench.write('notes.csv', INPUT.replace('C-1,Call,\n', 'C-2,Call,\n'));
    utimesSync(input, before.atime, before.mtime);
    expect((await bench.run(['report', summary.runId])).stderr).toContain('failures.csv was not written: notes.csv has changed since.');
    rmSync(input);
    const without = await bench.run(['report', summary.runId]);
    expect(without).toMatchObject({ code: 0, stderr: expect.stringMatching(/failures\.csv was not written: .*notes\.csv/) });
    expect([bench.read(summary.files.failures ?? ''), bench.read(successPath)]).toEqual([failures, success]);

    // As a run leaves it that was killed before it had written a row.
    bench.write(successPath, '');
    expect((await bench.run(['report', summary.runId])).stdout).toContain(successPath);
    const again = bench.read(successPath).trimEnd().split('\n');
    expect(again.length).toBe(success.trimEnd().split('\n').length);
    expect(again[1]).toMatch(/^1,[^,]+,,,/);
  });

  test('gives each of several identical notes its own memory again, where the run created them all', async ({ createBench }) => {
    const bench = await createBench();
    const [first, second, ...rest] = makeNotes({ count: 4, contacts: 1 });
    bench.write('notes.csv', csvOf([first!, first!, second!, first!, ...rest]));
    // What an earlier run imported is the first of them.
    bench.write('first.csv', csvOf([first!]));
    await bench.import(['first.csv']);
    const { summary } = await bench.import(['notes.csv', '--duplicates', 'create', '--order', 'none']);
    expect(summary.counts).toMatchObject({ alreadyImported: 1, created: 5, duplicate: 0 });
    const successPath = summary.files.success ?? '';
    const success = sortedLines(bench.read(successPath));
    expect(await bench.run(['report', summary.runId])).toMatchObject({ code: 0, stderr: '' });
    expect(sortedLines(bench.read(successPath))).toEqual(success);
  });

  test('keeps the memory of an identical note with its row, where the one before was refused', async ({ createBench }) => {
    let posts = 0;
    const refusal = { status: 400, body: { status: 'error', message: 'no', data: [] } };
    const bench = await createBench({ answerWith: ({ method }) => (method === 'POST' && ++posts === 2 ? refusal : undefined) });
    const [note] = makeNotes({ count: 1, contacts: 1 });
    bench.write('notes.csv', csvOf([note!, note!, note!]));
    const { summary } = await bench.import(['notes.csv', '--duplicates', 'create']);
    expect(summary.counts).toMatchObject({ created: 2, failed: 1 });
    // The refused one is created by a later run: that is none of this run's reports' business.
    expect((await bench.import([summary.files.failures ?? '', '--duplicates', 'create'])).summary.counts).toMatchObject({ created: 1 });
    const paths = [summary.files.success ?? '', summary.files.failures ?? ''];
    const [success, failures] = paths.map((path) => sortedLines(bench.read(path)));
    expect(await bench.run(['report', summary.runId])).toMatchObject({ code: 0, stderr: '' });
    expect(sortedLines(bench.read(paths[0]!))).toEqual(success);
    // The ledger keeps no details; the occurrence is kept, so that the file can be imported again.
    expect(sortedLines(bench.read(paths[1]!))).toEqual(failures?.map((line) => line.replace(',no,[],', ',no,,')));
  });

  test("reads the inputs with the run's own options", async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', 'Who;What;No\nC-1;Coffee;1\nC-2;Tea;2\nC-3;Milk;3\n');
    const columns = ['--map', 'contactId=Who', '--map', 'text=What', '--set', 'name=Drinks', '--id-column', 'No', '--delimiter', ';'];
    const { summary } = await bench.import(['notes.csv', ...columns, '--sub-org', 'north', '--limit', '2']);
    expect(summary.counts).toMatchObject({ created: 2 });
    const successPath = summary.files.success ?? '';
    const success = sortedLines(bench.read(successPath));
    expect(await bench.run(['report', summary.runId, '--set', 'name=Drinks'])).toMatchObject({ code: 0, stderr: '' });
    expect(sortedLines(bench.read(successPath))).toEqual(success);
  });

  test('needs a constant name again for success.csv, which it otherwise leaves as it is; the rest is written', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', 'contactId\nC-1\nC-2\nC 3\n');
    const { summary } = await bench.import(['notes.csv', '--set', 'name=Drinks', '--set', 'text=Took tea']);
    expect(summary.counts).toMatchObject({ created: 2, failed: 1 });
    const { success = '', failures = '' } = summary.files;
    const [complete, failed] = [bench.read(success), bench.read(failures)];
    rmSync(join(bench.folder, failures));
    const without = await bench.run(['report', summary.runId]);
    expect(without.stderr).toContain(`report ${summary.runId} --set name=…`);
    expect(without.stderr).toContain(`${success} is there already, with names`);
    expect([bench.read(success), bench.read(failures)]).toEqual([complete, failed.replace(/,"\[\{.*?\}\]",/, ',,')]);

    const wrong = await bench.run(['report', summary.runId, '--set', 'name=Coffee!']);
    expect(wrong).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining("the run's own had 6 characters, this one has 7") });
    rmSync(join(bench.folder, success));
    await bench.run(['report', summary.runId]);
    expect(bench.read(success)).not.toContain('Drinks');
    expect(await bench.run(['report', summary.runId, '--set', 'name=Drinks'])).toMatchObject({ code: 0, stderr: '' });
    expect(sortedLines(bench.read(success))).toEqual(sortedLines(complete));
  });

  test('leaves failures.csv as it is where the ledger has forgotten the failed rows', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', INPUT);
    const { summary } = await bench.import(['notes.csv']);
    const { success = '', failures = '' } = summary.files;
    const failed = bench.read(failures);
    // Younger than the next command, which takes longer than that to begin.
    expect(await bench.run(['ledger', 'compact', '--drop-failures', '1ms'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 failed rows of old runs were forgotten'),
    });
    const result = await bench.run(['report', summary.runId]);
    expect(result).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('the ledger knows no failed rows of the run, or none any more'),
    });
    expect(result.stdout).toContain(success);
    expect(result.stdout).not.toContain('failures.csv');
    expect(bench.read(failures)).toBe(failed);
  });

  test('of a run that the ledger does not know is exit 2', async ({ createBench }) => {
    const bench = await createBench();
    const result = await bench.run(['report', '20261123T030749Z-4f9a']);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toContain("'memory-import runs' lists them");
  });
});

function sortedLines(text: string): readonly string[] {
  return text.split('\n').sort();
}

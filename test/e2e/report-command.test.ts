import { rmSync } from 'node:fs';
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

    rmSync(join(bench.folder, successPath));
    expect((await bench.run(['report', summary.runId])).stdout).toContain(successPath);
    const again = bench.read(successPath).trimEnd().split('\n');
    expect(again.length).toBe(success.trimEnd().split('\n').length);
    expect(again[1]).toMatch(/^1,[^,]+,,,/);
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

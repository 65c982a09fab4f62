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

  test('says on stderr what it could not write, and why', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', INPUT);
    const { summary } = await bench.import(['notes.csv']);
    bench.write('notes.csv', `${INPUT}C-2,Call,One more\n`);
    const failures = bench.read(summary.files.failures ?? '');
    const result = await bench.run(['report', summary.runId]);
    expect(result).toMatchObject({
      code: 0,
      stderr: 'failures.csv was not written, and success.csv has no names: notes.csv has changed since.\n',
    });
    expect(result.stdout).not.toContain('failures.csv');
    expect(bench.read(summary.files.failures ?? '')).toBe(failures);
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

import { describe, expect } from 'vitest';
import type { ScriptedAnswer, ScriptedRequest } from '../../src/sandbox/options.js';
import { type Bench, test } from '../support/bench.js';
import type { CliResult } from '../support/cli.js';
import { csvOf, csvText, makeNotes, type Note } from '../support/notes.js';
import { expectConservation, expectConverged } from '../support/promises.js';
import { failureRows } from '../support/reports.js';

const NOTES = makeNotes({ count: 60, contacts: 15 });
const NO_CONTACT = { status: 404, body: { status: 'error', message: 'Contact not found' } };
const REFUSED = { status: 400, body: { status: 'error', message: 'Not yet' } };

describe.concurrent('failures.csv goes straight back in', () => {
  test('once the contacts exist it creates exactly the failed rows, and after that the whole file is imported', async ({ createBench }) => {
    const { bench, mend } = await benchThatRefuses(createBench, ({ contactId }) =>
      contactId === 'C-1' || contactId === 'C-2' ? NO_CONTACT : undefined,
    );
    bench.write('notes.csv', csvOf(NOTES));
    const first = await bench.import(['notes.csv']);
    const missing = NOTES.filter(({ contactId }) => contactId === 'C-1' || contactId === 'C-2');
    expect(first.code).toBe(1);
    expect(first.summary.counts.failures.notFound).toBe(missing.length);

    mend();
    const before = bench.sandbox.stats().created;
    const again = await bench.import([failuresOf(first)]);
    expect(again.code).toBe(0);
    expectConservation(again.summary);
    expect(again.summary.counts).toMatchObject({ rows: missing.length, created: missing.length, alreadyImported: 0 });
    expect(bench.sandbox.stats().created).toBe(before + missing.length);
    expectConverged(bench.sandbox, NOTES);
    expect((await bench.import(['notes.csv'])).summary.counts).toMatchObject({ rows: 60, alreadyImported: 60, created: 0 });
  });

  test('no cell of it can become a formula, and every cell and header arrives byte for byte all the same', async ({ createBench }) => {
    const { bench, mend } = await benchThatRefuses(createBench, () => REFUSED);
    const texts = [
      '=1+1',
      '+49 30 1234',
      '-5',
      '@home',
      "'quoted'",
      "'=1",
      '\t=1',
      '  =HYPERLINK("http://x")',
      '\n=1',
      '＝1',
      'plain',
      '"=1"',
      "''",
      '\u200b=1',
    ];
    const notes = texts.map((text, i) => ({ contactId: 'C-1', name: `=Name ${i}`, text: `${text} ${i}` }));
    const header = ['contactId', 'name', 'text', '=owner', '', '', '@x'];
    const file = csvText([
      header,
      ...notes.map(({ contactId, name, text }, i) => [contactId, name, text, '=cmd()', '-1', '+1', `plain ${i}`]),
    ]);
    bench.write('notes.csv', file);
    const first = await bench.import(['notes.csv']);
    expect(first.summary.counts.failures.badRequest).toBe(notes.length);

    for (const row of failureRows(bench.folder, first)) {
      for (const cell of [...Object.keys(row), ...Object.values(row)]) expect(cell).not.toMatch(/^[\s\u200b]*[=+\-@＝]/u);
    }
    // Refused again: a failures file of a failures file is the same file.
    const second = await bench.import([failuresOf(first)]);
    expect(second.summary.counts.failures.badRequest).toBe(notes.length);
    expect(withoutOwnColumns(bench, second)).toEqual(withoutOwnColumns(bench, first));

    mend();
    expect((await bench.import([failuresOf(second)])).code).toBe(0);
    expectConverged(bench.sandbox, notes);
  });

  test('mended in a spreadsheet: a changed contact id is a new note, a changed text too, and nothing is created twice', async ({
    createBench,
  }) => {
    const bench = await createBench({ missing: ['C-1'] });
    const notes = [
      { contactId: 'C-1', name: 'One', text: 'first' },
      { contactId: 'C-2', name: 'Two', text: 'second' },
    ];
    bench.write('notes.csv', csvOf(notes));
    const first = await bench.import(['notes.csv']);
    bench.write('mended.csv', bench.read(failuresOf(first)).replace('C-1,', 'C-3,'));
    expect((await bench.import(['mended.csv'])).code).toBe(0);
    expectConverged(bench.sandbox, [{ ...notes[0]!, contactId: 'C-3' }, notes[1]!]);
  });

  test('--only takes only the classes it names, and counts only the rows taken', async ({ createBench }) => {
    const { bench, mend } = await benchThatRefuses(createBench, ({ contactId }) =>
      contactId === 'C-1' ? NO_CONTACT : contactId === 'C-2' ? REFUSED : undefined,
    );
    bench.write('notes.csv', csvOf(NOTES));
    const first = await bench.import(['notes.csv']);
    const { notFound, badRequest } = first.summary.counts.failures;
    expect(notFound).toBeGreaterThan(0);
    expect(badRequest).toBeGreaterThan(0);
    mend();
    const only = await bench.import([failuresOf(first), '--only', 'not_found']);
    expect(only.code).toBe(0);
    expect(only.summary.counts).toMatchObject({ rows: notFound, created: notFound });
    expect(bench.sandbox.memories().some(({ contactId }) => contactId === 'C-2')).toBe(false);
    expect((await bench.run(['import', 'notes.csv', '--only', 'not_found'])).code).toBe(2);
    expect((await bench.import(['notes.csv'])).code).toBe(0);
    expectConverged(bench.sandbox, NOTES);
  });

  test('with --duplicates create identical notes keep their number, and each is created once', async ({ createBench }) => {
    // The first of three is taken, the others are refused.
    const { bench, mend } = await benchThatRefuses(createBench, ({ repeat }) => (repeat > 0 ? REFUSED : undefined));
    const same: Note = { contactId: 'C-1', name: 'Call', text: 'Nobody there' };
    bench.write('notes.csv', csvOf([same, same, same]));
    const first = await bench.import(['notes.csv', '--duplicates', 'create']);
    expect(first.summary.counts).toMatchObject({ created: 1, failures: { badRequest: 2 } });
    mend();
    const again = await bench.import([failuresOf(first), '--duplicates', 'create']);
    expect(again.summary.counts).toMatchObject({ created: 2, alreadyImported: 0 });
    expect((await bench.import(['notes.csv', '--duplicates', 'create'])).summary.counts).toMatchObject({ created: 0, alreadyImported: 3 });
    expect(bench.sandbox.stats()).toMatchObject({ created: 3, distinct: 1 });
    expect(failureRows(bench.folder, first).map(({ _occurrence }) => _occurrence)).toEqual(['2', '3']);
  });

  test('a semicolon file in UTF-16 becomes a failures file that imports without an option', async ({ createBench }) => {
    const { bench, mend } = await benchThatRefuses(createBench, () => REFUSED);
    bench.write('notes.csv', Buffer.from(`\ufeff${csvOf(NOTES, ';')}`, 'utf16le'));
    const first = await bench.import(['notes.csv']);
    mend();
    expect((await bench.import([failuresOf(first)])).code).toBe(0);
    expectConverged(bench.sandbox, NOTES);
  });

  test('rows that failed open (held, server_error) go back in, in order', async ({ createBench }) => {
    const { bench, mend } = await benchThatRefuses(createBench, ({ contactId }) => (contactId === 'C-1' ? '500' : undefined));
    bench.write('notes.csv', csvOf(NOTES));
    const first = await bench.import(['notes.csv', '--retries', '0']);
    expect(first.summary.counts.failures).toMatchObject({ serverError: 1 });
    expect(first.summary.counts.failures.held).toBeGreaterThan(0);
    mend();
    expect((await bench.import([failuresOf(first)])).code).toBe(0);
    expectConverged(bench.sandbox, NOTES);
  });
});

type Refusal = (request: ScriptedRequest) => ScriptedAnswer | undefined;

/** A sandbox that refuses creates until it is mended. */
async function benchThatRefuses(
  createBench: (options: { answerWith: Refusal }) => Promise<Bench>,
  refuses: Refusal,
): Promise<{ bench: Bench; mend: () => void }> {
  let broken = true;
  const bench = await createBench({ answerWith: (request) => (broken && request.method === 'POST' ? refuses(request) : undefined) });
  return {
    bench,
    mend: () => {
      broken = false;
    },
  };
}

function failuresOf(result: CliResult): string {
  return result.summary.files.failures ?? 'no failures.csv';
}

/** What of a failures file is the input's. */
function withoutOwnColumns(bench: Bench, result: CliResult): unknown {
  return failureRows(bench.folder, result).map((row) =>
    Object.entries(row).filter(([name]) => !name.startsWith('_') || name === '_escaped'),
  );
}

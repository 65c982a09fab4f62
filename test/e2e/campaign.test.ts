import { expect } from 'vitest';
import { test } from '../support/bench.js';
import { csvText } from '../support/notes.js';
import { expectConservation } from '../support/promises.js';

const HEADER = ['Mobile phone', 'name', 'text', 'contactId'];
const ROWS = [
  ['+49 (30) 1234-567', 'Call 1', 'Likes tea', 'ignored'],
  ['+49 30 1234567', 'Call 2', 'Likes coffee, too', ''],
  ['tel:+1.555.010.0199', 'Call 1', 'Wants the quote', ''],
  ['call the office', 'Call 3', 'No number here', ''],
  ['+49301234567', 'Call 1', 'Likes tea', ''],
];
const IMPORT = ['notes.csv', '--campaign', 'cmp 7', '--reconcile-wait', '200ms'];

test('notes by campaign and phone number are each there exactly once, in order, verified and taken back', async ({ createBench }) => {
  const bench = await createBench();
  bench.write('notes.csv', csvText([HEADER, ...ROWS]));
  const first = await bench.import(IMPORT);
  expect(first.code).toBe(1);
  expect(first.summary.counts).toMatchObject({ rows: 5, created: 3, duplicate: 1, failures: { invalid: 1 } });
  expectConservation(first.summary);
  expect(bench.sandbox.memories().map(({ contactId, text }) => `${contactId} ${text}`)).toEqual(
    expect.arrayContaining(['phone-49301234567 Likes tea', 'phone-49301234567 Likes coffee, too', 'phone-15550100199 Wants the quote']),
  );
  expect(bench.read(first.summary.files.success!)).toContain('campaign:cmp%207/+49301234567');
  expect(bench.read(first.summary.files.failures!)).toMatch(/phoneNumber: 5 to 15 digits expected/);

  expect((await bench.import(IMPORT)).summary.counts).toMatchObject({ created: 0, alreadyImported: 3, duplicate: 1 });
  expect((await bench.run(['verify', first.summary.runId])).code).toBe(0);
  const undone = await bench.run(['undo', first.summary.runId, '--yes']);
  expect(undone.code, undone.stderr).toBe(0);
  expect(bench.sandbox.stats().created).toBe(0);
});

test('a lost answer is looked for by the contact that an earlier answer named; before there was one, the note stays in doubt', async ({
  createBench,
}) => {
  const bench = await createBench({
    answerWith: ({ method, text }) =>
      method === 'POST' && (text === 'Likes coffee, too' || text === 'never seen before') ? 'reset-after' : undefined,
  });
  bench.write('notes.csv', csvText([HEADER, ...ROWS.slice(0, 3)]));
  const first = await bench.import(IMPORT);
  expect(first.code, first.stderr).toBe(0);
  expect(first.summary.counts).toMatchObject({ created: 2, recovered: 1 });

  bench.write(
    'other.csv',
    csvText([HEADER, ['+4420123456', 'Call 1', 'never seen before', ''], ['+4420123456', 'Call 2', 'after it', '']]),
  );
  const other = await bench.import(['other.csv', ...IMPORT.slice(1)]);
  expect(other.summary.counts.failures).toMatchObject({ inDoubt: 1, held: 1 });
  expect(bench.read(other.summary.files.failures!)).toContain('it never said which contact has this phone number');
  expect(bench.sandbox.stats().duplicates).toBe(0);
});

test('what can’t go together with phone numbers is refused before anything is sent', async ({ createBench }) => {
  const bench = await createBench();
  bench.write('notes.csv', csvText([HEADER, ...ROWS]));
  const { code, stderr } = await bench.run(['import', ...IMPORT, '--adopt', '--map', 'contactId=contactId']);
  expect(code).toBe(2);
  expect(stderr).toContain('--adopt: it lists each contact by its id');
  expect(stderr).toContain('contactId: expected no --map');
  expect((await bench.run(['import', 'notes.csv', '--map', 'phoneNumber=Mobile phone'])).stderr).toContain('with --campaign <id> only');
  expect(bench.sandbox.stats().requests).toBe(0);
});

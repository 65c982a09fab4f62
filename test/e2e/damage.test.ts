import { describe, expect } from 'vitest';
import type { Plan } from '../../src/model-plan.js';
import { test } from '../support/bench.js';
import { csvOf, makeNotes } from '../support/notes.js';
import { failureRows } from '../support/reports.js';

const HEADER = 'contactId,name,text\n';
const DAMAGED = `sep=,
${HEADER}C-1,Rückruf,„Größe“ geprüft… alles gut
C-2,CafÃ©,Called
1.23457E+14,Call,Called
003d000000tm2iaaal,Call,Called
C-3,Call,Gr\ufffd\ufffde
\u00a0C-4\u200b,Call,Called
${HEADER}Grand Totals (7 records)
"Copyright (c) 2000-2026 salesforce.com, inc. All rights reserved.",,
`;
const CORRUPTING = ['mojibake', 'scientific-ids', 'salesforce-case', 'replacement-characters'];

describe.concurrent('damage', () => {
  test('in the first rows keeps an import from starting (exit 2), names row, column and what to do, and plan says the same', async ({
    createBench,
  }) => {
    const bench = await createBench();
    bench.write('notes.csv', DAMAGED);
    for (const input of [['notes.csv'], ['-']]) {
      const { code, stdout, stderr } = await bench.import(input, { stdin: DAMAGED });
      expect([code, stdout, bench.sandbox.requests(), bench.files()]).toEqual([2, '', [], ['notes.csv']]);
      expect(stderr).toContain('mojibake: row 2 (line 4), column "name"');
      expect(stderr).toContain('003d000000TM2IaAAL');
      expect(stderr).toContain(`--accept ${CORRUPTING.join(',')}`);
    }
    const planned = await bench.run(['plan', 'notes.csv', '--json']);
    const plan = JSON.parse(planned.stdout) as Plan;
    expect([planned.code, plan.refusedFor]).toEqual([2, CORRUPTING]);
    expect(
      plan.findings.map(({ finding, row, line, column, corrupting, count }) => [finding, row, line, column, corrupting, count]),
    ).toEqual([
      ['mojibake', '2', 4, 'name', true, 1],
      ['scientific-ids', '3', 5, 'contactId', true, 1],
      ['salesforce-case', '4', 6, 'contactId', true, 1],
      ['replacement-characters', '5', 7, 'text', true, 1],
      ['nbsp-ids', '6', 8, 'contactId', false, 1],
      ['second-header', '7', 9, null, false, 1],
      ['footer', '8', 10, null, false, 2],
      ['sep-line', null, 1, null, false, 1],
    ]);
    expect((await bench.run(['plan', 'notes.csv'])).stdout).toContain('Damage check\n  mojibake: row 2 (line 4)');
  });

  test('that is accepted is imported as it is; footers and headers that are accepted are left out', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', DAMAGED);
    bench.write('config.json', JSON.stringify({ accept: ['footer', 'second-header'] }));
    const accept = ['--accept', 'mojibake, salesforce-case', '--accept', 'replacement-characters'];
    // An option wins over the config file.
    const told = await bench.import(['notes.csv', ...accept, '--accept', 'scientific-ids', '--config', 'config.json']);
    expect([told.code, told.summary.counts.failures.malformed, told.summary.counts.created]).toEqual([1, 3, 6]);
    expect(failureRows(bench.folder, told).map(({ _row, _class }) => [_row, _class])).toEqual(
      ['7', '8', '9'].map((row) => [row, 'malformed']),
    );
    expect(told.stderr).toContain('nbsp-ids');
    expect(bench.sandbox.memories().map(({ contactId }) => contactId)).toContain('C-4');

    const again = await bench.import(['notes.csv', ...accept, '--accept', 'scientific-ids,footer,second-header']);
    expect([again.summary.counts.filtered, again.summary.counts.failures.malformed]).toEqual([3, 0]);
    // The rewritten reports know what was accepted.
    const success = bench.read(again.summary.files.success!);
    expect((await bench.run(['report', again.summary.runId])).code).toBe(0);
    expect(bench.read(again.summary.files.success!)).toBe(success);
  });

  test('further down makes a row invalid, and the others are imported', async ({ createBench }) => {
    const bench = await createBench();
    const notes = makeNotes({ count: 1100, contacts: 100 });
    bench.write('notes.csv', `${csvOf(notes)}C-1,Late,CafÃ©\nC-1,Last,Called\n`);
    const result = await bench.import(['notes.csv', '--limit', '1102']);
    expect([result.code, result.summary.counts.created]).toEqual([1, 1101]);
    expect(failureRows(bench.folder, result)).toEqual([
      expect.objectContaining({
        _row: '1101',
        _class: 'invalid',
        _message: expect.stringMatching(/^text: mojibake at position 4: .*--accept mojibake$/),
        _details: '[{"field":"text","rule":"mojibake","measure":4}]',
      }),
    ]);
  });

  test('a field that swallowed rows is named with row and column, and not sent; accepted it is one note', async ({ createBench }) => {
    const bench = await createBench();
    const swallowing = 'c-17,Call,"never closed\nc-18,Visit,plain\nc-19,Size,pipe of 5"\n';
    bench.write('notes.csv', `${HEADER}c-16,Call,fine\n${swallowing}c-20,Call,fine too\n`);
    const planned = JSON.parse((await bench.run(['plan', 'notes.csv', '--json'])).stdout) as Plan;
    expect([planned.refusedFor, planned.findings.map(({ finding, row, line, column }) => [finding, row, line, column])]).toEqual([
      [],
      [['swallowed-rows', '2', 3, 'text']],
    ]);
    const told = await bench.import(['notes.csv']);
    expect([told.code, told.summary.counts.failures.malformed, told.stderr.includes('swallowed-rows: row 2 (line 3), column')]).toEqual([
      1,
      1,
      true,
    ]);
    expect(bench.read(told.summary.files.malformed!)).toBe(`${HEADER}${swallowing}`);
    expect(bench.sandbox.memories().map(({ contactId }) => contactId)).toEqual(['c-16', 'c-20']);

    expect((await bench.import(['notes.csv', '--accept', 'swallowed-rows'])).code).toBe(0);
    expect(bench.sandbox.memories().at(-1)).toMatchObject({ contactId: 'c-17', text: swallowing.slice(11, -2) });
  });

  const ids = (numbers: readonly string[]) => HEADER + numbers.map((id, i) => `${id},Call ${i},Called\n`).join('');
  const tellable = ['00017', '00235', '01234', '10000', '23456', '34567', '45678'];
  for (const [what, numbers, code] of [
    ['ids without their zeros, among padded ones', [...tellable, '89'], 2],
    ['ids that are all padded', tellable, 0],
    ['numbers of any length', ['1', '22', '333', '4444', '55555'], 0],
    ['numbers with a few zeros of other widths', ['007', '0012', '01', '5', '123456', '99'], 0],
  ] as const) {
    test(`${what}: exit ${code}`, async ({ createBench }) => {
      const bench = await createBench();
      bench.write('notes.csv', ids(numbers));
      const result = await bench.run(['plan', 'notes.csv', '--json']);
      const plan = JSON.parse(result.stdout) as Plan;
      expect([result.code, plan.refusedFor]).toEqual([code, code === 2 ? ['lost-leading-zeros'] : []]);
    });
  }

  test('an unknown finding is refused, with the names that there are', async ({ createBench }) => {
    const bench = await createBench();
    const { code, stderr } = await bench.run(['plan', 'notes.csv', '--accept', 'mojibak']);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/--accept: expected findings .*scientific-ids.*did you mean mojibake\?/)]);
  });
});

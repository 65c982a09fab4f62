import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { csvHeader, csvRows } from '../../../src/report/csv.js';
import { guardCellAs, guardRow } from '../../../src/report/guard.js';

describe('an apostrophe is put before what a spreadsheet would save in another form', () => {
  test.each(['007', '00', '1.50', '1.0', '.5', '5.', '1E5', '1.5e-3', '003E5', '1,500', ' 007', '1234567890123456', '0.10', '１２'])(
    '%s',
    (cell) => {
      expect([guardCellAs(cell, 'formulas'), guardCellAs(cell, 'numbers'), guardCellAs(cell, 'values')]).toEqual([
        cell,
        `'${cell}`,
        `'${cell}`,
      ]);
    },
  );

  test.each([
    ...[
      '2026-11-23',
      '11/23/2026',
      '23.11.2026 10:30',
      '10:30',
      '10:30 PM',
      '1/2',
      '1-2',
      'Jan 5',
      '5 Jan 2026',
      '5. März',
      'MARCH1',
      'Sept-2',
    ],
    ...['TRUE', 'false', 'WAHR', '50%', '$5', '€ 5', '5 €', '(5)', '1.5', '123456789012', "1'000", '2026-11-23T10:00:00Z'],
  ])('%s: where it is for Excel', (cell) => {
    expect(guardCellAs(cell, 'values')).toBe(`'${cell}`);
  });

  test.each([
    '',
    '0',
    '7',
    '42',
    '12345678901',
    'C-007',
    'Call 1.50',
    '1 call',
    '3 apples',
    'a',
    'March was fine',
    'true story',
    '00Q5e00000abc',
    '🙂',
    '.',
    ', ',
  ])('%j is left alone', (cell) => {
    expect(guardCellAs(cell, 'values')).toBe(cell);
  });

  test('always one, and nothing else is changed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('numbers' as const, 'values' as const), (cell, guard) => {
        const { cells, escaped } = guardRow([cell], ['text'], guard);
        expect([cell, `'${cell}`]).toContain(cells[0]);
        expect(escaped).toBe(cells[0] === cell ? '' : '["text"]');
      }),
    );
  });
});

test('for Excel: a byte order mark, CRLF, and quotes around every line end in a cell', () => {
  expect(csvHeader(['a', 'b\nc'], true)).toBe('\ufeffa,"b\nc"\r\n');
  expect(
    csvRows(
      [
        ['1\n2', 'x\ry'],
        ['\r\n', 'z'],
      ],
      true,
    ),
  ).toBe('"1\n2","x\ry"\r\n"\r\n",z\r\n');
});

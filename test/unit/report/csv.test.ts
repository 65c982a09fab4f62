import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { csvHeader, csvRows } from '../../../src/report/csv.js';

const cell = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', ' ', ';', 'ö', '\ufeff', '='), maxLength: 4 });
const rows = fc
  .integer({ min: 1, max: 4 })
  .chain((columns) => fc.array(fc.array(cell, { minLength: columns, maxLength: columns }), { minLength: 1 }));

describe('a report file as CSV', () => {
  test.each([false, true])('any cells come back as they were (for Excel: %s)', (excel) => {
    fc.assert(
      fc.property(rows, (written) => {
        const [header = []] = written;
        const text = csvHeader(header, excel) + csvRows(written, excel);
        expect(parse(text, { bom: excel, record_delimiter: ['\r\n', '\n', '\r'] })).toEqual([header, ...written]);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['nothing', ['a', '', 'b c'], 'a,,b c\n'],
    ['a comma', ['a,b'], '"a,b"\n'],
    ['a quote', ['5" pipe'], '"5"" pipe"\n'],
    ['a line end of any kind', ['a\rb', 'a\nb'], '"a\rb","a\nb"\n'],
    ['nothing in the only cell, which would be a blank line', [''], '""\n'],
  ])('quotes for %s', (_, cells, text) => {
    expect(csvRows([cells])).toBe(text);
  });

  test('a byte order mark in the first column of the header is not taken for the file’s own', () => {
    expect(csvHeader(['\ufeffid', ''])).toBe('"\ufeffid",""\n');
    expect(csvHeader(['id'], true)).toBe('\ufeffid\r\n');
  });
});

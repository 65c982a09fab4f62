import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapedNames, guardCell, guardRow } from '../../../src/report/guard.js';

describe('the formula guard', () => {
  test.each(['=1+1', '+49 30 1', '-5', '@SUM(A1)', '\t1', '\r1', '\n1', '＝1', '＋1', '－1', '＠a', "'quoted", '−1', '﹦1'])(
    'puts an apostrophe before %j',
    (cell) => {
      expect(guardCell(cell)).toBe(`'${cell}`);
    },
  );

  test.each(['  =1+1', '\ufeff=1', '\u200b=1', '\u00a0@a', '\u0000=1', ' \u3000＝1'])('sees the formula behind blanks in %j', (cell) => {
    expect(guardCell(cell)).toBe(`'${cell}`);
  });

  test.each(['', ' ', 'a=1', '5-3', '"=1"', 'Müller', '電話', '🙂 -', " 'a"])('leaves %j alone', (cell) => {
    expect(guardCell(cell)).toBe(cell);
  });

  test('a guarded cell is no formula any more, and one apostrophe less is the cell itself', () => {
    const lead = fc.constantFrom('=', '+', '-', '@', '\t', '\r', '\n', "'", ' ', 'x', '＝', '\ufeff', '');
    fc.assert(
      fc.property(lead, fc.string({ unit: 'binary' }), (first, rest) => {
        const cell = first + rest;
        const guarded = guardCell(cell);
        if (guarded !== cell) expect(guarded).toBe(`'${cell}`);
        expect(guarded).not.toMatch(/^[\s\ufeff\u200b]*[=+\-@＝＋－＠]/u);
        // Otherwise the undo couldn't tell a guard from the cell's own apostrophe.
        if (guarded === cell) expect(guarded.startsWith("'")).toBe(false);
      }),
    );
  });
});

describe('_escaped', () => {
  test('names the guarded columns, and by number those whose names are empty, repeated or begin with #', () => {
    const names = escapedNames(['contactId', 'text', '', 'note', 'note', '#5']);
    expect(names).toEqual(['contactId', 'text', '#3', '#4', '#5', '#6']);
    expect(guardRow(['c', '=1', '-', 'fine', '@x', "'"], names)).toEqual({
      cells: ['c', "'=1", "'-", 'fine', "'@x", "''"],
      escaped: '["text","#3","#5","#6"]',
    });
  });

  test('is empty where nothing was guarded', () => {
    const cells = ['a', 'b'];
    expect(guardRow(cells, ['x', 'y'])).toEqual({ cells, escaped: '' });
  });
});

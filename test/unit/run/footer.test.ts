import { describe, expect, it } from 'vitest';
import type { SourceRow } from '../../../src/model.js';
import { createFooterTest } from '../../../src/run/footer.js';

const input = { index: 0, path: 'x.csv', header: ['a', 'b'], delimiter: ',', encoding: 'windows-1252', isFailuresFile: false };
const at = { input, row: 1, line: 2 };
const malformed = (raw: string): SourceRow => ({ kind: 'malformed', ...at, message: '1 column', raw: Buffer.from(raw, 'latin1') });
const record = (...cells: string[]): SourceRow => ({ kind: 'record', ...at, cells, bytes: 1, occurrence: null, target: 0 });

describe('createFooterTest', () => {
  it('knows no footer where none is named', () => {
    expect(createFooterTest([])(malformed('"Copyright"\n'))).toBe(false);
  });

  it.each<[SourceRow, boolean]>([
    [malformed('"Copyright (c) Example"\n'), true],
    [malformed('COPYRIGHT (c) Example'), true],
    [malformed('"\u00dcbersicht"\r\n'), true],
    [malformed('"Other"\n'), false],
    [record('Copyright (c)', ''), true],
    [record('Copyright (c)', 'a note'), false],
    [malformed('Copyright, of three, cells\n'), false],
    [malformed('"Copyright that is "broken\n'), false],
    [malformed(`"Copyright ${'x'.repeat(3000)}"\n`), false],
  ])('of lines that begin so: %#', (row, isFooter) => {
    expect(createFooterTest(['copyright', '\u00dcber'])(row)).toBe(isFooter);
  });

  it('takes each line of one cell for one, where that is said', () => {
    const isFooter = createFooterTest(['*']);
    expect([malformed('"My report"\n'), malformed('a,b,c\n'), record('x', 'y')].map(isFooter)).toEqual([true, false, false]);
  });
});

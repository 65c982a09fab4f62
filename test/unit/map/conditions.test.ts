import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/errors.js';
import { hasNeededColumns, matchColumns } from '../../../src/map/columns.js';
import { createRowFilter } from '../../../src/map/filter.js';
import { resolveOptions } from '../../../src/options.js';
import { readDate } from '../../../src/read-date.js';

const HEADER = ['contactId', 'name', 'text', 'Is Deleted', 'Parent Module', 'Created'];

/** The rows that are taken, by the cells of `Is Deleted`, `Parent Module` and `Created`. */
function taken(options: { filter?: readonly string[] | Record<string, string>; since?: string }, rows: readonly (readonly string[])[]) {
  const { filter, since } = resolveOptions(options, {}, { key: false, inputs: false });
  const { rows: found } = matchColumns({ header: HEADER, path: 'n.csv', map: {}, set: {}, idColumn: null, filter, since });
  const isTaken = createRowFilter(found);
  return { taken: rows.filter((cells) => isTaken(['C-1', 'n', 't', ...cells])), undated: isTaken.undated() };
}

describe('--filter', () => {
  it('takes rows with that value, whatever its case, its spaces and its Unicode form', () => {
    const rows = [['false'], ['FALSE'], [' False\u00a0'], ['true'], [''], ['0']];
    expect(taken({ filter: ['Is Deleted=false'] }, rows).taken).toEqual([['false'], ['FALSE'], [' False\u00a0']]);
    expect(taken({ filter: ['is_deleted!= FALSE '] }, rows).taken).toEqual([['true'], [''], ['0']]);
    expect(taken({ filter: ['Is Deleted=Ä'] }, [['a\u0308']]).taken).toHaveLength(1);
  });

  it('compares with nothing too, and takes a row only if every condition holds', () => {
    const rows = [
      ['', 'Contacts'],
      ['', 'Deals'],
      ['1', 'Contacts'],
    ];
    expect(taken({ filter: ['Is Deleted='] }, rows).taken).toHaveLength(2);
    expect(taken({ filter: ['Is Deleted!='] }, rows).taken).toEqual([['1', 'Contacts']]);
    expect(taken({ filter: ['Is Deleted=', 'Parent Module!=Deals'] }, rows).taken).toEqual([['', 'Contacts']]);
    expect(taken({ filter: { 'Is Deleted': '', 'Parent Module': 'contacts' } }, rows).taken).toEqual([['', 'Contacts']]);
  });

  it('may hold any sign in its value', () => {
    expect(taken({ filter: ['Parent Module=a=b!=c'] }, [['', 'a=b!=c']]).taken).toHaveLength(1);
  });

  it.each(['Deleted', '=x', '', ' =x', 7])('is refused where it says no column: %j', (filter) => {
    expect(() => resolveOptions({ filter: [filter] as string[] }, {}, { key: false, inputs: false })).toThrow(
      '--filter: expected column=value or column!=value',
    );
  });

  it('names a column that isn’t there, and the one that is near, and finds no delimiter without it', () => {
    const options = { map: {}, set: {}, idColumn: null, filter: [{ column: 'Is Deletd', isNot: false, value: '0' }] };
    expect(hasNeededColumns(HEADER, options)).toBe(false);
    expect(() => matchColumns({ header: HEADER, path: 'n.csv', ...options })).toThrow(UserError);
    expect(() => matchColumns({ header: HEADER, path: 'n.csv', ...options })).toThrow(
      '--filter "Is Deletd" names a column that isn\'t there; did you mean --filter "Is Deleted"?',
    );
    const twice = [...HEADER, 'is_deletd', 'IsDeletd'];
    expect(() => matchColumns({ header: twice, path: 'n.csv', ...options })).toThrow('"is_deletd" and "IsDeletd" could all be meant');
  });
});

describe('--since', () => {
  const dates = (since: string, cells: readonly string[]) => {
    const found = taken(
      { since: `Created=${since}` },
      cells.map((cell) => ['', '', cell]),
    );
    return { taken: found.taken.map(([, , cell]) => cell), undated: found.undated };
  };

  it('takes rows of that date and later ones, in every way an export writes a date', () => {
    const later = [
      ...['2026-11-20', '2026-11-20 00:00', '2026-11-20T00:00:00Z', '2026-11-20T02:30:00+02:30', '2026-11-20T00:00:00.000+0000'],
      ...['2027-01-01 1:05', '1795200000', '1795200000000', '2026-11-20 10:00:00 UTC', '  2026-11-21  ', '2026-11-20 23:59:59.999999'],
    ];
    const earlier = ['2026-11-19', '2026-11-19 23:59:59', '2026-11-19T23:59:59.999Z', '1600000000', '1600000000000', '1999-12-31'];
    expect(dates('2026-11-20', [...later, ...earlier])).toEqual({ taken: later, undated: 0 });
  });

  it('takes a row whose date can’t be read, and counts it', () => {
    const odd = ['', '20/11/2026', '11/20/2026 3:04 PM', 'yesterday', '2026-02-30', '2026-13-01', '2026-11-19 24:61', '20261119'];
    expect(dates('2026-11-20', [...odd, '2026-11-19'])).toEqual({ taken: odd, undated: odd.length });
  });

  it('given without a zone takes what is on or after it on either clock, and with a zone by the moment', () => {
    // The evening before in UTC, the day itself where it was written; and the other way round.
    expect(dates('2026-11-20', ['2026-11-20T00:30:00+02:00', '2026-11-19T22:00:00-05:00', '2026-11-19T22:00:00+00:00']).taken).toEqual([
      '2026-11-20T00:30:00+02:00',
      '2026-11-19T22:00:00-05:00',
    ]);
    expect(dates('2026-11-20T00:00Z', ['2026-11-20T00:30:00+02:00', '2026-11-20T00:00:00Z', '2026-11-20']).taken).toEqual([
      '2026-11-20T00:00:00Z',
      '2026-11-20',
    ]);
  });

  it('given as a duration counts back from now', () => {
    const ago = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();
    const [recent, old] = [ago(47), ago(49)];
    expect(dates('2d', [recent, old]).taken).toEqual([recent]);
  });

  it.each(['Created', 'Created=', 'Created=20/11/2026', '=2026-11-20', 'Created=tomorrow'])(
    'is refused where it can’t be understood: %j',
    (since) => {
      expect(() => resolveOptions({ since }, {}, { key: false, inputs: false })).toThrow('--since: expected column=date');
    },
  );
});

describe('a date', () => {
  it('without a time is its whole day, without a zone UTC', () => {
    expect(readDate('2026-11-20')).toEqual({
      earliestMs: Date.UTC(2026, 10, 20),
      latestMs: Date.UTC(2026, 10, 21) - 1,
      writtenMs: Date.UTC(2026, 10, 21) - 1,
      hasZone: false,
    });
    expect(readDate('2026-11-20 08:09')?.latestMs).toBe(Date.UTC(2026, 10, 20, 8, 9));
    expect(readDate('2026-11-20T08:09:10.5-01:30')?.latestMs).toBe(Date.UTC(2026, 10, 20, 9, 39, 10, 500));
  });
});

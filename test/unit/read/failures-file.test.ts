import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../../src/errors.js';
import { brief, messages, readAll } from './read-all.js';

const ADDED = '_row,_class,_status,_message,_details,_attempts,_fingerprint,_occurrence,_escaped';
const added = (failureClass: string, occurrence = '1', escaped = '[]') =>
  `7,${failureClass},400,"no, really",{},1,abc,${occurrence},"${escaped.replaceAll('"', '""')}"`;

describe('a failures file', () => {
  test('is an input: its own columns are taken out, guards undone, the occurrence kept', async () => {
    const { csv, rows } = await readAll(
      `contactId,name,text,${ADDED}\nc1,'=1+1,'quoted,${added('bad_request', '2', '["name"]')}\nc2,''x,b,${added('held', '', '["name"]')}\n`,
    );
    expect(csv.source).toMatchObject({ isFailuresFile: true, header: ['contactId', 'name', 'text'] });
    expect(brief(rows)).toEqual([
      [1, 2, ['c1', '=1+1', "'quoted"]],
      [2, 3, ['c2', "'x", 'b']],
    ]);
    expect(rows.map((row) => row.kind === 'record' && row.occurrence)).toEqual([2, null]);
  });

  test('may have had its columns moved and its line ends changed by a spreadsheet', async () => {
    const { csv, rows } = await readAll(
      '_escaped;_class;name;_row;_status;_message;contactId;_details;_attempts;_fingerprint;_occurrence\r\n"[""name""]";held;\'-5;1;;;c1;;;;3\r\n',
    );
    expect(csv.source).toMatchObject({ isFailuresFile: true, header: ['name', 'contactId'] });
    expect(rows).toMatchObject([{ cells: ['-5', 'c1'], occurrence: 3 }]);
  });

  test('of a failures file: the last column of each name is the one that was added', async () => {
    const { csv, rows } = await readAll(`contactId,name,_class,${ADDED}\nc1,a,mine,${added('held')}\n`);
    expect(csv.source.header).toEqual(['contactId', 'name', '_class']);
    expect(brief(rows)).toEqual([[1, 2, ['c1', 'a', 'mine']]]);
  });

  test('columns of the same, an empty or a # name are named by their position; header guards are undone', async () => {
    const { csv, rows } = await readAll(
      `contactId,a,a,,#1,'=x,'b,${ADDED}\nc1,'1,'2,'3,'4,'5,'6,${added('held', '1', '["#3","#4","#5","=x"]')}\n`,
    );
    expect(csv.source.header).toEqual(['contactId', 'a', 'a', '', '#1', '=x', 'b']);
    expect(brief(rows)).toEqual([[1, 2, ['c1', "'1", '2', '3', '4', '5', "'6"]]]);
  });

  test('a guard that somebody took away by hand is not taken away again', async () => {
    expect(brief((await readAll(`contactId,name,${ADDED}\nc1,=x,${added('held', '1', '["name"]')}\n`)).rows)).toEqual([
      [1, 2, ['c1', '=x']],
    ]);
  });

  test.each(['nonsense', '{"name":1}', '[1]'])('an _escaped cell that was changed makes the row malformed: %s', async (cell) => {
    const { rows } = await readAll(`contactId,name,${ADDED}\nc1,'a,${added('held', '1', cell)}\nc2,a,${added('held')}\n`);
    expect(rows.map(({ kind, row }) => [kind, row])).toEqual([
      ['malformed', 1],
      ['record', 2],
    ]);
    expect(messages(rows)[0]).toMatch(/the cell in the column _escaped was changed/);
  });

  test('a guarded column that is gone needs no undoing, one that was renamed is told, and the row is not read wrongly', async () => {
    const gone = await readAll(
      `contactId,name,${ADDED}\nc1,a,${added('held', '1', '["phone"]')}\nc1,'=b,${added('held', '1', '["phone","name"]')}\n`,
    );
    expect(gone.rows.map((row) => row.kind === 'record' && row.cells)).toEqual([
      ['c1', 'a'],
      ['c1', '=b'],
    ]);
    const renamed = await readAll(`contactId,title,${ADDED}\nc1,'=a,${added('held', '1', '["name"]')}\nc2,b,${added('held')}\n`);
    expect(renamed.rows.map(({ kind }) => kind)).toEqual(['malformed', 'record']);
    expect(messages(renamed.rows)[0]).toContain('names the column "name", which is gone or was renamed');
  });

  test('rows that stand for records that could not be read are left out, unless somebody filled them in', async () => {
    const { rows } = await readAll(
      `contactId,name,${ADDED}\n,,${added('malformed')}\nc1,a,${added('held')}\nc2,b,${added('malformed')}\n,,${added('invalid')}\n`,
    );
    expect(brief(rows)).toEqual([
      [1, 3, ['c1', 'a']],
      [2, 4, ['c2', 'b']],
      [3, 5, ['', '']],
    ]);
  });

  test('--only takes rows of its classes; the numbers stay those of the records in the file', async () => {
    const content = `contactId,name,${ADDED}\nc1,a,${added('held')}\nc2,b,${added('network')}\nc3,c,${added('invalid')}\nc4,d,${added('network')}\n`;
    expect(brief((await readAll(content, { only: ['network', 'malformed'] })).rows)).toEqual([
      [2, 3, ['c2', 'b']],
      [4, 5, ['c4', 'd']],
    ]);
  });

  test('--only for something else is refused', async () => {
    await expect(readAll('contactId,name\nc1,a\n', { only: ['held'] })).rejects.toThrow(UserError);
  });

  test('without the columns that only inform it is one still, also where a spreadsheet changed case and spaces', async () => {
    const { csv, rows } = await readAll(`contactId,name,_Class, _occurrence ,_ESCAPED\nc1,'=a,held,1,"[""name""]"\n`);
    expect(csv.source).toMatchObject({ isFailuresFile: true, header: ['contactId', 'name'] });
    expect(rows.map((row) => row.kind === 'record' && row.cells)).toEqual([['c1', '=a']]);
  });

  test.each(['_class', '_occurrence', '_escaped'])(
    'without %s it is refused: its rows could not be made the original ones again',
    async (name) => {
      const header = ADDED.split(',').filter((column) => column !== name);
      await expect(readAll(`contactId,name,${header.join(',')}\n`)).rejects.toThrow(`its column ${name} is gone`);
    },
  );

  test('any text comes back through guard and quoting, in any column', async () => {
    const guardable = /^[=+\-@\t\r\n＝＋－＠']/;
    const quote = (cell: string) => `"${cell.replaceAll('"', '""')}"`;
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('=', "'", '"', ',', '\r', '\n', '@', '＋', 'x') }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 5 }), async (records) => {
        const lines = records.map((cells) => {
          const escaped = ['name', '#3'].filter((_, i) => guardable.test(cells[i]!));
          const guarded = cells.map((cell) => quote(guardable.test(cell) ? `'${cell}` : cell));
          return `c1,${guarded.join(',')},1,held,,,,,,1,${quote(JSON.stringify(escaped))}\r\n`;
        });
        const { rows } = await readAll(`contactId,name,,${ADDED}\r\n${lines.join('')}`);
        expect(rows.map((row) => row.kind === 'record' && row.cells.slice(1))).toEqual(records);
      }),
      { numRuns: 200 },
    );
  }, 60_000);
});

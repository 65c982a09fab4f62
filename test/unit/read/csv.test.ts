import { describe, expect, test } from 'vitest';
import { StoppedError, UserError } from '../../../src/errors.js';
import { brief, messages, needsContactId, readAll } from './read-all.js';

const HEADER = 'contactId,name,text\n';

describe('delimiter', () => {
  test.each([
    ['comma', ','],
    ['semicolon', ';'],
    ['tab', '\t'],
    ['pipe', '|'],
  ])('a %s is found from the header', async (_, delimiter) => {
    const { csv, rows } = await readAll(`contactId,name,text\nc1,a,b\n`.replaceAll(',', delimiter));
    expect(csv.source.delimiter).toBe(delimiter);
    expect(brief(rows)).toEqual([[1, 2, ['c1', 'a', 'b']]]);
  });

  test('is the one under which the header is accepted, although another would give more columns', async () => {
    const { csv } = await readAll('contactId;"a,b,c,d";text\nc1;x;y\n');
    expect(csv.source).toMatchObject({ delimiter: ';', header: ['contactId', 'a,b,c,d', 'text'] });
  });

  test('may be any one character, also one of several bytes', async () => {
    const { rows } = await readAll('contactId¦name\nc1¦a,b\nc2¦x"y\nc3¦d\n', { delimiter: '¦' });
    expect(brief(rows)).toEqual([
      [1, 2, ['c1', 'a,b']],
      [2, 3, 'malformed', Buffer.from('c2¦x"y\n').toString('latin1')],
      [3, 4, ['c3', 'd']],
    ]);
  });

  test('a quote as delimiter is refused', async () => {
    await expect(readAll(HEADER, { delimiter: '"' })).rejects.toThrow(UserError);
  });

  test('a header that is not accepted is refused with the columns of the most plausible delimiter', async () => {
    await expect(readAll('id;titel;notiz\n1;a;b\n')).rejects.toThrow('seen: "id", "titel", "notiz"');
  });
});

test('each row says whether it is ASCII: then nobody needs to look for damage that ASCII cannot have', async () => {
  const header = `${HEADER.trim()},_row,_class,_status,_message,_details,_attempts,_fingerprint,_occurrence,_escaped\n`;
  for (const [begin, end] of [
    [HEADER, ''],
    [header, ',1,invalid,,,,1,,,'],
  ] as const) {
    const { rows } = await readAll(`${begin}c1,a,b${end}\nc1,é,b${end}\n`);
    expect(rows).toMatchObject([{ isAscii: true }, { isAscii: false }]);
  }
});

describe('header', () => {
  test('alone is fine: no rows', async () => {
    for (const content of ['contactId,name', 'contactId,name\n', '\ufeffcontactId,name\r\n']) {
      const { csv, rows, error } = await readAll(content);
      expect([csv.source.header, rows, error]).toEqual([['contactId', 'name'], [], null]);
    }
  });

  test('duplicate and empty names are passed through', async () => {
    expect((await readAll('contactId,name,name,\nc1,a,b,c\n')).csv.source.header).toEqual(['contactId', 'name', 'name', '']);
  });

  test('its raw bytes go without the byte order mark and blank lines, with the line end', async () => {
    const raw = async (content: Uint8Array) => Buffer.from((await readAll(content)).csv.rawHeader);
    expect(await raw(Buffer.from('\ufeff\n  \n"contactId",name\r\nc1,a\n'))).toEqual(Buffer.from('"contactId",name\r\n'));
    expect(await raw(Buffer.from('\ufeff\ncontactId,name\r\nc1,a\n', 'utf16le'))).toEqual(Buffer.from('contactId,name\r\n', 'utf16le'));
  });

  test('may hold a line break in quotes: the lines below count on', async () => {
    expect(brief((await readAll('\n"contactId","na\nme"\nc1,a\n')).rows)).toEqual([[1, 4, ['c1', 'a']]]);
  });

  test.each([
    ['an unclosed quote', 'contactId,"name\nc1,a\n', "can't be read|lacks a needed column"],
    ['bytes of another encoding', Buffer.from('contactId,pr\xe9nom\nc1,a\n', 'latin1'), '--encoding windows-1252'],
    ['nothing but blank lines', `${'\n'.repeat(10000)}  \n`, 'the file is empty'],
    ['no line end within 1 MiB', 'x'.repeat(1200000), 'longer than 1 MiB'],
  ])('%s is refused', async (_, content, message) => {
    await expect(readAll(content)).rejects.toThrow(new RegExp(message));
    await expect(readAll(content)).rejects.toThrow(UserError);
  });
});

describe('lines', () => {
  test('LF, CRLF, CR and mixtures end rows; line breaks in quotes are kept and count; blank lines count as lines only', async () => {
    const { rows } = await readAll('contactId,name,text\r\nc1,a,b\rc2,"x\r\ny\rz\n",w\n\r\n   \n\nc3,d,e\r\n\r\rc4,f,g');
    expect(brief(rows)).toEqual([
      [1, 2, ['c1', 'a', 'b']],
      [2, 3, ['c2', 'x\r\ny\rz\n', 'w']],
      [3, 10, ['c3', 'd', 'e']],
      [4, 13, ['c4', 'f', 'g']],
    ]);
  });

  test('a row knows its bytes', async () => {
    const { rows } = await readAll(`${HEADER}\n\nc1,ä,b\r\n`);
    expect(rows[0]).toMatchObject({ bytes: Buffer.byteLength('c1,ä,b\r\n'), occurrence: null });
  });

  test('cells are kept as they are: spaces, control characters, doubled quotes', async () => {
    expect(brief((await readAll(`${HEADER}c1, a\0\t,"say ""hi"""\n`)).rows)).toEqual([[1, 2, ['c1', ' a\0\t', 'say "hi"']]]);
  });
});

describe('a record that cannot be read', () => {
  test('has the wrong number of columns: malformed, with the line where it starts; the rest is read', async () => {
    const { rows } = await readAll(`${HEADER}c1,"a\nb",c\nc2,"x\n\ny"\nc3,a,b,c\nc4\nc5,a,b\n`);
    expect(brief(rows)).toEqual([
      [1, 2, ['c1', 'a\nb', 'c']],
      [2, 4, 'malformed', 'c2,"x\n\ny"\n'],
      [3, 7, 'malformed', 'c3,a,b,c\n'],
      [4, 8, 'malformed', 'c4\n'],
      [5, 9, ['c5', 'a', 'b']],
    ]);
    expect(messages(rows)).toEqual([
      '2 columns, expected 3 as in the header',
      '4 columns, expected 3 as in the header',
      '1 column, expected 3 as in the header',
    ]);
  });

  test('closes a quote in the wrong place: malformed, and reading goes on at the next line', async () => {
    const { rows, error } = await readAll(`${HEADER}c1,a,b\nc2,"say "no", please",b\nc3,"ok, ok",b\nc4,"x" y,z\r\nc5,a,b\n`);
    expect(error).toBeNull();
    expect(brief(rows)).toEqual([
      [1, 2, ['c1', 'a', 'b']],
      [2, 3, 'malformed', 'c2,"say "no", please",b\n'],
      [3, 4, ['c3', 'ok, ok', 'b']],
      [4, 5, 'malformed', 'c4,"x" y,z\r\n'],
      [5, 6, ['c5', 'a', 'b']],
    ]);
    expect(messages(rows)[0]).toMatch(/a quote closes column "name" in the wrong place/);
    expect(messages(rows).join()).not.toContain('please');
  });

  test('has a quote inside a cell that does not begin with one: malformed, an inch mark opens nothing', async () => {
    const { rows, error } = await readAll(`${HEADER}c1,5" pipe,b\nc2,a,b\n`);
    expect([brief(rows), error]).toEqual([
      [
        [1, 2, 'malformed', 'c1,5" pipe,b\n'],
        [2, 3, ['c2', 'a', 'b']],
      ],
      null,
    ]);
    expect(messages(rows)[0]).toMatch(/a quote stands inside column "name", which doesn't begin with one/);
  });

  test('a line of a note is never taken for a row: up to even quotes all is one malformed record', async () => {
    const note = 'c2,x,"say "no" and\nc9,evil,row\nbye"\n';
    const apart = 'c3,x,"she said "no, thanks" and\nc9,evil,row\nleft"\n';
    const spaced = 'c4,x, "a note\nc9,evil,row\nof three lines"\n';
    const { rows, error } = await readAll(`${HEADER}c1,a,b\n${note}${apart}${spaced}c5,a,b\n`);
    expect(error).toBeNull();
    expect(brief(rows)).toEqual([
      [1, 2, ['c1', 'a', 'b']],
      [2, 3, 'malformed', note],
      [3, 6, 'malformed', apart],
      [4, 9, 'malformed', spaced],
      [5, 12, ['c5', 'a', 'b']],
    ]);
  });

  test('many in a row are one each', async () => {
    const { rows } = await readAll(`${HEADER}${'c1,"x"y,z\nc2,a,b\n'.repeat(300)}`);
    expect(rows.map(({ kind }) => kind)).toEqual(Array.from({ length: 300 }, () => ['malformed', 'record']).flat());
    expect(rows.at(-1)).toMatchObject({ row: 600, line: 601 });
  });

  test('holds bytes that are not valid in the encoding: malformed with the column and a hint, its own bytes kept', async () => {
    const { rows } = await readAll(Buffer.from(`${HEADER}c1,a,b\nc2,caf\xe9,b\nc3,a,b\n`, 'latin1'));
    expect(brief(rows)).toEqual([
      [1, 2, ['c1', 'a', 'b']],
      [2, 3, 'malformed', 'c2,caf\xe9,b\n'],
      [3, 4, ['c3', 'a', 'b']],
    ]);
    expect(messages(rows)[0]).toBe(
      `bytes that aren't valid utf-8 in column "name"; if the file was saved in another encoding, name it with --encoding windows-1252, for instance`,
    );
  });

  test('U+FFFD that stands in the file is text like any other', async () => {
    expect(brief((await readAll(`${HEADER}c1,\ufffd,b\n`)).rows)).toEqual([[1, 2, ['c1', '\ufffd', 'b']]]);
  });
});

describe('an unclosed quote', () => {
  test('stops the run after the rows before it, with the line where it opened', async () => {
    const { rows, error } = await readAll(`${HEADER}c1,a,b\nc2,a,"x\ny"\nc3,"a\nb","open\nc4,a,b\nc5,a,b\n`);
    expect(brief(rows)).toEqual([
      [1, 2, ['c1', 'a', 'b']],
      [2, 3, ['c2', 'a', 'x\ny']],
    ]);
    expect(error).toBeInstanceOf(StoppedError);
    expect(error).toMatchObject({ reasonCode: 'unclosed_quote', continues: false });
    expect(String(error)).toContain('-: row 3 (line 5): the quote that opens at line 6 in column "text" is never closed');
  });

  test('is found early by the bound, wherever the chunks end', async () => {
    const content = `${HEADER}c1,a,b\nc2,a,"open\n${'c3,a,b\n'.repeat(50000)}`;
    for (const chunkBytes of [1000, 4096, 400000]) {
      const { rows, error, input } = await readAll(content, { maxRecordBytes: 10000, chunkBytes });
      expect(brief(rows)).toEqual([[1, 2, ['c1', 'a', 'b']]]);
      expect(String(error)).toContain('row 2 (line 3): the quote that opens at line 3 in column "text" isn\'t closed within 10000 bytes');
      expect(input.bytesRead()).toBeLessThan(100000);
    }
  });

  test('that stays odd behind a broken record stops too: nothing behind it is a row', async () => {
    const { rows, error } = await readAll(`${HEADER}c1,a,b\nc2,a,"12" screen"\nc3,a,b\nc4,a,b\n`);
    expect(brief(rows)).toEqual([[1, 2, ['c1', 'a', 'b']]]);
    expect(String(error)).toContain('opens at line 3');
  });

  test('a record beyond the bound without a quote stops as well', async () => {
    const { rows, error } = await readAll(`${HEADER}c1,a,b\nc2,a,${'x'.repeat(5000)}\nc3,a,b\n`, { maxRecordBytes: 4000 });
    expect(rows).toHaveLength(1);
    expect(error).toMatchObject({
      reasonCode: 'unclosed_quote',
      message: expect.stringContaining('row 2, which starts at line 3, is longer than 4000 bytes'),
    });
  });
});

describe('rows that a quote swallowed', () => {
  test.each([
    ['ids with a letter', 'c-17,Call,"never closed\nc-18,Visit,plain\nc-19,Size,pipe of 5"\n'],
    ['numbers', '4711,Call,"never closed\n4712,Size,pipe of 5"\n'],
    ['Salesforce ids', '003Qw00000AbCdEFGH,Call,"never, closed\n003Qw00000XyZabcde,Size,pipe of 5"\n'],
  ])('%s: malformed with a message of its own', async (_, swallowing) => {
    const { rows } = await readAll(`${HEADER}${swallowing}${swallowing.split(',')[0]},a,b\n`);
    expect(brief(rows)[0]).toEqual([1, 2, 'malformed', swallowing]);
    expect(messages(rows)[0]).toMatch(/seems to close by accident . lines? below/);
    expect(rows[1]).toMatchObject({ kind: 'record', line: 1 + swallowing.split('\n').length });
  });

  test.each([
    ['commas on every line', 'c1,Call,"Dear Ann,\nthanks, a lot, really\nsee you, bye, Bob"\n'],
    ['a list of dates', '2024-01-05,Call,"2024-01-06, called, no answer\n2024-01-07, called, busy"\n'],
    ['a numbered list', '4711,Call,"Agenda\n1, intro, Ann\n2, demo, Bob"\n'],
    ['one line like a row among others', 'c1,Call,"see below\nc2, as said, fine\nthat is all"\n'],
    ['ids of another kind', 'c1,Call,"see\nA-2024-1, open, 5 pieces\nA-2024-2, open, 6 pieces"\n'],
  ])('an ordinary note is left alone: %s', async (_, note) => {
    expect((await readAll(`${HEADER}${note}`)).rows.map(({ kind }) => kind)).toEqual(['record']);
  });
});

test('rows are pulled: a batch at a time, the input no further than needed', async () => {
  const { batches, rows } = await readAll(`${HEADER}${'c1,a,b\n'.repeat(100000)}`);
  expect(rows).toHaveLength(100000);
  expect(batches.length).toBeGreaterThan(9);
});

test('an accepting caller sees the header once for each delimiter, never a row', async () => {
  const seen: (readonly string[])[] = [];
  await readAll('contactId;name\nc1;a\n', { accepts: (header) => seen.push(header) > 0 && needsContactId(header) });
  expect(seen).toEqual([['contactId;name'], ['contactId', 'name']]);
});

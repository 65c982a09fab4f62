import { createHash } from 'node:crypto';
import { appendFile, chmod, mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { StoppedError, UserError } from '../../../src/errors.js';
import { readCsv } from '../../../src/read/csv.js';
import { openInput } from '../../../src/read/open.js';
import { brief, needsContactId, readAll, readFileRows } from './read-all.js';

const CSV = 'contactId,name,text\nc1,a,b\nc2,ä,"c\nd"\n';
const ROWS = [
  [1, 2, ['c1', 'a', 'b']],
  [2, 3, ['c2', 'ä', 'c\nd']],
];
const MANY = `contactId,name,text\n${Array.from({ length: 20000 }, (_, i) => `c${i},note ${i},text ${Math.sin(i)}\n`).join('')}`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'read-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

describe('a file', () => {
  test('is read with its size, the bytes read so far and its hash', async () => {
    const { rows, input } = await readFileRows(await file('plain.csv', CSV));
    expect(brief(rows)).toEqual(ROWS);
    expect([input.totalBytes, input.bytesRead()]).toEqual([Buffer.byteLength(CSV), Buffer.byteLength(CSV)]);
    expect(input.sha256()).toBe(createHash('sha256').update(CSV).digest('hex'));
  });

  test('has no hash before it was read whole', async () => {
    const input = await openInput({ path: await file('long.csv', MANY), encoding: null });
    await input.read();
    expect([input.sha256(), input.bytesRead()]).toEqual([null, 64 * 1024]);
    await input.close();
  });

  test('that is missing, a folder, or may not be read is refused by name', async () => {
    await mkdir(join(folder, 'folder.csv'));
    await expect(openInput({ path: join(folder, 'missing.csv'), encoding: null })).rejects.toThrow(/missing\.csv: there is no such file/);
    await expect(openInput({ path: join(folder, 'folder.csv'), encoding: null })).rejects.toThrow(/folder\.csv: is a folder/);
    await expect(openInput({ path: `${await file('f', CSV)}/x.csv`, encoding: null })).rejects.toThrow(UserError);
    const locked = await file('locked.csv', CSV);
    await chmod(locked, 0);
    if (process.getuid?.() !== 0) await expect(openInput({ path: locked, encoding: null })).rejects.toThrow(/permission denied/);
  });

  test.each([
    ['no bytes', ''],
    ['a byte order mark only', '\ufeff'],
    ['blank lines only', '\ufeff\r\n\n  \n'],
  ])('of %s is refused as empty', async (_, content) => {
    await expect(readFileRows(await file('empty.csv', content))).rejects.toThrow(/empty\.csv: the file is empty/);
    await expect(readAll(content)).rejects.toThrow(UserError);
  });

  test.each([
    ['xlsx', 'PK\x03\x04\x14\0\x06\0', /spreadsheet.*CSV UTF-8/],
    ['xls', '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0', /old Office file.*CSV UTF-8/],
    ['pdf', '%PDF-1.7\n', /is a PDF/],
    ['xz', '\xfd7zXZ\0\0', /unxz/],
    ['utf-32', '\xff\xfe\0\0c\0\0\0', /UTF-32/],
    ['a database', 'SQLite format 3\0\x10\0', /not a text file/],
    ['a picture', `\x89PNG\r\n\x1a\n${'\0\x01\x02IHDR\xff'.repeat(50)}`, /not a text file/],
    ['utf-16le without BOM', Buffer.from(CSV, 'utf16le').toString('latin1'), /--encoding utf-16le/],
    ['utf-16be without BOM', Buffer.from(CSV, 'utf16le').swap16().toString('latin1'), /--encoding utf-16be/],
  ])('that is %s is refused with a word on what to do, gzipped or not', async (_, latin, message) => {
    const bytes = Buffer.from(latin, 'latin1');
    await expect(readFileRows(await file('foreign', bytes))).rejects.toThrow(message);
    await expect(readAll(gzipSync(bytes))).rejects.toThrow(message);
    await expect(readAll(bytes)).rejects.toThrow(UserError);
  });

  test('of notes with control characters is text all the same', async () => {
    expect((await readAll('contactId,name\nc1,\0\x01\x02\x03\x04\x05\x06\n')).rows).toHaveLength(1);
    expect((await readAll(Buffer.from('contactId,name\nc1,\0\n\xff,\xe9\n', 'latin1'))).rows).toHaveLength(2);
  });
});

describe('a change while it is read', () => {
  async function startReading(path: string) {
    const input = await openInput({ path, encoding: null });
    const csv = await readCsv({ input, index: 0, delimiter: null, accepts: needsContactId });
    const batches = csv.rows()[Symbol.asyncIterator]();
    const first = await batches.next();
    return { input, first: first.value!.length, rest: () => collect(batches) };
  }
  async function collect(batches: AsyncIterator<readonly unknown[]>): Promise<{ rows: number; error: unknown }> {
    let rows = 0;
    try {
      for (let next = await batches.next(); next.done !== true; next = await batches.next()) rows += next.value.length;
      return { rows, error: null };
    } catch (error) {
      return { rows, error };
    }
  }

  test.each([
    ['it grew', (path: string) => appendFile(path, 'c,late,row\n')],
    ['it was cut', (path: string) => writeFile(path, MANY.slice(0, 200000))],
    ['it was written to, with the same size', (path: string) => utimes(path, 1, 1)],
  ])('stops the run: %s', async (_, change) => {
    const path = await file('changing.csv', MANY);
    const reading = await startReading(path);
    await change(path);
    const { error } = await reading.rest();
    await reading.input.close();
    expect(error).toBeInstanceOf(StoppedError);
    expect(error).toMatchObject({
      reasonCode: 'input_changed',
      continues: false,
      message: expect.stringContaining(`${path}: the file changed`),
    });
  });

  test('holds back a last record without its line end: it may be half of one', async () => {
    for (const [end, expected] of [
      ['', 19999],
      ['\n', 20000],
    ] as const) {
      const path = await file('half.csv', MANY.trimEnd() + end);
      const reading = await startReading(path);
      await utimes(path, 1, 1);
      const { rows, error } = await reading.rest();
      await reading.input.close();
      expect([reading.first + rows, error instanceof StoppedError]).toEqual([expected, true]);
    }
  });

  test('nothing changed: a last record without its line end is a row', async () => {
    expect((await readFileRows(await file('whole.csv', MANY.trimEnd()))).rows).toHaveLength(20000);
  });
});

describe('gzip', () => {
  test.each(['notes.csv.gz', 'notes.csv'])('is told by its first bytes: %s', async (name) => {
    const packed = gzipSync(MANY);
    const { rows, input, error } = await readFileRows(await file(name, packed));
    expect([rows.length, error, input.bytesRead(), input.totalBytes]).toEqual([20000, null, packed.length, packed.length]);
    expect(input.sha256()).toBe(createHash('sha256').update(packed).digest('hex'));
  });

  test('a name that ends in .gz means nothing', async () => {
    expect(brief((await readFileRows(await file('plain.csv.gz', CSV))).rows)).toEqual(ROWS);
  });

  test('on standard input, in single bytes, in several members', async () => {
    const members = Buffer.concat([gzipSync(CSV), gzipSync('c3,e,f\n'), Buffer.alloc(512)]);
    const { rows, error } = await readAll(members, { chunkBytes: 1 });
    expect([brief(rows), error]).toEqual([[...ROWS, [3, 5, ['c3', 'e', 'f']]], null]);
  });

  test('cut off: the rows before it are given, then the run stops', async () => {
    const { rows, error } = await readAll(gzipSync(MANY).subarray(0, 150000));
    expect(rows.length).toBeGreaterThan(1000);
    expect(rows.every((row, i) => row.kind === 'record' && row.cells[0] === `c${i}`)).toBe(true);
    expect(error).toMatchObject({ reasonCode: 'input_changed', continues: false, message: expect.stringContaining('ends too early') });
  });

  test('cut off in a small file too; a half row is not given', async () => {
    const packed = gzipSync(CSV, { level: 0 });
    const { rows, error } = await readAll(packed.subarray(0, packed.length - 8 - 4));
    expect(brief(rows)).toEqual([ROWS[0]]);
    expect(error).toBeInstanceOf(StoppedError);
  });

  test('cut off before the header is no input at all', async () => {
    await expect(readAll(gzipSync(CSV).subarray(0, 12))).rejects.toThrow(UserError);
  });

  test('damaged, or with something behind it: the run stops', async () => {
    const damaged = gzipSync(MANY);
    damaged[damaged.length - 6]! ^= 1;
    expect((await readAll(damaged)).error).toMatchObject({ reasonCode: 'input_changed', message: expect.stringContaining('damaged') });
    const { rows, error } = await readAll(Buffer.concat([gzipSync(MANY), Buffer.from('c3,e,f\n')]));
    expect(rows.length).toBeGreaterThan(10000);
    expect(error).toMatchObject({ message: expect.stringContaining('damaged') });
    const padded = await readAll(Buffer.concat([gzipSync(CSV), Buffer.alloc(100000), Buffer.from('c3,e,f\n')]));
    expect(brief(padded.rows)).toEqual(ROWS);
    expect(padded.error).toMatchObject({ message: expect.stringContaining('not gzip follows') });
  });

  test('inside gzip is refused', async () => {
    await expect(readAll(gzipSync(gzipSync(CSV)))).rejects.toThrow(/gzip inside gzip/);
  });

  test('that expands beyond what notes can is refused before it takes memory or hours', async () => {
    const bomb = gzipSync(Buffer.concat([Buffer.from(CSV), Buffer.alloc(64 * 1024 * 1024, '\n')]), { level: 9 });
    const { rows, error, input } = await readAll(bomb);
    expect(brief(rows)).toEqual(ROWS);
    expect(error).toMatchObject({ reasonCode: 'input_changed', message: expect.stringContaining('expands to more than 1000 times') });
    expect(input.bytesRead()).toBeLessThanOrEqual(bomb.length);
  });
});

describe('encoding', () => {
  const euro = 'contactId,name,text\nc1,“a” – 5 €,"x\r\ny"\nc2,ÿé,z\n';
  const euroRows = [
    [1, 2, ['c1', '“a” – 5 €', 'x\r\ny']],
    [2, 4, ['c2', 'ÿé', 'z']],
  ];
  const utf16le = Buffer.from(`\ufeff${euro}`, 'utf16le');

  test.each([
    ['UTF-8 with BOM', Buffer.from(`\ufeff${euro}`), 'utf-8'],
    ['UTF-16LE with BOM', utf16le, 'utf-16le'],
    ['UTF-16BE with BOM', Buffer.from(utf16le).swap16(), 'utf-16be'],
  ])('the byte order mark decides: %s', async (_, bytes, encoding) => {
    for (const chunkBytes of [1, 7, 100000]) {
      const { csv, rows } = await readAll(bytes, { chunkBytes });
      expect(csv.source).toMatchObject({ encoding, header: ['contactId', 'name', 'text'] });
      expect(brief(rows)).toEqual(euroRows);
    }
  });

  test.each([
    ['windows-1252', 'contactId,name,text\nc1,\x93a\x94 \x96 5 \x80,"x\r\ny"\nc2,\xff\xe9,z\n', 'windows-1252'],
    ['Latin1', 'contactId,name,text\nc1,\x93a\x94 \x96 5 \x80,"x\r\ny"\nc2,\xff\xe9,z\n', 'windows-1252'],
    ['UTF8', Buffer.from(euro).toString('latin1'), 'utf-8'],
    ['utf-16', utf16le.subarray(2).toString('latin1'), 'utf-16le'],
    ['utf-16be', Buffer.from(utf16le).swap16().toString('latin1'), 'utf-16be'],
  ])('the label %s', async (label, latin, encoding) => {
    const { csv, rows } = await readAll(Buffer.from(latin, 'latin1'), { encoding: label, chunkBytes: 5 });
    expect(csv.source.encoding).toBe(encoding);
    expect(brief(rows)).toEqual(euroRows);
  });

  test.each([
    ['shift_jis', '\x83e\x83X\x83g', 'テスト'],
    ['gbk', '\xb2\xe2\xca\xd4', '测试'],
    ['koi8-r', '\xf4\xc5\xd3\xd4', 'Тест'],
    ['iso-2022-jp', '\x1b$B%F%9%H\x1b(B', 'テスト'],
  ])('any WHATWG label: %s', async (encoding, latin, text) => {
    const { rows } = await readAll(Buffer.from(`contactId,name\nc1,${latin}\n`, 'latin1'), { encoding, chunkBytes: 3 });
    expect(brief(rows)).toEqual([[1, 2, ['c1', text]]]);
  });

  test('an unknown label is refused', async () => {
    await expect(readAll(CSV, { encoding: 'klingon' })).rejects.toThrow('the encoding "klingon" is not known');
  });

  test('a byte order mark that contradicts the label is refused', async () => {
    await expect(readAll(`\ufeff${CSV}`, { encoding: 'windows-1252' })).rejects.toThrow(/byte order mark of utf-8/);
  });

  test.each([
    ['gbk', 'c1,\xb2\xe2\n', 'c2,\x81\n', 'c3,a\r\n'],
    ['windows-1253', 'c1,\xe1\n', 'c2,\xd2\n', 'c3,a\r\n'],
    ['utf-16le', 'c\x001\0,\0a\0\n\0', 'c\x002\0,\0\x3d\xd8\n\0', 'c\x003\0,\0a\0\r\0\n\0'],
    ['utf-16be', '\0c\x001\0,\0a\0\n', '\0c\x002\0,\xdc\x00\0\n', '\0c\x003\0,\0a\0\r\0\n'],
  ])('what is not valid %s makes that row malformed, with its own bytes', async (encoding, good, bad, last) => {
    const header = Buffer.from('contactId,name\n', encoding.startsWith('utf-16') ? 'utf16le' : 'latin1');
    if (encoding === 'utf-16be') header.swap16();
    // So many rows that the map back to the stored bytes is trimmed on the way.
    const body = Buffer.from(`${good}${bad}${last}`.repeat(1000), 'latin1');
    for (const chunkBytes of [11, 65536]) {
      const { rows } = await readAll(Buffer.concat([header, body]), { encoding, chunkBytes });
      expect(rows).toHaveLength(3000);
      for (const [i, row] of rows.entries()) {
        expect([row.kind, row.line]).toEqual([i % 3 === 1 ? 'malformed' : 'record', i + 2]);
        if (row.kind === 'malformed') {
          expect(Buffer.from(row.raw).toString('latin1')).toBe(bad);
          expect(row.message).toContain(`aren't valid ${encoding} in column "name"`);
        }
      }
    }
  });

  test('half a UTF-16 unit at the end is malformed', async () => {
    const { rows } = await readAll(Buffer.concat([Buffer.from('\ufeffcontactId,name\nc1,a', 'utf16le'), Buffer.from('b')]));
    expect(brief(rows)).toEqual([[1, 2, 'malformed', 'c\x001\0,\0a\0b']]);
  });
});

test('standard input that breaks stops the run after the rows before', async () => {
  const stdin = Readable.from(
    (async function* () {
      yield Buffer.from('contactId,name\nc1,a\nc2,');
      throw new Error('gone');
    })(),
    { objectMode: false },
  );
  const input = await openInput({ path: '-', encoding: null, stdin });
  const csv = await readCsv({ input, index: 0, delimiter: null, accepts: needsContactId });
  const batches = csv.rows()[Symbol.asyncIterator]();
  expect((await batches.next()).value).toHaveLength(1);
  await expect(batches.next()).rejects.toThrow(/gone/);
});

import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../../src/errors.js';
import { type Archive, openArchive } from '../../../src/read/archive.js';
import { endOf, entryOf, type ZipFileSpec, zipOf } from '../../support/zip.js';

const HEADER = 'contactId,name,text\n';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'archive-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function archiveOf(
  files: readonly ZipFileSpec[],
  options: Parameters<typeof zipOf>[1] = {},
): Promise<{ path: string; bytes: Buffer }> {
  const path = join(folder, 'export.zip');
  const bytes = zipOf(files, options);
  await writeFile(path, bytes);
  return { path, bytes };
}

async function opened(files: readonly ZipFileSpec[], options: Parameters<typeof zipOf>[1] = {}): Promise<Archive> {
  const { path } = await archiveOf(files, options);
  return certain(await openArchive(path));
}

function certain(archive: Archive | null): Archive {
  if (archive === null) throw new Error('expected an archive');
  return archive;
}

async function textOf(archive: Archive, index = 0): Promise<{ text: string; error: unknown; sha256: string | null; read: number }> {
  const part = archive.parts[index]!.open();
  const chunks: Buffer[] = [];
  let error: unknown = null;
  try {
    for (let chunk = await part.read(); chunk !== null; chunk = await part.read()) chunks.push(chunk);
  } catch (thrown) {
    error = thrown;
  }
  return { text: Buffer.concat(chunks).toString(), error, sha256: part.sha256(), read: part.bytesRead() };
}

function names(archive: Archive): string[] {
  return archive.parts.map(({ path }) => path.slice(path.indexOf('export.zip')));
}

const LONG = HEADER + Array.from({ length: 30_000 }, (_, i) => `c${i},note ${i},text ${Math.sin(i)}\n`).join('');

describe('the parts of an archive', () => {
  test('are its CSV files, in the natural order of their names, and what else is in it is named', async () => {
    const archive = await opened(
      [
        'part-10.csv',
        'part-2.csv',
        'B.TXT',
        'part-1.csv',
        'a.tsv',
        'readme.pdf',
        'photo.png',
        '__MACOSX/._part-1.csv',
        'x/',
        '.DS_Store',
      ].map((name) => ({ name, content: name })),
    );
    expect(names(archive)).toEqual(['a.tsv', 'B.TXT', 'part-1.csv', 'part-2.csv', 'part-10.csv'].map((name) => `export.zip/${name}`));
    expect(archive.leftOut).toEqual({ count: 2, names: ['readme.pdf', 'photo.png'] });
    expect((await textOf(archive, 4)).text).toBe('part-10.csv');
    await archive.close();
  });

  test.each<[string, Partial<ZipFileSpec>, Parameters<typeof zipOf>[1]]>([
    ['deflated', {}, {}],
    ['stored', { stored: true }, {}],
    ['with data descriptors', { descriptor: true }, {}],
    ['in ZIP64', { zip64: true, descriptor: true }, { zip64: true }],
    ['with a comment behind', {}, { comment: 'exported on Monday' }],
  ])('%s are read whole, counted as they are packed, and the archive is hashed when all are read', async (_, how, options) => {
    const { path, bytes } = await archiveOf(
      [
        { name: 'a.csv', content: LONG, ...how },
        { name: 'b.csv', content: HEADER, ...how },
      ],
      options,
    );
    const archive = certain(await openArchive(path));
    const [first, second] = [await textOf(archive, 0), await textOf(archive, 1)];
    expect(first).toMatchObject({ text: LONG, error: null, sha256: null, read: archive.parts[0]!.totalBytes });
    expect(second).toMatchObject({ text: HEADER, error: null, sha256: createHash('sha256').update(bytes).digest('hex') });
    expect(archive.totalBytes).toBe(bytes.length);
    await archive.close();
  });

  test('can be more than 65,535 files, of which the CSV files are found', async () => {
    const files = Array.from({ length: 70_000 }, (_, i) => ({ name: i === 69_999 ? 'last.csv' : `${i}.json`, content: '', stored: true }));
    const archive = await opened([...files.slice(0, -1), { name: 'last.csv', content: HEADER }]);
    expect([names(archive), archive.leftOut.count]).toEqual([['export.zip/last.csv'], 69_999]);
    expect((await textOf(archive)).text).toBe(HEADER);
    await archive.close();
  });

  test('can begin behind 4 GiB', async () => {
    const path = join(folder, 'large.zip');
    const far = 5 * 2 ** 30;
    const first = entryOf({ name: 'a.csv', content: HEADER }, 0);
    const second = entryOf({ name: 'b.csv', content: `${HEADER}c1,far,away\n` }, far);
    const handle = await open(path, 'w');
    await handle.write(first.local, 0, first.local.length, 0);
    await handle.write(second.local, 0, second.local.length, far);
    const end = endOf([first.central, second.central], far + second.local.length);
    await handle.write(end, 0, end.length, far + second.local.length);
    await handle.close();
    const archive = certain(await openArchive(path));
    expect(await textOf(archive, 1)).toMatchObject({ text: `${HEADER}c1,far,away\n`, error: null });
    await archive.close();
    await rm(path);
  });

  test('are called by names that are safe to be shown, and nothing is written under them', async () => {
    const archive = await opened([
      { name: '../../etc/passwd.csv', content: HEADER },
      { name: '/abs/./b.csv', content: HEADER },
      { name: 'C:\\temp\\c.csv', content: HEADER },
      { name: 'evil\u001b[31m\u202e\n.csv', content: HEADER },
      { name: 'same.csv', content: HEADER },
      { name: 'same.csv', content: HEADER },
      { name: `${'n'.repeat(300)}.csv`, content: HEADER },
    ]);
    expect(names(archive)).toEqual([
      'export.zip/etc/passwd.csv',
      'export.zip/abs/b.csv',
      'export.zip/C:/temp/c.csv',
      'export.zip/evil_[31m__.csv',
      `export.zip/${'n'.repeat(159)}…`,
      'export.zip/same.csv',
      'export.zip/same.csv (2)',
    ]);
    for (const index of archive.parts.keys()) await textOf(archive, index);
    await archive.close();
    expect(await readdir(folder)).toEqual(['export.zip']);
  });
});

describe('refused, with what to do', () => {
  test.each<[string, readonly ZipFileSpec[], RegExp]>([
    ['nothing in it', [], /no CSV file in the zip archive.*it is empty/],
    ['no CSV in it', [{ name: 'notes.json', content: '' }], /no CSV file.*it has notes\.json; export the notes as CSV/],
    ['an xlsx', [{ name: '[Content_Types].xml', content: '' }], /spreadsheet.*save it as "CSV UTF-8"/],
    ['an ods', [{ name: 'mimetype', content: '', stored: true }], /spreadsheet.*save it as "CSV UTF-8"/],
    [
      'a zip within',
      [
        { name: 'a.csv', content: HEADER },
        { name: 'b.zip', content: '' },
      ],
      /holds b\.zip, which is packed once more; unpack/,
    ],
    ['gzip within', [{ name: 'a.csv.gz', content: '' }], /packed once more/],
    ['an encrypted file', [{ name: 'a.csv', content: HEADER, flags: 1 }], /a\.csv is encrypted.*with its password/],
    ['strong encryption', [{ name: 'a.csv', content: HEADER, flags: 0x41 }], /encrypted.*with its password/],
    ['another method', [{ name: 'a.csv', content: HEADER, method: 9 }], /deflate64 \(method 9\); expected deflate/],
    ['an unknown method', [{ name: 'a.csv', content: HEADER, method: 77 }], /packed by method 77; expected deflate/],
  ])('%s', async (_, files, message) => {
    const { path } = await archiveOf(files);
    const refusal = await openArchive(path).then(
      () => null,
      (error: unknown) => error,
    );
    expect(refusal).toBeInstanceOf(UserError);
    expect((refusal as UserError).message).toMatch(message);
    expect((refusal as UserError).message).toContain('export.zip: ');
  });

  test('an archive that was cut off has lost its directory', async () => {
    const { path, bytes } = await archiveOf([{ name: 'a.csv', content: LONG }]);
    await writeFile(path, bytes.subarray(0, bytes.length / 2));
    await expect(openArchive(path)).rejects.toThrow(/ends too early or is damaged.*get the whole file/);
  });

  test('files that share their bytes', async () => {
    const one = entryOf({ name: 'a.csv', content: LONG }, 0);
    const bomb = Buffer.concat([
      one.local,
      endOf(
        Array.from({ length: 1000 }, () => one.central),
        one.local.length,
      ),
    ]);
    const path = join(folder, 'export.zip');
    await writeFile(path, bomb);
    await expect(openArchive(path)).rejects.toThrow(/files in it overlap/);
  });

  test('more than 10,000 parts', async () => {
    const { path } = await archiveOf(Array.from({ length: 10_001 }, (_, i) => ({ name: `${i}.csv`, content: '', stored: true })));
    await expect(openArchive(path)).rejects.toThrow(/more than 10000 CSV files/);
  });
});

describe('damage', () => {
  test('is found by the checksum, after what could be read', async () => {
    const archive = await opened([{ name: 'a.csv', content: LONG, crc: 1 }]);
    const { text, error } = await textOf(archive);
    expect(text).toBe(LONG);
    expect(error).toMatchObject({ reasonCode: 'input_changed', message: expect.stringMatching(/export\.zip\/a\.csv: .*CRC-32/) });
    await archive.close();
  });

  test('in the packed data gives what stands before it', async () => {
    const { path, bytes } = await archiveOf([{ name: 'a.csv', content: LONG }]);
    const middle = Math.floor(bytes.length / 2);
    bytes.fill(0xff, middle, middle + 200);
    await writeFile(path, bytes);
    const archive = certain(await openArchive(path));
    const { text, error } = await textOf(archive);
    expect(text.length).toBeGreaterThan(LONG.length / 4);
    expect(LONG.startsWith(text.slice(0, LONG.length / 4))).toBe(true);
    expect(error).toMatchObject({ reasonCode: 'input_changed' });
    await archive.close();
  });

  test('is what unpacks to more than 1000 times its size', async () => {
    const archive = await opened([{ name: 'bomb.csv', content: Buffer.alloc(64 * 1024 * 1024) }]);
    const { text, error } = await textOf(archive);
    expect(text.length).toBeLessThan(16 * 1024 * 1024);
    expect(error).toMatchObject({ message: expect.stringContaining('expands to more than 1000 times') });
    await archive.close();
  });

  test('is another length than the directory has', async () => {
    const path = join(folder, 'export.zip');
    const long = entryOf({ name: 'a.csv', content: LONG, stored: true }, 0);
    const { central } = entryOf({ name: 'a.csv', content: LONG.slice(0, -5), stored: true, crc: 1 }, 0);
    await writeFile(path, Buffer.concat([long.local, endOf([central], long.local.length)]));
    const archive = certain(await openArchive(path));
    expect((await textOf(archive)).error).toMatchObject({ message: expect.stringContaining('damaged') });
    await archive.close();
  });

  test('by somebody who writes to the archive is told as such', async () => {
    const { path } = await archiveOf([{ name: 'a.csv', content: LONG }]);
    const archive = certain(await openArchive(path));
    await appendFile(path, 'more');
    expect((await textOf(archive)).error).toMatchObject({ message: expect.stringContaining('the file changed while it was read') });
    await archive.close();
  });
});

test('what is no zip archive is nobody that this is asked of', async () => {
  const path = join(folder, 'plain.csv');
  await writeFile(path, HEADER);
  expect(await openArchive(path)).toBeNull();
  expect(await openArchive(folder)).toBeNull();
  expect(await openArchive(join(folder, 'missing.zip'))).toBeNull();
});

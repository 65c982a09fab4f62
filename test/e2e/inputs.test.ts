import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { test } from '../support/bench.js';
import { csvOf, makeNotes, type Note } from '../support/notes.js';
import { expectConservation, expectConverged } from '../support/promises.js';
import { failureRows, successRows } from '../support/reports.js';

const NOTES = makeNotes({ count: 40, contacts: 12 });
const CSV = csvOf(NOTES);
const LATIN: readonly Note[] = [
  { contactId: 'C-1', name: 'Rückruf', text: 'Größe geprüft, Café bezahlt' },
  { contactId: 'C-2', name: 'Año', text: 'Mañana' },
];

describe.concurrent('reads a file as it is', () => {
  const files: readonly { name: string; bytes: string | Uint8Array; notes?: readonly Note[]; args?: readonly string[] }[] = [
    { name: 'commas', bytes: CSV },
    { name: 'semicolons', bytes: csvOf(NOTES, ';') },
    { name: 'tabs', bytes: csvOf(NOTES, '\t') },
    { name: 'pipes', bytes: csvOf(NOTES, '|') },
    { name: 'a delimiter of its own', bytes: csvOf(NOTES, '^'), args: ['--delimiter', '^'] },
    { name: 'UTF-8 with a byte order mark', bytes: `\ufeff${CSV}` },
    { name: 'UTF-16LE with a byte order mark', bytes: Buffer.from(`\ufeff${CSV}`, 'utf16le') },
    { name: 'UTF-16BE with a byte order mark', bytes: Buffer.from(`\ufeff${CSV}`, 'utf16le').swap16() },
    { name: 'windows-1252, when told', bytes: Buffer.from(csvOf(LATIN), 'latin1'), notes: LATIN, args: ['--encoding', 'windows-1252'] },
    { name: 'no line end at the end', bytes: CSV.trimEnd() },
    { name: 'blank lines between', bytes: CSV.replace(/\nC-/g, '\n\n\nC-') },
    { name: 'gzip', bytes: gzipSync(CSV) },
    { name: 'gzip in two members', bytes: Buffer.concat([gzipSync(CSV.slice(0, 500)), gzipSync(CSV.slice(500))]) },
  ];
  for (const { name, bytes, notes = NOTES, args = [] } of files) {
    test(`${name}: every note arrives byte for byte`, async ({ createBench }) => {
      const bench = await createBench();
      bench.write('notes.csv', bytes);
      const result = await bench.import(['notes.csv', ...args]);
      expect(result.stderr).not.toContain('unexpected error');
      expect({ code: result.code, failures: failureRows(bench.folder, result) }).toEqual({ code: 0, failures: [] });
      expectConverged(bench.sandbox, notes);
    });
  }

  for (const [name, bytes] of [
    ['plain', CSV],
    ['gzipped', gzipSync(CSV)],
  ] as const) {
    test(`standard input, ${name}`, async ({ createBench }) => {
      const bench = await createBench();
      const result = await bench.import(['-'], { stdin: bytes });
      expect(result.code).toBe(0);
      expect(result.summary.inputs).toEqual(['-']);
      expectConverged(bench.sandbox, NOTES);
    });
  }

  test('CRLF line ends, with bare line feeds inside quoted cells kept', async ({ createBench }) => {
    const bench = await createBench();
    const rows = NOTES.map(({ contactId, name, text }) => `${contactId},${name},"${text.replaceAll('"', '""')}"\r\n`);
    bench.write('notes.csv', `contactId,name,text\r\n${rows.join('')}`);
    expect((await bench.import(['notes.csv'])).code).toBe(0);
    expectConverged(bench.sandbox, NOTES);
  });

  test('several inputs are one import: rows are named file:row, and a note that stands in both is a duplicate', async ({ createBench }) => {
    const bench = await createBench();
    const second = makeNotes({ count: 10, contacts: 12, prefix: 'D' });
    bench.write('a.csv', CSV);
    bench.write('b.csv.gz', gzipSync(csvOf([...second, NOTES[3]!], ';')));
    const result = await bench.import(['a.csv', 'b.csv.gz']);
    expect(result.code).toBe(0);
    expect(result.summary.counts).toMatchObject({ rows: 51, created: 50, duplicate: 1 });
    expectConverged(bench.sandbox, [...NOTES, ...second]);
    const rows = successRows(bench.folder, result);
    expect(rows.find(({ status }) => status === 'duplicate')?.row).toBe('b.csv.gz:11');
    expect(rows.some(({ row }) => row === 'a.csv:40')).toBe(true);
  });

  test('headers in other words, --map, --set, --sub-org and a sub organization of its own', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('a.csv', 'Contact_ID;Note Body;Sub-Organization-ID\nC-1;First;so-1\nC-1;Second;\n');
    expect((await bench.import(['a.csv', '--set', 'name=CRM note', '--sub-org', 'so-2'])).code).toBe(0);
    bench.write('b.csv', 'who,what,why\nC-2,Third,Because\n');
    const args = ['--map', 'contactId=who', '--map', 'name=what', '--map', 'text=why'];
    expect((await bench.import(['b.csv', ...args])).code).toBe(0);
    expectConverged(bench.sandbox, [
      { contactId: 'C-1', name: 'CRM note', text: 'First', subOrg: 'so-1' },
      { contactId: 'C-1', name: 'CRM note', text: 'Second', subOrg: 'so-2' },
      { contactId: 'C-2', name: 'Third', text: 'Because' },
    ]);
  });

  test('--limit takes the first rows only, and the whole file later creates the rest', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', CSV);
    const first = await bench.import(['notes.csv', '--limit', '20']);
    expect(first.code).toBe(0);
    expect(first.summary.counts).toMatchObject({ rows: 20, created: 20 });
    const all = await bench.import(['notes.csv']);
    expect(all.summary.counts).toMatchObject({ rows: 40, alreadyImported: 20, created: 20 });
    expectConverged(bench.sandbox, NOTES);
  });

  test('contact ids that need encoding address the contact they name', async ({ createBench }) => {
    const bench = await createBench();
    const notes = ['a@b.example', 'x:1', '+4930', 'under_score'].map((contactId) => ({ contactId, name: 'Call', text: `To ${contactId}` }));
    bench.write('notes.csv', csvOf(notes));
    expect((await bench.import(['notes.csv'])).code).toBe(0);
    expectConverged(bench.sandbox, notes);
  });
});

describe.concurrent('a record that can not be read is a failure of that row alone', () => {
  test('each is told with the line where it starts, its neighbours are imported, and malformed.csv, mended, goes back in', async ({
    createBench,
  }) => {
    const bench = await createBench();
    const lines = [
      'contactId,name,text',
      'C-1,One,"good, and\nin two lines"',
      'C-1,Two',
      'C-1,Three,"closes" too early',
      'C-1,Four,five" in the middle',
      'C-2,Five,good',
      'C-2,Six,has,a cell too many',
    ];
    const broken = Buffer.concat([
      Buffer.from(`${lines.join('\n')}\nC-3,Seven,`),
      Buffer.from([0xff, 0xfe, 0x41]),
      Buffer.from('\nC-3,Eight,good\n'),
    ]);
    bench.write('notes.csv', broken);
    const result = await bench.import(['notes.csv']);
    expect(result.code).toBe(1);
    expectConservation(result.summary);
    const good: Note[] = [
      { contactId: 'C-1', name: 'One', text: 'good, and\nin two lines' },
      { contactId: 'C-2', name: 'Five', text: 'good' },
      { contactId: 'C-3', name: 'Eight', text: 'good' },
    ];
    expectConverged(bench.sandbox, [...good.filter(({ name }) => name !== 'Four')]);
    expect(result.summary.counts.failures.malformed).toBe(result.summary.counts.failed);
    const failed = failureRows(bench.folder, result);
    expect(failed.map(({ _row }) => _row)).toEqual(['2', '3', '4', '6', '7']);
    expect(failed.every(({ _class, text }) => _class === 'malformed' && text === '')).toBe(true);

    const malformed = result.summary.files.malformed ?? 'no malformed.csv';
    expect(bench.read(malformed)).toContain('C-1,Two\n');
    bench.write(
      'mended.csv',
      'contactId,name,text\nC-1,Two,mended\nC-1,Three,mended\nC-1,Four,"five"" in the middle"\nC-2,Six,mended\nC-3,Seven,mended\n',
    );
    const mended = await bench.import(['mended.csv']);
    expect(mended.code).toBe(0);
    expect(mended.summary.counts.created).toBe(5);
    // The failures file names them, with nothing of them to import.
    const failures = await bench.import([result.summary.files.failures ?? '']);
    expect(failures.code).toBe(0);
    expect(failures.summary.counts.rows).toBe(0);
  });

  test('malformed.csv has the raw bytes in the file’s own encoding, under its header line', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', Buffer.from('\ufeffcontactId;name;text\r\nC-1;Größe;gut\r\nC-1;Größe\r\n', 'utf16le'));
    const result = await bench.import(['notes.csv']);
    expect(result.summary.counts).toMatchObject({ created: 1, failures: { malformed: 1 } });
    const again = await bench.import([result.summary.files.malformed ?? '', '--encoding', 'utf-16le']);
    expect(again.summary.counts.failures).toMatchObject({ malformed: 1 });
  });
});

import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../../src/errors.js';
import { openCsvReports } from '../../../src/report/csv-reports.js';
import { created, draftWith, failureWith, HEADER_BYTES, inputWith, malformed, settled, temporaryFolder } from './fixtures.js';

const UNDERSCORE = ['_row', '_class', '_status', '_message', '_details', '_attempts', '_fingerprint', '_occurrence', '_escaped'];

/** As a reader sees it that knows nothing of how we write. */
async function readCsv(path: string): Promise<string[][]> {
  return parse(await readFile(path), {
    bom: true,
    relax_column_count: false,
    record_delimiter: ['\r\n', '\n', '\r'],
    skip_empty_lines: true,
  });
}

/** The rule of the formula guard, written a second time: what a failures file's own columns were. */
function undoGuard(header: readonly string[], cells: readonly string[]): { header: string[]; cells: string[] } {
  const ownHeader = header.slice(0, -UNDERSCORE.length).map((name) => (name.startsWith("'") ? name.slice(1) : name));
  const escaped: string[] = cells.at(-1) === '' ? [] : JSON.parse(cells.at(-1) ?? '');
  const own = cells.slice(0, -UNDERSCORE.length);
  for (const name of escaped) {
    const at = name.startsWith('#') ? Number(name.slice(1)) - 1 : ownHeader.indexOf(name);
    expect(own[at]?.startsWith("'")).toBe(true);
    own[at] = own[at]?.slice(1) ?? '';
  }
  return { header: ownHeader, cells: own };
}

describe('the reports of a run', () => {
  test('closing them says so where somebody has deleted one meanwhile: nobody is sent to a file that isn\u2019t there', async () => {
    for (const name of ['success.csv', 'failures.csv']) {
      const folder = await temporaryFolder();
      const reports = await openCsvReports({ folder, inputCount: 1 });
      reports.inputOpened(inputWith(), HEADER_BYTES);
      await reports.write([settled({ row: 1, outcome: created() })]);
      await rm(join(folder, name));
      await expect(reports.close()).rejects.toThrow(`${name} was deleted while the run was going on`);
    }
  });

  test('success.csv tells of every row that is in the API, in the contract’s columns', async () => {
    const folder = await temporaryFolder();
    const reports = await openCsvReports({ folder, inputCount: 1 });
    reports.inputOpened(inputWith(), HEADER_BYTES);
    const createdAt = '2026-11-01T00:00:00.000Z';
    await reports.write([
      settled({ row: 1, outcome: created() }),
      settled({
        row: 2,
        outcome: { kind: 'recovered', memoryId: null, createdAt: null, attempts: 2 },
        draft: draftWith({ subOrg: 'north' }),
      }),
      settled({ row: 3, outcome: { kind: 'already_imported', memoryId: 'mem-0', createdAt, changed: false } }),
      settled({ row: 4, outcome: { kind: 'duplicate', firstRow: '1', memoryId: 'mem-1', createdAt }, draft: draftWith({ name: '=cmd' }) }),
      settled({ row: 5, outcome: { kind: 'filtered' } }),
    ]);
    const paths = await reports.close();
    expect(paths).toEqual({ success: join(folder, 'success.csv'), failures: join(folder, 'failures.csv'), more: [] });
    const { fingerprint } = draftWith();
    expect(await readCsv(paths.success)).toEqual([
      ['row', 'contactId', 'subOrg', 'name', 'memoryId', 'status', 'createdAt', 'attempts', 'fingerprint'],
      ['1', 'contact-1', '', 'Lease renewal', 'mem-1', 'created', '2026-11-23T03:07:49.000Z', '1', fingerprint],
      ['2', 'contact-1', 'north', 'Lease renewal', '', 'recovered', '', '2', fingerprint],
      ['3', 'contact-1', '', 'Lease renewal', 'mem-0', 'already_imported', createdAt, '0', fingerprint],
      ['4', 'contact-1', '', "'=cmd", 'mem-1', 'duplicate', createdAt, '0', fingerprint],
    ]);
    expect(await readFile(paths.success, 'utf8')).not.toContain('\r');
    for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  });

  test('failures.csv has the input’s own columns as they were, then what went wrong', async () => {
    const folder = await temporaryFolder();
    const reports = await openCsvReports({ folder, inputCount: 1 });
    reports.inputOpened(inputWith({ delimiter: ';' }), HEADER_BYTES);
    const outcome = failureWith({ message: '=bad', details: [{ field: 'text' }], attempts: 3 });
    await reports.write([settled({ row: 7, outcome, cells: [' c ', 'a;b,"c"', '-text\r\nmore'], draft: draftWith({ occurrence: 2 }) })]);
    const { failures } = await reports.close();
    const { fingerprint } = draftWith();
    expect(await readCsv(failures)).toEqual([
      ['contactId', 'name', 'text', ...UNDERSCORE],
      [' c ', 'a;b,"c"', "'-text\r\nmore", '7', 'bad_request', '400', "'=bad", '[{"field":"text"}]', '3', fingerprint, '2', '["text"]'],
    ]);
  });

  test('both files exist, with their headers, where nothing happened', async () => {
    const folder = await temporaryFolder();
    const reports = await openCsvReports({ folder, inputCount: 1 });
    expect(await readdir(folder)).toEqual(['failures.csv', 'success.csv']);
    reports.inputOpened(inputWith(), HEADER_BYTES);
    await reports.flush();
    expect(await readFile(join(folder, 'failures.csv'), 'utf8')).toBe(`contactId,name,text,${UNDERSCORE.join(',')}\n`);
    expect(await readFile(join(folder, 'success.csv'), 'utf8')).toMatch(/^row,.*\n$/);
    await reports.close();
    expect(await readdir(folder)).toEqual(['failures.csv', 'success.csv']);
  });

  test('inputs with the same header share a failures file, and other headers have their own', async () => {
    const folder = await temporaryFolder();
    const reports = await openCsvReports({ folder, inputCount: 3 });
    const inputs = [
      inputWith({ index: 0, path: 'a.csv' }),
      inputWith({ index: 1, path: 'b.csv', header: ['id', 'note'] }),
      inputWith({ index: 2, path: 'c.csv' }),
      inputWith({ index: 3, path: '-', header: ['other'] }),
    ];
    for (const input of inputs) reports.inputOpened(input, HEADER_BYTES);
    await reports.write(
      inputs.map((input, i) => settled({ row: i + 1, input, cells: input.header.map((_, n) => `c${i}${n}`), outcome: failureWith() })),
    );
    const paths = await reports.close();
    expect(paths.more).toEqual([join(folder, 'failures-2.csv'), join(folder, 'failures-3.csv')]);
    const rows = async (path: string) => (await readCsv(path)).slice(1).map((cells) => cells.slice(0, -8));
    expect(await rows(paths.failures)).toEqual([
      ['c00', 'c01', 'c02', 'a.csv:1'],
      ['c20', 'c21', 'c22', 'c.csv:3'],
    ]);
    expect(await rows(paths.more[0] ?? '')).toEqual([['c10', 'c11', 'b.csv:2']]);
    expect(await rows(paths.more[1] ?? '')).toEqual([['c30', "'-:4"]]);
  });

  test('malformed.csv has the raw bytes under the original header, and failures.csv empty cells', async () => {
    const folder = await temporaryFolder();
    const reports = await openCsvReports({ folder, inputCount: 3 });
    const raw = Buffer.from([0x63, 0x2c, 0xff, 0x0d, 0x0a]);
    const latin = inputWith({ index: 1, path: 'b.csv', encoding: 'windows-1252' });
    const wide = inputWith({ index: 2, path: 'c.csv', encoding: 'utf-16le' });
    reports.inputOpened(inputWith(), Buffer.from('\ufeffcontactId,name,text\r\n'));
    reports.inputOpened(latin, Buffer.from('contactId,name,text'));
    reports.inputOpened(wide, Buffer.from('h\n', 'utf16le'));
    await reports.write([
      malformed({ raw }),
      malformed({ raw: Buffer.from('last'), row: 2 }),
      malformed({ raw: Buffer.from('next\r'), row: 3 }),
      malformed({ raw: Buffer.from('x'), input: latin }),
      // U+0A0A ends in the byte of a line feed and is none.
      malformed({ raw: Buffer.from('\u0a0a', 'utf16le'), input: wide }),
      malformed({ raw: Buffer.from('z\n', 'utf16le'), input: wide }),
    ]);
    const paths = await reports.close();
    expect(paths.malformed).toBe(join(folder, 'malformed.csv'));
    const expected = Buffer.concat([Buffer.from('\ufeffcontactId,name,text\r\n'), raw, Buffer.from('last\nnext\r')]);
    expect((await readFile(join(folder, 'malformed.csv'))).equals(expected)).toBe(true);
    expect(await readFile(join(folder, 'malformed-2.csv'), 'latin1')).toBe('contactId,name,text\nx\n');
    expect(await readFile(join(folder, 'malformed-3.csv'), 'utf16le')).toBe('h\n\u0a0a\nz\n');
    expect(paths.more).toEqual([join(folder, 'malformed-2.csv'), join(folder, 'malformed-3.csv')]);
    const first = (await readCsv(paths.failures))[1];
    expect(first).toEqual(['', '', '', 'notes.csv:1', 'malformed', '', 'expected 3 columns, found 2', '', '0', '', '', '']);
  });

  test('malformed records share a file only where header, delimiter and encoding are the same', async () => {
    const folder = await temporaryFolder();
    const reports = await openCsvReports({ folder, inputCount: 4 });
    const inputs = [{}, { encoding: 'windows-1252' }, { delimiter: ';' }, {}].map((own, index) => inputWith({ ...own, index }));
    for (const input of inputs) reports.inputOpened(input, HEADER_BYTES);
    await reports.write(inputs.map((input) => malformed({ input, raw: Buffer.from(`${input.index}\n`) })));
    await reports.close();
    const contents = ['malformed.csv', 'malformed-2.csv', 'malformed-3.csv'].map((name) => readFile(join(folder, name), 'utf8'));
    expect(await Promise.all(contents)).toEqual(['0\n3\n', '1\n', '2\n'].map((lines) => `${HEADER_BYTES}${lines}`));
  });

  test('rows keep their order where calls are not waited for, also when a file must be made first', async () => {
    const folder = await temporaryFolder();
    const reports = await openCsvReports({ folder, inputCount: 1 });
    reports.inputOpened(inputWith(), HEADER_BYTES);
    const calls = Array.from({ length: 50 }, (_, i) =>
      reports.write([malformed({ row: i, raw: Buffer.from(`${i}\n`) }), settled({ row: i, outcome: created() })]),
    );
    const paths = await reports.close();
    await Promise.all(calls);
    const numbers = Array.from({ length: 50 }, (_, i) => String(i));
    expect((await readFile(paths.malformed ?? '', 'utf8')).trim().split('\n').slice(1)).toEqual(numbers);
    expect((await readCsv(paths.success)).slice(1).map((cells) => cells[0])).toEqual(numbers);
  });

  test('failures stand in the order of their inputs, whatever the order in which they failed', async () => {
    const folder = await temporaryFolder();
    const reports = await openCsvReports({ folder, inputCount: 3 });
    const first = inputWith({ path: 'a.csv' });
    const second = inputWith({ index: 1, path: 'b.csv' });
    const other = inputWith({ index: 2, header: ['id'] });
    for (const input of [first, second, other]) reports.inputOpened(input, HEADER_BYTES);
    const outcome = failureWith();
    const cellsOf = (row: number) => ['grün 🙂', `"${row}",\n`, 'x\r\n"\n"\n'.repeat(row % 7)];
    await reports.write([
      settled({ row: 2, input: second, outcome, cells: cellsOf(2) }),
      settled({ row: 5, input: other, outcome, cells: ['5'] }),
    ]);
    await reports.write([malformed({ row: 900, input: first, raw: Buffer.from('x') })]);
    // Blocks of the file are left and come back to, and cells are longer than a block.
    for (let row = 899; row > 0; row--) {
      const cells = row === 450 ? ['y'.repeat(200_000), '', ''] : cellsOf(row);
      await reports.write([settled({ row, input: first, outcome, cells }), settled({ row: row + 900, input: first, outcome: created() })]);
    }
    await reports.write([
      settled({ row: 1, input: second, outcome, cells: cellsOf(1) }),
      settled({ row: 4, input: other, outcome, cells: ['4'] }),
    ]);
    const paths = await reports.close();
    const rows = (await readCsv(paths.failures)).slice(1);
    expect(rows.map((cells) => cells[3])).toEqual([...Array.from({ length: 900 }, (_, i) => `a.csv:${i + 1}`), 'b.csv:1', 'b.csv:2']);
    expect(rows[449]?.[0]).toBe('y'.repeat(200_000));
    expect(rows[6]?.slice(0, 3)).toEqual(cellsOf(7));
    expect(rows[12]?.slice(0, 3)).toEqual(cellsOf(13));
    expect((await readCsv(paths.more[0] ?? '')).slice(1).map((cells) => cells[0])).toEqual(['4', '5']);
    expect((await readdir(folder)).sort()).toEqual(['failures-2.csv', 'failures.csv', 'malformed.csv', 'success.csv']);
    expect((await stat(paths.failures)).mode & 0o777).toBe(0o600);
    // Closing again, as the end of every run does, changes nothing.
    const content = await readFile(paths.failures);
    expect(await reports.close()).toEqual(paths);
    expect((await readFile(paths.failures)).equals(content)).toBe(true);
  });

  test('failures that are in order already are not written again', async () => {
    const folder = await temporaryFolder();
    const reports = await openCsvReports({ folder, inputCount: 1 });
    reports.inputOpened(inputWith(), HEADER_BYTES);
    const { ino } = await stat(join(folder, 'failures.csv'));
    await reports.write([1, 2, 3].map((row) => settled({ row, outcome: failureWith() })));
    const { failures } = await reports.close();
    expect((await stat(failures)).ino).toBe(ino);
  });

  test('failures that can’t be brought into order are all there, and nothing of others is touched', async () => {
    const folder = await temporaryFolder();
    const reports = await openCsvReports({ folder, inputCount: 1 });
    reports.inputOpened(inputWith(), HEADER_BYTES);
    await reports.write([2, 1].map((row) => settled({ row, outcome: failureWith() })));
    const temporary = join(folder, `.failures.csv-${process.pid}.tmp`);
    await writeFile(temporary, 'of somebody else');
    const { failures } = await reports.close();
    expect((await readCsv(failures)).slice(1).map((cells) => cells[3])).toEqual(['2', '1']);
    expect(await readFile(temporary, 'utf8')).toBe('of somebody else');
  });

  test('an existing report is refused before anything is written, and an unmakeable one later on says which', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'failures.csv'), 'of another run');
    await expect(openCsvReports({ folder, inputCount: 1 })).rejects.toThrow(UserError);
    expect(await readFile(join(folder, 'failures.csv'), 'utf8')).toBe('of another run');

    const other = await temporaryFolder();
    await writeFile(join(other, 'malformed.csv'), '');
    const reports = await openCsvReports({ folder: other, inputCount: 1 });
    reports.inputOpened(inputWith(), HEADER_BYTES);
    const rows = [malformed({ raw: Buffer.from('x') }), settled({ outcome: created() })];
    const error = await reports.write(rows).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(String(error)).toMatch(/malformed\.csv/);
    // Only what stops a run from starting is the user's mistake.
    expect(error).not.toBeInstanceOf(UserError);
    await reports.write([settled({ outcome: created() })]);
    const { success } = await reports.close();
    expect(await readCsv(success)).toHaveLength(3);
  });
});

describe('any note goes through failures.csv', () => {
  const cell = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({
      unit: fc.constantFrom('\r', '\n', '"', ',', ';', '\t', "'", '=', '-', ' ', '\ufeff', '\u2028', '\u0085', '\u0000', 'x', '🙂'),
    }),
  );
  const table = fc.integer({ min: 1, max: 5 }).chain((columns) =>
    fc.record({
      header: fc.array(fc.oneof(cell, fc.constantFrom('a', 'a', '#1', '_row')), { minLength: columns, maxLength: columns }),
      rows: fc.array(fc.array(cell, { minLength: columns, maxLength: columns }), { minLength: 1, maxLength: 5 }),
    }),
  );

  test('and comes back byte for byte, and no cell is a formula', async () => {
    await fc.assert(
      fc.asyncProperty(table, async ({ header, rows }) => {
        const folder = await temporaryFolder();
        const reports = await openCsvReports({ folder, inputCount: 1 });
        const input = inputWith({ header });
        reports.inputOpened(input, HEADER_BYTES);
        const failed = rows.map((cells, i) => settled({ row: i + 1, input, cells, outcome: failureWith({ message: cells[0] ?? '' }) }));
        // As if the later ones had failed first.
        await reports.write(failed.slice(1).reverse());
        await reports.write(failed.slice(0, 1));
        const { failures } = await reports.close();
        const [readHeader = [], ...readRows] = await readCsv(failures);
        expect(readRows).toHaveLength(rows.length);
        readRows.forEach((cells, i) => {
          expect(undoGuard(readHeader, cells)).toEqual({ header, cells: rows[i] });
        });
        for (const read of [readHeader, ...readRows].flat()) expect(read).not.toMatch(/^[=+\-@\t\r\n＝＋－＠]/u);
      }),
      { numRuns: 200 },
    );
  });

  test('and names, ids and dates of success.csv too', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(cell, { minLength: 1, maxLength: 5 }), async (names) => {
        const folder = await temporaryFolder();
        const reports = await openCsvReports({ folder, inputCount: 1 });
        await reports.write(names.map((name) => settled({ outcome: created(name), draft: draftWith({ name, contactId: name }) })));
        const { success } = await reports.close();
        const rows = (await readCsv(success)).slice(1);
        expect(rows.map((cells) => [cells[1], cells[3], cells[4]].map((read) => read?.replace(/^'/, '')))).toEqual(
          names.map((name) => [name, name, name]),
        );
      }),
      { numRuns: 100 },
    );
  });
});

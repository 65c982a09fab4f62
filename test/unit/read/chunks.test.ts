import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { brief, messages, readAll } from './read-all.js';

// A property is some hundred inputs.
vi.setConfig({ testTimeout: 60_000 });

/** Everything a reader could stumble over at the end of a chunk. */
const piece = fc.constantFrom(
  '"',
  '""',
  '"x"',
  ',',
  ',',
  '\n',
  '\n',
  '\r\n',
  '\r',
  ' ',
  'a',
  'ä',
  '😀',
  '\ufeff',
  '\0',
  'c1,a\n',
  'c2,"b\r\nc"\n',
  'c3,"d" e,f\n',
);
const anything = fc.array(piece, { maxLength: 40 }).map((pieces) => `contactId,name\n${pieces.join('')}`);

async function outcome(content: string | Uint8Array, options: Parameters<typeof readAll>[1]) {
  const { rows, error } = await readAll(content, options);
  return { rows: brief(rows), messages: messages(rows), error: error === null ? null : String(error) };
}

test('the same rows, lines, messages and errors wherever the chunks end', async () => {
  await fc.assert(
    fc.asyncProperty(anything, fc.integer({ min: 1, max: 9 }), async (content, chunkBytes) => {
      expect(await outcome(content, { chunkBytes })).toEqual(await outcome(content, {}));
    }),
    { numRuns: 300 },
  );
});

test('the same in UTF-16, whose raw bytes are its own', async () => {
  await fc.assert(
    fc.asyncProperty(anything, fc.integer({ min: 1, max: 9 }), async (content, chunkBytes) => {
      const wide = Buffer.from(`\ufeff${content}`, 'utf16le');
      const narrow = await readAll(content);
      const read = await readAll(wide, { chunkBytes });
      const decoded = read.rows.map((row) =>
        row.kind === 'malformed' ? { ...row, raw: Buffer.from(Buffer.from(row.raw).toString('utf16le')) } : row,
      );
      expect(brief(decoded)).toEqual(brief(narrow.rows));
      expect(String(read.error)).toBe(String(narrow.error));
    }),
    { numRuns: 300 },
  );
});

test('with a small bound too', async () => {
  await fc.assert(
    fc.asyncProperty(anything, fc.integer({ min: 1, max: 9 }), async (content, chunkBytes) => {
      expect(await outcome(content, { chunkBytes, maxRecordBytes: 12 })).toEqual(await outcome(content, { maxRecordBytes: 12 }));
    }),
    { numRuns: 300 },
  );
});

test('rows and raw records together are the file: no byte is in two, none but blank lines is in none', async () => {
  await fc.assert(
    fc.asyncProperty(anything, async (content) => {
      const { rows, error } = await readAll(content);
      fc.pre(error === null);
      const blank = /^\s*$/;
      const bytes = rows.reduce((sum, row) => sum + (row.kind === 'malformed' ? row.raw.length : row.bytes), 0);
      let rest = Buffer.from(content).subarray('contactId,name\n'.length);
      for (const row of rows) {
        if (row.kind !== 'malformed') continue;
        const at = rest.indexOf(row.raw);
        expect(at).toBeGreaterThanOrEqual(0);
        rest = Buffer.concat([rest.subarray(0, at), rest.subarray(at + row.raw.length)]);
      }
      const empty = content.split(/\r\n|\n|\r/).filter((line) => blank.test(line));
      expect(bytes).toBeLessThanOrEqual(Buffer.byteLength(content));
      expect(bytes).toBeGreaterThanOrEqual(Buffer.byteLength(content) - 15 - 2 * empty.length - Buffer.byteLength(empty.join('')));
    }),
    { numRuns: 300 },
  );
});

test('any cells come back from a CSV that quotes them, with any line ends, row by row and line by line', async () => {
  const cell = fc.string({
    unit: fc.oneof(fc.constantFrom('"', ',', '\n', '\r', "'", ' '), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(cell, cell, cell), { maxLength: 8 }),
      fc.constantFrom('\n', '\r\n', '\r'),
      fc.integer({ min: 1, max: 200 }),
      async (records, lineEnd, chunkBytes) => {
        const csv = [
          '"contactId","name","text"',
          ...records.map((cells) => cells.map((text) => `"${text.replaceAll('"', '""')}"`).join(',')),
        ];
        const { rows, error } = await readAll(csv.join(lineEnd), { chunkBytes });
        expect(error).toBeNull();
        let line = 2;
        const expected = records.map((cells, i) => {
          const at = line;
          line += csv[i + 1]!.split(/\r\n|\n|\r/).length;
          return [i + 1, at, cells];
        });
        expect(brief(rows)).toEqual(expected);
      },
    ),
    { numRuns: 300 },
  );
});

test('the same at the ends of the pieces in which a large chunk is parsed', async () => {
  const padding = (bytes: number) => `c0,${'x'.repeat(bytes - 4)}\n`;
  const lengths = fc.array(fc.integer({ min: 32_400, max: 32_768 }), { minLength: 2, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(anything, lengths, async (content, between) => {
      const odd = content.slice(content.indexOf('\n') + 1);
      const large = `contactId,name\n${between.map((bytes) => padding(bytes) + odd).join('')}`;
      expect(await outcome(large, {})).toEqual(await outcome(large, { chunkBytes: 5000 }));
    }),
    { numRuns: 100 },
  );
});

test('rows come in small batches; those that were read together with the header in one, since they are looked at before the start', async () => {
  const line = 'c1,a name of twenty-odd bytes\n';
  const { rows, batches } = await readAll(`contactId,name\n${line.repeat(7000)}`);
  expect(rows).toHaveLength(7000);
  const [first, ...others] = batches;
  // The parser holds back a record or two.
  expect(first).toBeGreaterThan(65_536 / line.length - 5);
  for (const size of others) expect(size).toBeLessThan(32_768 / line.length + 3);
});

test('a record of nearly the greatest length is read, whatever was read of the rows behind it', async () => {
  const rows = `c1,${'x'.repeat(99_000)}\n${'c2,short\n'.repeat(10_000)}`;
  const read = await readAll(`contactId,name\n${rows}`, { maxRecordBytes: 100_000 });
  expect([read.error, read.rows.length]).toEqual([null, 10_001]);
});

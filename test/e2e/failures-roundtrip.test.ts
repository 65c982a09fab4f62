import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { importMemories } from '../../src/index.js';
import { startSandbox } from '../../src/sandbox/server.js';
import { csvText } from '../support/notes.js';

/** What spreadsheets, quoting, trimming and encodings trip over. */
const awkward = fc.constantFrom(
  '=',
  '+',
  '-',
  '@',
  "'",
  '"',
  '""',
  ',',
  ';',
  '\t',
  '\n',
  '\r\n',
  '\r',
  ' ',
  '\u00a0',
  '\u200b',
  '\ufeff',
  '\u2028',
  '＝',
  'e\u0301',
  'é',
  '👩‍👧',
  '𝒳',
  '\\',
  '|',
  'C-1',
  '_row',
);
const piece = fc.string({
  unit: fc.oneof({ weight: 3, arbitrary: awkward }, { weight: 2, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 3 }) }),
  maxLength: 12,
});
const cell = fc.tuple(piece, piece).map(
  ([before, after]) =>
    (number: number) =>
      `${before}n${number}${after}`.replaceAll('\0', ''),
);

test('any text in, the same text out: import, failures.csv, import', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ name: cell, text: cell, other: piece }), { minLength: 1, maxLength: 8 }), async (rows) => {
      const notes = rows.map(({ name, text, other }, i) => ({ name: name(i), text: text(i), other: other.replaceAll('\0', '') }));
      const folder = mkdtempSync(join(tmpdir(), 'memory-import-roundtrip-'));
      let refuse = true;
      const sandbox = await startSandbox({
        answerWith: ({ method }) =>
          refuse && method === 'POST' ? { status: 400, body: { status: 'error', message: 'Not yet' } } : undefined,
      });
      try {
        const input = join(folder, 'notes.csv');
        writeFileSync(
          input,
          csvText([['contactId', 'name', 'text', '=other'], ...notes.map(({ name, text, other }) => ['C-1', name, text, other])]),
        );
        const options = { baseUrl: sandbox.url, ledger: join(folder, 'ledger.db'), out: join(folder, 'runs'), delimiter: ',' };
        const hooks = { env: { CALLERS_API_KEY: 'sandbox-key' } };
        const first = await importMemories({ ...options, inputs: [input] }, hooks);
        expect(first.counts).toMatchObject({ rows: notes.length, failed: notes.length, failures: { badRequest: notes.length } });
        refuse = false;
        const second = await importMemories({ ...options, inputs: [first.files.failures ?? ''] }, hooks);
        expect(second.counts).toMatchObject({ rows: notes.length, created: notes.length });
        expect(sandbox.memories().map(({ name, text }) => ({ name, text }))).toEqual(notes.map(({ name, text }) => ({ name, text })));
      } finally {
        await sandbox.close();
        rmSync(folder, { recursive: true, force: true });
      }
    }),
    { numRuns: 30, seed: 20261123 },
  );
});

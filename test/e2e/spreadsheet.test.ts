import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { importMemories } from '../../src/index.js';
import type { ImportOptions } from '../../src/options.js';
import { startSandbox } from '../../src/sandbox/server.js';
import { SOFFICE, saveInLibreOffice } from '../support/libreoffice.js';
import { csvText } from '../support/notes.js';
import { readReport } from '../support/reports.js';

/** What a spreadsheet changes, or would run. */
const AWKWARD = [
  ...[
    '007',
    '0012345',
    '00',
    '123456789012345678901',
    '1234567890123456',
    '123456789012',
    '1E5',
    '1.5e3',
    '003E5',
    '1.50',
    '1.0',
    '.5',
    '5.',
  ],
  ...['1,500', '1,234,567', '1,5', ' 007', '42', '1.5', '0', '１２', '+49 30 123456', '-5', '=1+1', '@SUM(A1)', "'quoted", "'=1+1", '%5'],
  ...['2026-11-23', '2026-11-23 10:00:00', '2026-11-23T10:00:00Z', '11/23/2026', '23.11.2026', '1/2', '1-2', '10:30', 'Jan 5', 'MARCH1'],
  ...[
    'TRUE',
    'false',
    'WAHR',
    '50%',
    '$5',
    '5 €',
    '#N/A',
    'two\nlines',
    'crlf\r\nline',
    '"quoted"',
    'a,b;c\td',
    '👍🏽 ملاحظة 備忘',
    'e\u0301',
    'ends in blanks  ',
  ],
];

test.skipIf(SOFFICE === null)(
  'failures.csv, opened and saved in LibreOffice, comes back as it was, or is refused where it was opened in another encoding',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'memory-import-office-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const refusing = await startSandbox({
      missing: [],
      answerWith: ({ method }) => (method === 'POST' ? { status: 400, body: { status: 'error', message: 'Not yet' } } : undefined),
    });
    onTestFinished(() => refusing.close());
    // As the API has them.
    const ids = AWKWARD.filter((cell) => /^[\w.@:+-]{1,64}$/.test(cell));
    const notes = AWKWARD.map((cell, i) => ({ contactId: ids[i % ids.length]!, name: `${cell}`, text: cell, date: cell }));
    writeFileSync(
      join(folder, 'notes.csv'),
      csvText([
        ['contactId', 'name', 'text', 'Create date'],
        ...notes.map(({ contactId, name, text, date }) => [contactId, name, text, date]),
      ]),
    );
    const run = (path: string, { url }: { readonly url: string }, options: ImportOptions = {}) =>
      importMemories(
        {
          inputs: [path],
          baseUrl: url,
          apiKey: 'sandbox-key',
          ledger: join(folder, `${new URL(url).port}.db`),
          out: join(folder, 'runs'),
          reconcileWait: '50ms',
          ...options,
        },
        { env: {} },
      );
    mkdirSync(join(folder, 'opened'));
    for (const excel of [false, true]) {
      const { files, counts } = await run(join(folder, 'notes.csv'), refusing, { excel });
      expect(counts).toMatchObject({ failed: notes.length, failures: { badRequest: notes.length } });
      copyFileSync(files.failures!, join(folder, 'opened', excel ? 'excel.csv' : 'plain.csv'));
    }
    const excelBytes = readFileSync(join(folder, 'opened', 'excel.csv'), 'utf8');
    expect([excelBytes.startsWith('\ufeffcontactId,'), excelBytes.endsWith('\r\n')]).toEqual([true, true]);

    const save = async (separator: string, opened: 'plainly' | 'with dates' | 'as windows-1252', names: readonly string[]) => {
      const to = join(folder, opened);
      const files = names.map((name) => join(folder, 'opened', name));
      await saveInLibreOffice({ files, to, profile: join(folder, 'profile'), separator, opened });
      return names.map((name) => join(to, name));
    };
    const saved = [...(await save(';', 'plainly', ['plain.csv', 'excel.csv'])), ...(await save(',', 'with dates', ['excel.csv']))];
    for (const path of saved) {
      const sandbox = await startSandbox({ missing: [] });
      onTestFinished(() => sandbox.close());
      const { status, files } = await run(path, sandbox);
      expect([path, status, readReport(files.failures!)]).toEqual([path, 'completed', []]);
      const shape = (note: { contactId: string; name: string; text: string }) =>
        [note.contactId, note.name, note.text].map((cell) => cell.replaceAll('\r\n', '\n'));
      expect(sandbox.memories().map(shape).sort()).toEqual(notes.map(shape).sort());
    }
    const [garbled = ''] = await save(',', 'as windows-1252', ['plain.csv']);
    await expect(run(garbled, refusing)).rejects.toThrow(/Nothing was sent[\s\S]*mojibake/);
  },
);

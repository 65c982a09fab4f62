import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { importMemories } from '../../../src/import.js';
import type { ImportOptions } from '../../../src/options.js';
import { resolveOptions } from '../../../src/options.js';
import { openIntake } from '../../../src/run/intake.js';
import { surveyInputs } from '../../../src/run/survey.js';
import { startSandbox } from '../../../src/sandbox/server.js';
import { csvOf, makeNotes } from '../../support/notes.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'survey-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

function resolved(inputs: readonly string[], more: ImportOptions = {}) {
  return resolveOptions({ inputs, apiKey: 'k', ledger: join(folder, 'ledger.db'), ...more }, {});
}

async function survey(inputs: readonly string[], more: ImportOptions = {}) {
  const options = resolved(inputs, more);
  const intake = await openIntake(options);
  try {
    return await surveyInputs(options, intake);
  } finally {
    await intake.close();
  }
}

const notes = (count: number, prefix = 'C') => makeNotes({ count, contacts: Math.ceil(count / 4), prefix });

describe('the survey of the inputs', () => {
  test('counts a small input exactly, with its sub organizations', async () => {
    const some = notes(300).map((note, i) => (i % 3 === 0 ? note : { ...note, subOrg: `so-${i % 2}` }));
    const found = await survey([write('a.csv', csvOf(some))]);
    expect(found).toMatchObject({ rows: { count: 300, precision: 'exact' }, toSend: { count: 300, precision: 'exact' }, seen: 300 });
    expect(new Set(found?.subOrgs)).toEqual(new Set([null, 'so-0', 'so-1']));
  });

  test.each([
    ['a file', (csv: string) => [write('a.csv', csv)]],
    ['a gzipped file', (csv: string) => [write('a.csv.gz', gzipSync(csv))]],
    ['UTF-16', (csv: string) => [write('a.csv', Buffer.from(`\ufeff${csv}`, 'utf16le'))]],
    ['two files', (csv: string) => [write('a.csv', csv), write('b.csv', csv)]],
  ])('tells the rows of a large input from its size: %s', async (_what, paths) => {
    const inputs = paths(csvOf(notes(12_000)));
    const found = await survey(inputs);
    const rows = 12_000 * inputs.length;
    expect(found?.rows.precision).toBe('about');
    expect(Math.abs((found?.rows.count ?? 0) / rows - 1)).toBeLessThan(0.15);
    expect(found?.seen).toBeLessThan(5000);
  });

  test('takes no more rows than --limit', async () => {
    const path = write('a.csv', csvOf(notes(5000)));
    expect(await survey([path], { limit: 20 })).toMatchObject({ rows: { count: 20, precision: 'exact' } });
    expect((await survey([path], { limit: 3000 }))?.rows.count).toBe(3000);
  });

  test('does not count what the ledger knows as imported, or what cannot be sent', async () => {
    const path = write('a.csv', `${csvOf(notes(1500))}C-1,no text\nC-1,,no name\n`);
    const sandbox = await startSandbox();
    onTestFinished(() => sandbox.close());
    const target = { baseUrl: sandbox.url, ledger: join(folder, 'ledger.db') };
    const summary = await importMemories({ inputs: [path], apiKey: 'sandbox-key', out: join(folder, 'runs'), limit: 700, ...target });
    expect(summary.counts.created).toBe(700);
    expect(await survey([path], { ...target, apiKey: 'sandbox-key' })).toMatchObject({ rows: { count: 1502 }, toSend: { count: 800 } });
    // Of another account nothing is known.
    expect((await survey([path], { ...target, apiKey: 'another' }))?.toSend.count).toBeGreaterThan(1000);
  });

  test('ends where the run will: what comes before a quote that never closes counts', async () => {
    const path = write('a.csv', `${csvOf(notes(10))}C-1,Call,"never closed\nC-2,Call,text\n`);
    expect(await survey([path])).toMatchObject({ rows: { count: 10, precision: 'exact' } });
  });

  test('leaves what can be read only once alone', async () => {
    const path = write('a.csv', csvOf(notes(10)));
    expect(await surveyInputs(resolved([path, '-']), { totalBytes: null, contacts: null })).toBeNull();
  });

  test('of a file of terabytes reads its beginning', async () => {
    const path = write('a.csv', csvOf(notes(3000)));
    truncateSync(path, 2 * 1024 ** 4);
    expect((await survey([path]))?.rows.count).toBeGreaterThan(1e9);
  });
});

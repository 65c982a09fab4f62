import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { LargeImport } from '../../../src/model-plan.js';
import { type ImportOptions, resolveOptions } from '../../../src/options.js';
import { checkBeforeStart } from '../../../src/run/before-start.js';
import { openIntake } from '../../../src/run/intake.js';
import { csvOf, makeNotes } from '../../support/notes.js';

/** What was asked about; null where nothing was. */
async function askedAbout(count: number, more: ImportOptions = {}): Promise<LargeImport | null> {
  const folder = mkdtempSync(join(tmpdir(), 'before-start-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const input = join(folder, 'notes.csv');
  writeFileSync(input, csvOf(makeNotes({ count, contacts: 100 })));
  const baseUrl = 'https://callers.invalid';
  const resolved = resolveOptions({ inputs: [input], apiKey: 'k', ledger: join(folder, 'ledger.db'), baseUrl, ...more }, {});
  const intake = await openIntake(resolved);
  let asked: LargeImport | null = null;
  try {
    const confirm = async (large: LargeImport) => {
      asked = large;
      return true;
    };
    await checkBeforeStart({ resolved, intake, confirm });
  } finally {
    await intake.close();
  }
  return asked;
}

test('more than 1,000 rows for a host elsewhere are asked about, and 1,000 are not', async () => {
  expect(await askedAbout(1001)).toMatchObject({ baseUrl: 'https://callers.invalid/', rows: { count: 1001 }, subOrgs: [null] });
  expect(await askedAbout(1000)).toBeNull();
  expect(await askedAbout(1500, { limit: 1000 })).toBeNull();
});

test.each(['http://127.0.0.1:8080', 'http://localhost', 'http://[::1]:1'])(
  'of %s nobody is asked, however many they are',
  async (baseUrl) => {
    expect(await askedAbout(1001, { baseUrl })).toBeNull();
  },
);

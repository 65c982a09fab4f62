import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type RowFailure, UNKNOWN_CONTACT } from '../../../src/model.js';
import { countUnknownContacts } from '../../../src/report/unknown-contacts.js';

const failure = (details: unknown): RowFailure => ({ kind: 'failed', class: 'invalid', status: null, message: '', details, attempts: 0 });
const unknown = (value: string) => failure([{ field: 'contactId', rule: UNKNOWN_CONTACT, measure: 1, value }]);

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'memory-import-unknown-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

it('writes each unknown id with its rows, most rows first, guarded against formulas, for its owner only', async () => {
  const contacts = countUnknownContacts();
  for (const id of ['a', '=b', 'c,d', '=b']) contacts.add(unknown(id));
  contacts.add(failure([{ field: 'text', rule: 'max_length', measure: 6000 }]));
  contacts.add(failure({ message: 'no such contact' }));
  contacts.add(failure(null));
  const path = await contacts.write(makeFolder());
  expect(readFileSync(path!, 'utf8')).toBe('crmId,rows,contactId\n\'=b,2,\na,1,\n"c,d",1,\n');
  expect(statSync(path!).mode & 0o777).toBe(0o600);
});

it('writes no file where every id was known', async () => {
  expect(await countUnknownContacts().write(makeFolder())).toBeNull();
});

it('counts only the rows of the ids that are too many to remember', async () => {
  const contacts = countUnknownContacts();
  for (let i = 0; i < 200_005; i++) contacts.add(unknown(`id-${i}`));
  contacts.add(unknown('id-7'));
  const lines = readFileSync((await contacts.write(makeFolder()))!, 'utf8')
    .trimEnd()
    .split('\n');
  expect(lines).toHaveLength(200_002);
  expect([lines[1], lines.at(-1)]).toEqual(['id-7,2,', '(other ids),5,']);
});

import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { UserError } from '../../../src/errors.js';
import type { ImportEvent } from '../../../src/model.js';
import { type LoadContacts, loadContacts } from '../../../src/run/load-contacts.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'memory-import-contacts-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
let memoryBytes: number | undefined;

async function load(content: string | Uint8Array, options: LoadContacts = {}) {
  const path = join(folder, `map-${++files}.csv`);
  writeFileSync(path, content);
  const { crosswalk } = await loadContacts(path, { ...options, ...(memoryBytes === undefined ? {} : { memoryBytes }) });
  onTestFinished(crosswalk.close);
  return crosswalk;
}

async function refusal(content: string): Promise<string> {
  const error: unknown = await load(content).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  return (error as Error).message;
}

describe.each([
  ['memory', undefined],
  ['on disk', 0],
])('loadContacts into %s', (_, bytes) => {
  beforeAll(() => {
    memoryBytes = bytes;
  });

  it.each<[string, string | Uint8Array]>([
    ['as it should be', 'crmId,contactId,subOrg\n17,C-1,north\n'],
    ['with other spellings and an order of its own', 'Sub Org;CALLERS ID;Name;CRM_ID\nnorth;C-1;Ada;17\n'],
    ['gzipped', gzipSync('crmId,contactId,subOrg\n17,C-1,north\n')],
    ['in UTF-16', Buffer.from('\ufeffcrmId\tcontactId\tsubOrg\r\n17\tC-1\tnorth\r\n', 'utf16le')],
    ['with blanks around, seen and unseen', 'crmId,contactId,subOrg\n\u00a017\u200b, C-1 ,\ufeffnorth\n'],
  ])('reads a list %s', async (_, content) => {
    const crosswalk = await load(content);
    expect(crosswalk.find('17')).toEqual({ contactId: 'C-1', subOrg: 'north' });
  });

  it('passes over rows without a contact, and takes a row that stands there twice', async () => {
    const crosswalk = await load('crmId,contactId\n1,C-1\n2,\n1,C-1\n\n3,C-3\n');
    expect(crosswalk.size).toBe(2);
    expect(crosswalk.find('2')).toBeNull();
    expect(crosswalk.find('3')).toEqual({ contactId: 'C-3', subOrg: null });
  });

  it('takes the list of unknown contacts of a run, filled in, and undoes its guard against formulas', async () => {
    const crosswalk = await load("crmId,rows,contactId\n'+4912,3,C-1\n7,1,\n");
    expect(crosswalk.find('+4912')?.contactId).toBe('C-1');
    expect((await load("crmId,contactId\n'x,C-2\n")).find("'x")?.contactId).toBe('C-2');
  });

  it.each([
    [
      'crmId,contactId\n1,C-1\n2,C-2\n1,C-3\n',
      /line 4: "1" stands there with another contact than in line 2; one id is one contact\. Nothing was sent/,
    ],
    ['crmId,contactId\n0035g00000AbCdE,C-1\n0035g00000AbCdEAAV,C-2\n', /line 3: .* than in line 2/],
    ['crmId,contactId\n,C-1\n', /line 2: the contact "C-1" has no crmId/],
    ['crmId,contactId\n1,C-1,x\n', /line 2: 3 columns, expected 2/],
    ['crmId,contactId\n1,..\n', /line 2: contactId: ".." is no id/],
    ['crmId,contactId,subOrg\n1,C-1,nörd\n', /line 2: subOrg: U\+00F6/],
    ['crmId,contactId\n1,"C-1\n', /quote that opens at line 2/],
    ['crm,contactId\n1,C-1\n', /no column crmId; a list of contacts has the columns crmId.*\n {2}headers seen: "crm", "contactId"/],
    ['crmId,CRM ID,contactId\n1,1,C-1\n', /crmId: "crmId" and "CRM ID" could be meant/],
    ['crmId,contactId\n', /no row has both crmId and contactId/],
    ['', /the file is empty/],
  ])('refuses %j', async (content, message) => {
    expect(await refusal(content)).toMatch(message);
  });

  it('refuses ids that a spreadsheet damaged, in either column, unless that is accepted', async () => {
    for (const [row, column, finding] of [
      ['1.01E+14,C-1', 'crmId', 'scientific-ids'],
      ['1,1.23457E+14', 'contactId', 'scientific-ids'],
      ['003d000000tm2iaaal,C-1', 'crmId', 'salesforce-case'],
    ] as const) {
      const content = `crmId,contactId\n7,C-7\n${row}\n`;
      expect(await refusal(content)).toMatch(new RegExp(`line 3: ${column}: ${finding}: .*--accept ${finding}\\. Nothing was sent`));
      const crosswalk = await load(content, { accept: [finding] });
      expect(crosswalk.size).toBe(2);
    }
    // Without a contact it says nothing.
    expect((await load('crmId,contactId\n1.01E+14,\n7,C-7\n')).size).toBe(1);
  });

  it('refuses standard input, and a file that is not there', async () => {
    await expect(loadContacts('-')).rejects.toThrow(/--contacts: expected a file/);
    await expect(loadContacts(join(folder, 'nowhere.csv'))).rejects.toThrow(/nowhere\.csv/);
  });

  it('says every five seconds how far it is', async () => {
    const path = join(folder, 'long.csv');
    const rows = Array.from({ length: 50_000 }, (_, i) => `${i},C-${i}\n`);
    writeFileSync(path, `crmId,contactId\n${rows.join('')}`);
    const told: ImportEvent[] = [];
    let asked = 0;
    const { crosswalk } = await loadContacts(path, { emit: (event) => told.push(event), now: () => 2500 * asked++ });
    crosswalk.close();
    expect(told.length).toBeGreaterThan(1);
    expect(told.length).toBeLessThanOrEqual(asked / 2);
    expect(told[0]).toMatchObject({ type: 'reading_contacts', path, contacts: expect.any(Number), totalBytes: statSync(path).size });
    const counts = told.map((event) => (event.type === 'reading_contacts' ? event.contacts : 0));
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(counts[0]).toBeGreaterThan(0);
  });
});

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { type ImportEvent, importMemories, planImport, type RunSummary } from '../../src/index.js';
import { rewriteReports } from '../../src/rewrite-reports.js';
import { test as benchTest } from '../support/bench.js';
import { type Desk, test } from '../support/desk.js';
import { expectConservation } from '../support/promises.js';
import { readReport } from '../support/reports.js';

const crm = (name: string) => new URL(`../fixtures/crm/${name}`, import.meta.url).pathname;
const CONTACTS = crm('contacts.csv');

interface Case {
  readonly file: string;
  readonly profile: string;
  /** Beside --contacts. */
  readonly options?: object;
  readonly filtered: number;
  readonly invalid?: number;
  /** contact, name, text; in no order. */
  readonly memories: readonly (readonly [contactId: string, name: string, text: string])[];
}

const CASES: readonly Case[] = [
  {
    file: 'salesforce-note.csv',
    profile: 'salesforce-note',
    filtered: 3,
    invalid: 1,
    memories: [
      ['C-ada', 'First call', 'Wants the "blue" one,\r\nby Friday.\r\n\r\nCall again.'],
      ['C-ben', 'Note of 2023-05-02 09:15:00', 'No title was typed here.'],
    ],
  },
  {
    file: 'salesforce-task.csv',
    profile: 'salesforce-task',
    filtered: 2,
    memories: [
      ['C-ada', 'Call', 'Talked about the renewal.'],
      ['C-lead', 'E-Mail: offer', 'Sent the offer.\nAttached: price list'],
      ['C-ben', 'Letter', 'Letter'],
    ],
  },
  {
    file: 'salesforce-event.csv',
    profile: 'salesforce-event',
    filtered: 0,
    memories: [
      ['C-ada', 'Visit', 'Showed the new office.'],
      ['C-ben', 'Lunch', 'Lunch'],
    ],
  },
  {
    file: 'salesforce-report.csv',
    profile: 'salesforce-report',
    filtered: 5,
    memories: [
      ['C-ada', 'Call', 'Line one,\r\nline two.'],
      ['C-ben', 'Call', 'Another person: the ids differ by case only.'],
    ],
  },
  {
    file: 'salesforce-case.csv',
    profile: 'salesforce-case',
    options: { profile: 'salesforce-case' },
    filtered: 1,
    memories: [['C-ada', 'Printer', 'It does not print.']],
  },
  {
    file: 'hubspot-notes.csv',
    profile: 'hubspot-notes',
    filtered: 1,
    invalid: 1,
    memories: [
      ['C-101', 'Note of 2024-03-05 14:22', 'Asked about pricing & terms.\n\n- yearly\n- monthly'],
      ['C-102', 'Note of 2024-03-05 14:22', 'Asked about pricing & terms.\n\n- yearly\n- monthly'],
      ['C-102', 'Note of 2024-03-06 09:00', 'Left a voicemail.'],
      ['C-101', 'Note of 2024-03-07 10:30', 'Same person, two records.'],
      ['C-101', 'Note of 2024-03-09 08:00', 'One is known, one is not.'],
    ],
  },
  {
    file: 'hubspot-notes-es.csv',
    profile: 'hubspot-notes',
    filtered: 0,
    memories: [
      ['C-101', 'Nota de 2024-04-01 12:00', 'Llamó por la garantía.'],
      ['C-102', 'Nota de 2024-04-02 12:00', 'Reunión el lunes.'],
      ['C-101', 'Nota de 2024-04-02 12:00', 'Reunión el lunes.'],
    ],
  },
  {
    file: 'hubspot-contacts.csv',
    profile: 'hubspot-contacts',
    filtered: 1,
    memories: [['C-101', 'HubSpot notes', 'Likes engines; call in May']],
  },
  {
    file: 'zoho-notes.csv',
    profile: 'zoho-notes',
    filtered: 1,
    memories: [
      ['C-zoe', 'Visit', 'Came by; liked it'],
      ['C-yan', 'Note of 2023-02-02 10:00:00', 'No title at all'],
    ],
  },
  {
    file: 'pipedrive-notes.csv',
    profile: 'pipedrive-notes',
    filtered: 1,
    memories: [
      ['C-7', 'Note of 2023-08-01 07:00:00', 'Call again\nafter lunch'],
      ['C-8', 'Note of 2023-08-03 07:00:00', 'Long talk. Long talk. Long talk.'],
    ],
  },
  {
    file: 'dynamics-notes.csv',
    profile: 'dynamics-notes',
    filtered: 0,
    memories: [
      ['C-ada', 'Visit', 'Met at the fair'],
      ['C-ben', 'Note of 5/6/2023 9:00', 'No title in it'],
    ],
  },
  {
    file: 'zendesk-sell-notes.csv',
    profile: 'zendesk-sell-notes',
    filtered: 1,
    memories: [
      ['C-5501', 'Note of 2023-09-01T08:00:00Z', 'Prefers e-mail'],
      ['C-5502', 'Note of 2023-09-03T08:00:00Z', 'Prefers the phone'],
    ],
  },
  {
    file: 'intercom-prodsight.csv',
    profile: 'intercom-prodsight',
    filtered: 1,
    memories: [
      ['C-u1', 'Message of 2017-11-14 21:45:08', 'How do I export?'],
      ['C-u2', 'Message of 2017-11-15 08:00:00', 'Thanks!'],
    ],
  },
  {
    file: 'close-contacts.csv',
    profile: 'close-contacts',
    filtered: 2,
    memories: [
      ['C-a1', 'Notes on Acme', 'Met in Oslo'],
      ['C-b2', 'Notes on Beta', 'Called twice'],
    ],
  },
];

describe('the export of a CRM goes in as it comes', () => {
  test.for(CASES)('$file, as $profile', async ({ file, profile, options = {}, filtered, invalid = 0, memories }, { openDesk }) => {
    const desk = await openDesk();
    const { summary, events } = await importFile(desk, crm(file), options);
    expectConservation(summary);
    expect(summary.counts).toMatchObject({ filtered, created: memories.length });
    expect(summary.counts.failures).toMatchObject({ invalid, malformed: 0 });
    const there = desk.sandbox.memories().map(({ contactId, name, text }) => JSON.stringify([contactId, name, text]));
    expect(there.sort()).toEqual(memories.map((memory) => JSON.stringify(memory)).sort());
    const said = events.flatMap((event) => (event.type === 'warning' && event.code === 'profile_found' ? [event.message] : []));
    expect(said).toEqual('profile' in options ? [] : [expect.stringContaining(`read as ${profile} (`)]);
    // Again, found once more: nothing is new.
    const again = await importFile(desk, crm(file), options);
    expect(again.summary.counts).toMatchObject({ created: 0, alreadyImported: memories.length, filtered });
  });

  test('gzipped, two CRMs at once, each as what it is; plan says so beforehand', async ({ openDesk }) => {
    const desk = await openDesk();
    const close = join(desk.folder, 'close.csv.gz');
    writeFileSync(close, gzipSync(readFileSync(crm('close-contacts.csv'))));
    const inputs = [close, crm('zendesk-sell-notes.csv')];
    const plan = await planImport({ inputs, contacts: CONTACTS, ledger: desk.options.ledger }, { env: {} });
    expect(plan.readAs.map(({ profile, how }) => [profile, how])).toEqual([
      ['close-contacts', 'found'],
      ['zendesk-sell-notes', 'found'],
    ]);
    const { summary } = await importFile(desk, inputs);
    expect(summary.counts).toMatchObject({ rows: 7, created: 4, filtered: 3 });
  });

  test('notes of Close in several columns: imported once for each, without the contacts that have no such note', async ({ openDesk }) => {
    const desk = await openDesk();
    await importFile(desk, crm('close-contacts.csv'));
    const { summary } = await importFile(desk, crm('close-contacts.csv'), { profile: 'close-contacts', map: ['text=custom.Notes 2'] });
    expect(summary.counts).toMatchObject({ rows: 4, created: 1, filtered: 3, failed: 0 });
    expect(desk.sandbox.memories().map(({ contactId, text }) => [contactId, text])).toContainEqual(['C-a1', 'Second thoughts']);
    expect(desk.sandbox.stats()).toMatchObject({ created: 3, duplicates: 0 });
  });

  test('Pipedrive with labels, and HTML of 100,000 characters: in parts, none of it lost', async ({ openDesk }) => {
    const desk = await openDesk();
    const path = join(desk.folder, 'pipedrive.csv');
    const words = Array.from({ length: 10_600 }, (_, i) => `word${i}`);
    const html = `<p>${words.join(' ').replaceAll('0 word', '0</p><p>word')}</p>`;
    expect(html.length).toBeGreaterThan(100_000);
    writeFileSync(path, `ID,Note content,Person - ID,Deal - ID,Add time\n1,${html},7,,2023-08-01 07:00:00\n`);
    const { summary } = await importFile(desk, path, { tooLong: 'split' });
    expect(summary.counts).toMatchObject({ rows: 1, created: 1 });
    const parts = desk.sandbox.memories();
    expect(parts.map(({ name }) => name)).toEqual(parts.map((_, i) => `Note of 2023-08-01 07:00:00 (${i + 1}/${parts.length})`));
    expect(parts.length).toBeGreaterThan(18);
    expect(parts.flatMap(({ text }) => text.split(/\s+/))).toEqual(words);
  });

  test('a row of several contacts: each has its outcome, failures.csv names only the ids that failed, and is imported once the list has them', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ missing: ['C-102'] });
    const { summary: first } = await importFile(desk, crm('hubspot-notes.csv'));
    expect(first.counts).toMatchObject({ rows: 7, created: 3, failed: 3, failures: { notFound: 2, invalid: 1 } });
    const failures = readReport(first.files.failures!);
    expect(failures.map((row) => [row._row, row['Associated Contact IDs'], row._class])).toEqual([
      ['1', '102', 'not_found'],
      ['2', '102', 'not_found'],
      ['5', '999', 'invalid'],
    ]);
    expect(readFileSync(first.files.unknownContacts!, 'utf8')).toBe('crmId,rows,contactId\n999,1,\n');

    const before = files(first);
    const rewritten = await rewriteReports(first.runId, { ledger: desk.options.ledger }, { env: {} });
    expect(rewritten.notes).toEqual([]);
    expect(rewritten.files.unknownContacts).toBe(first.files.unknownContacts);
    expect(files(first)).toEqual(before);

    const list = join(desk.folder, 'more.csv');
    writeFileSync(list, `${readFileSync(CONTACTS, 'utf8').replace('102,C-102', '102,C-202')}999,C-999,\n`);
    const { summary: second, events } = await importFile(desk, first.files.failures!, { contacts: list });
    expect(events.some((event) => event.type === 'warning' && event.message.includes('read as hubspot-notes'))).toBe(true);
    expect(second.counts).toMatchObject({ rows: 3, created: 3, failed: 0 });
    expect(second.files.unknownContacts).toBeUndefined();
    expect(new Set(desk.sandbox.memories().map(({ contactId }) => contactId))).toEqual(new Set(['C-101', 'C-202', 'C-999']));
    expect(desk.sandbox.stats().duplicates).toBe(0);
  });

  test('a profile makes no known note a new one: what identifies it are its contact and its cells', async ({ openDesk }) => {
    const desk = await openDesk();
    const byHand = { map: ['contactId=IDs de contactos asociados', 'text=Cuerpo de la nota'], set: ['name=Note'], contactSeparator: ';' };
    const { summary: first, events } = await importFile(desk, crm('hubspot-notes-es.csv'), byHand);
    expect(first.counts).toMatchObject({ created: 3 });
    expect(events.some((event) => event.type === 'warning')).toBe(false);
    expect(desk.sandbox.memories().map(({ text }) => text)).toContain('<p>Llamó por la garantía.</p>');
    const { summary: second } = await importFile(desk, crm('hubspot-notes-es.csv'));
    expect(second.counts).toMatchObject({ created: 0, alreadyImported: 3 });
  });

  test('--limit counts records, however many contacts they name', async ({ openDesk }) => {
    const desk = await openDesk();
    const { summary } = await importFile(desk, crm('hubspot-notes.csv'), { limit: 1 });
    expect(summary.counts).toMatchObject({ rows: 2, created: 2 });
  });

  test('a hundred contacts in one cell get the note, each once', async ({ openDesk }) => {
    const desk = await openDesk();
    const path = join(desk.folder, 'many.csv');
    const ids = Array.from({ length: 100 }, (_, i) => `c${i}`);
    writeFileSync(path, `contactId,name,text\n"${[...ids, 'c7', ''].join(';')}",News,To all\n`);
    const { summary } = await importFile(desk, path, { contactSeparator: ';', contacts: undefined });
    expect(summary.counts).toMatchObject({ rows: 100, created: 100 });
    expect(desk.sandbox.stats()).toMatchObject({ distinct: 100, duplicates: 0 });
  });

  test("rows that name no sub organization get the list's, and --profile none leaves a file to its column names", async ({ openDesk }) => {
    const desk = await openDesk();
    await importFile(desk, crm('salesforce-task.csv'));
    expect(desk.sandbox.memories().map(({ contactId, subOrg }) => [contactId, subOrg])).toContainEqual(['C-lead', 'north']);
    await expect(importFile(desk, crm('salesforce-task.csv'), { profile: 'none' })).rejects.toThrow(/contactId: no column of that name/);
  });
});

describe('the command', () => {
  benchTest(
    'takes exports of three CRMs at once, says how it reads each, and the failures again with the same options',
    async ({ createBench }) => {
      const bench = await createBench({ missing: [] });
      bench.write('hubspot.csv.gz', gzipSync(readFileSync(crm('hubspot-notes.csv'))));
      const list = bench.write('map.csv', readFileSync(CONTACTS));
      const first = await bench.import(['hubspot.csv.gz', crm('zoho-notes.csv'), crm('salesforce-note.csv'), '--contacts', list]);
      expect(first.code).toBe(1);
      for (const id of ['hubspot-notes', 'zoho-notes', 'salesforce-note']) expect(first.stderr).toContain(`read as ${id} (`);
      expectConservation(first.summary);
      expect(first.summary.counts).toMatchObject({ rows: 16, created: 9, filtered: 5, failed: 2, failures: { invalid: 2 } });
      const { failures, unknownContacts } = first.summary.files;
      expect(bench.read(unknownContacts!)).toMatch(/^crmId,rows,contactId\n(999,1,\n|0035g\w+,1,\n){2}$/);

      bench.write('filled.csv', bench.read(unknownContacts!).replaceAll(',1,', ',1,C-found'));
      const second = await bench.import([failures!, failures!.replace('.csv', '-3.csv'), '--contacts', 'filled.csv']);
      expect({ code: second.code, ...second.summary.counts }).toMatchObject({ code: 0, rows: 2, created: 2 });
      expect(bench.sandbox.stats()).toMatchObject({ created: 11, duplicates: 0 });
    },
  );
});

async function importFile(
  desk: Desk,
  input: string | readonly string[],
  options: object = {},
): Promise<{ readonly summary: RunSummary; readonly events: readonly ImportEvent[] }> {
  const events: ImportEvent[] = [];
  const summary = await importMemories(
    { inputs: [input].flat(), out: join(desk.folder, 'runs'), reconcileWait: '50ms', contacts: CONTACTS, ...desk.options, ...options },
    { env: {}, onEvent: (event) => events.push(event) },
  );
  return { summary, events };
}

function files({ files: { success, failures, unknownContacts } }: RunSummary): readonly string[] {
  return [success, failures, unknownContacts].map((path) => readFileSync(path!, 'utf8').replace(/,"\[\{.*\}\]",/g, ',,'));
}

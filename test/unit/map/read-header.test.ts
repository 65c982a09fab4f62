import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/errors.js';
import { KNOWN_PROFILES } from '../../../src/map/known-profiles.js';
import { parseProfile } from '../../../src/map/profile.js';
import { headerError, isHeader, readHeader } from '../../../src/map/read-header.js';

type Options = Parameters<typeof readHeader>[2];

const AUTO: Options = { map: {}, set: {}, idColumn: null, contactSeparator: null, html: null, filter: [], since: null, profile: 'auto' };
const HUBSPOT = ['Record ID', 'Note body', 'Activity date', 'Associated Contact IDs'];
const TASK = ['Id', 'IsDeleted', 'WhoId', 'Subject', 'Status', 'Description'];
const byId = (id: string) => KNOWN_PROFILES.find((profile) => profile.id === id)!;

function read(header: readonly string[], options: Partial<Options> = {}) {
  expect(isHeader(header, { ...AUTO, ...options })).toBe(true);
  return readHeader(header, 'x.csv', { ...AUTO, ...options });
}

function refusal(header: readonly string[], options: Partial<Options> = {}): string {
  const error = headerError(header, 'x.csv', { ...AUTO, ...options });
  expect(error).toBeInstanceOf(UserError);
  expect(() => readHeader(header, 'x.csv', { ...AUTO, ...options })).toThrow(error.message);
  return error.message;
}

describe('a profile is found from the header', () => {
  it('where its columns are all there', () => {
    const { profile, isFound, plan, rules } = read(HUBSPOT);
    expect([profile?.id, isFound]).toEqual(['hubspot-notes', true]);
    expect(plan.contactId).toMatchObject({ header: 'Associated Contact IDs' });
    expect(plan.text).toMatchObject({ header: 'Note body' });
    expect(plan.name).toEqual({ kind: 'template', parts: ['Note of ', { kind: 'column', index: 2, header: 'Activity date' }] });
    expect(rules).toMatchObject({ html: 'text', contactIds: { separator: ';', none: 'filter' } });
  });

  it.each([
    [
      'decomposed',
      ['ID de registro', 'Cuerpo de la nota', 'Fecha de creación', 'IDs de contactos asociados'].map((name) => name.normalize('NFD')),
    ],
    ['in capitals', HUBSPOT.map((name) => name.toUpperCase())],
    ['with underscores', HUBSPOT.map((name) => name.replaceAll(' ', '_'))],
    [
      'among 200 others',
      [...Array.from({ length: 200 }, (_, i) => `Property ${i}`), 'Title', 'Subject', 'Description', 'Name', ...HUBSPOT],
    ],
  ])('whose names are %s', (_, header) => {
    expect(read(header).profile?.id).toBe('hubspot-notes');
  });

  it.each([
    ['Spanish', 'Cuerpo de la nota', 'IDs de contactos asociados', 'Fecha de creación', 'Nota de '],
    ['German', 'Notiztext', 'Zugeordnete Kontakt-IDs', 'Aktivitätsdatum', 'Notiz vom '],
    ['French', 'Corps de la note', 'ID de contacts associés', "Date d'activité", 'Note du '],
    ['Portuguese', 'Corpo da nota', 'IDs dos contatos associados', 'Data de criação', 'Nota de '],
    ['Italian', 'Corpo della nota', 'ID dei contatti associati', 'Data di creazione', 'Nota del '],
  ])('in each language that the README names, composed and decomposed: %s', (_, text, contactId, date, name) => {
    for (const form of ['NFC', 'NFD']) {
      const { profile, plan } = read(['ID', text, contactId, date].map((header) => header.normalize(form)));
      expect(profile?.id).toBe('hubspot-notes');
      expect([plan.text, plan.contactId]).toMatchObject([{ index: 1 }, { index: 2 }]);
      expect(plan.name).toMatchObject({ parts: [name, { index: 3 }] });
    }
  });

  it('and not where the usual names say it all, but then it is told', () => {
    expect(read(['contactId', 'name', 'text'])).toMatchObject({ profile: null, alsoFits: null });
    const header = ['ContactId', 'CaseNumber', 'Subject', 'Description', 'IsDeleted'];
    const { profile, alsoFits } = read(header);
    expect([profile, alsoFits?.id]).toEqual([null, 'salesforce-case']);
    expect(read(header, { profile: 'none' }).alsoFits).toBeNull();
  });

  it('and not with --map or --profile none', () => {
    expect(refusal(HUBSPOT, { map: { contactId: 'Record ID' } })).toMatch(/name: no column of that name/);
    const map = { contactId: 'Record ID', name: 'Activity date' };
    expect(read(HUBSPOT, { map })).toMatchObject({ profile: null, rules: { html: 'keep' } });
    expect(refusal(HUBSPOT, { profile: 'none' })).not.toContain('hubspot');
  });

  it('and not where somebody has added a column of contact ids: only they know which is meant', () => {
    expect(refusal([...HUBSPOT, 'contactId'])).toMatch(/name: no column/);
    expect(read([...HUBSPOT, 'contactId'], { profile: byId('hubspot-notes') }).plan.contactId).toMatchObject({ index: 3 });
  });

  it('with one that comes near named in the error, and what it lacks', () => {
    const message = refusal(['Record ID', 'Note body', 'Associated Contact']);
    expect(message).toContain('it comes near the profile hubspot-notes');
    expect(message).toContain('but lacks "Associated Contact IDs". Export with "Include IDs of associated records"');
    expect(refusal(TASK.filter((name) => name !== 'WhoId'))).toContain('near the profile salesforce-task');
    expect(refusal(['Id', 'Owner', 'Phone'])).not.toContain('profile');
  });

  it('also where a condition of the user’s names a column that isn’t there: only that is told', () => {
    const message = refusal(HUBSPOT, { filter: [{ column: 'Stage', isNot: false, value: 'x' }] });
    expect(message).toContain('--filter "Stage" names a column that isn\'t there');
    expect(message).not.toContain('no column of that name');
    expect(message).not.toContain('comes near');
  });

  it('and of two that fit neither is taken', () => {
    const both = ['WhoId', 'Subject', 'Description', 'Status', 'Location'];
    expect(isHeader(both, AUTO)).toBe(true); // the right delimiter
    expect(refusal(both)).toContain('it could be salesforce-task or salesforce-event; say which with --profile salesforce-task');
    expect(read(both, { profile: byId('salesforce-event') }).profile?.id).toBe('salesforce-event');
  });
});

describe('a profile that was asked for', () => {
  it('is refused where the header is another one, with what it looks for', () => {
    const message = refusal(['A', 'B'], { profile: byId('zoho-notes') });
    expect(message).toContain("x.csv: it isn't what the profile zoho-notes describes.");
    expect(message).toContain('contactId: no column of that name (looked for "Parent ID", "Parent Id.id", "Record Id.Parent")');
    expect(message).toContain('text: no column of that name (looked for "Note Content")');
    expect(message).toContain('memory-import profiles show zoho-notes');
    expect(message).toContain('headers seen: "A", "B"');
    expect(isHeader(['A', 'B'], { ...AUTO, profile: byId('zoho-notes') })).toBe(false);
  });

  it('gives way to whatever the command line says', () => {
    const { plan, rules } = read(TASK, {
      profile: byId('salesforce-task'),
      map: { text: 'Status' },
      set: { name: 'Mine' },
      filter: [{ column: 'isdeleted', isNot: false, value: '1' }],
      html: 'text',
      contactSeparator: ',',
    });
    expect(plan.text).toMatchObject({ header: 'Status' });
    expect(plan.name).toEqual({ kind: 'constant', value: 'Mine' });
    expect(plan.whenBlank).toEqual({ name: null, text: null });
    expect(plan.contactId).toMatchObject({ header: 'WhoId' });
    expect(plan.rows.filters.map(({ source, isNot, value }) => [source.header, isNot, value])).toEqual([['IsDeleted', false, '1']]);
    expect(rules).toMatchObject({ html: 'text', contactIds: { separator: ',' } });
    expect(read(HUBSPOT, { contactSeparator: 'none', html: 'keep' }).rules).toMatchObject({
      html: 'keep',
      contactIds: { separator: null },
    });
  });

  it('has filters for the columns that the file has, and says nothing of the others', () => {
    const filters = (header: readonly string[]) => read(header, { profile: byId('salesforce-task') }).plan.rows.filters;
    expect(filters(TASK)).toHaveLength(2);
    expect(filters(TASK.filter((name) => name !== 'IsDeleted'))).toEqual([]);
  });

  it('takes neither of two columns of one name', () => {
    expect(refusal([...HUBSPOT, 'note_body'], { profile: byId('hubspot-notes') })).toContain(
      'text: "Note body" and "note_body" could be meant',
    );
  });

  it('takes the first of its names that is there, and the usual names of the sub organization', () => {
    const header = ['Record ID - Contact', 'Associated Contact IDs', 'Note body', 'Sub Org'];
    const { plan } = read(header);
    expect([plan.contactId, plan.subOrg]).toMatchObject([{ index: 1 }, { index: 3 }]);
    expect(plan.name).toEqual({ kind: 'constant', value: 'HubSpot note' });
  });

  it('may be one of your own, with the id of the note as its identity', () => {
    const { profile } = parseProfile({
      id: 'mine',
      title: 'Mine',
      columns: { contactId: ['Client'], text: ['Said'] },
      set: { name: ['{Day}, {Who}', 'Talk of {Day}'] },
      idColumn: 'No',
    });
    const { plan } = read(['No', 'Client', 'Said', 'DAY'], { profile: profile! });
    expect(plan.id).toMatchObject({ index: 0 });
    expect(plan.name).toMatchObject({ parts: ['Talk of ', { index: 3 }] });
  });
});

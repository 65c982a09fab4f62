import { describe, expect, it } from 'vitest';
import { ONE_CONTACT } from '../../../src/map/apply-profile.js';
import { createContactsOf } from '../../../src/map/contacts-of.js';
import { createCrosswalk } from '../../../src/map/crosswalk.js';
import { KNOWN_PROFILES } from '../../../src/map/known-profiles.js';
import type { SourceRecord } from '../../../src/model.js';

const input = { index: 0, path: 'x.csv', header: ['who', 'text'], delimiter: ',', encoding: 'utf-8', isFailuresFile: false };
const record = (who: string): SourceRecord => ({
  kind: 'record',
  input,
  row: 1,
  line: 2,
  cells: [who, 'said'],
  bytes: 9,
  occurrence: 2,
  target: 0,
});
const source = { kind: 'column', index: 0, header: 'who' } as const;
const salesforce = KNOWN_PROFILES.find(({ id }) => id === 'salesforce-note')!.contactIds;

const LIST = createCrosswalk();
LIST.add('1', { contactId: 'C-1', subOrg: null }, 2);
LIST.add('2', { contactId: 'C-2', subOrg: 'north' }, 3);
LIST.add('also-1', { contactId: 'C-1', subOrg: null }, 4);
LIST.add('zcrm_3', { contactId: 'C-3', subOrg: null }, 5);

function contacts(who: string, rules: Partial<typeof ONE_CONTACT> = {}, crosswalk: typeof LIST | null = null) {
  const found = createContactsOf({ source, rules: { ...ONE_CONTACT, ...rules }, crosswalk })(record(who));
  return found.map(({ kind, contactId, source: { cells, target } }) => [
    contactId,
    cells[0],
    target,
    ...(kind === 'unknown' ? ['unknown'] : []),
  ]);
}

describe('the contacts that a record names', () => {
  it('are one, whatever is in the cell, where there is no separator; blanks around it go, also those that no one sees', () => {
    expect(contacts('a;b')).toEqual([['a;b', 'a;b', 0]]);
    expect(contacts(' \u200ba\u00a0')).toEqual([['a', ' \u200ba\u00a0', 0]]);
    const same = record('a');
    expect(createContactsOf({ source, rules: ONE_CONTACT, crosswalk: null })(same)[0]?.source).toBe(same);
  });

  it('are several with a separator, each once, the empty ones left out, each with a record of its own', () => {
    expect(contacts(' a ;b;;a; c', { separator: ';' })).toEqual([
      ['a', 'a', 0],
      ['b', 'b', 1],
      ['c', 'c', 2],
    ]);
    expect(contacts('a||b', { separator: '||' })).toEqual([
      ['a', 'a', 0],
      ['b', 'b', 1],
    ]);
    const [first, second] = createContactsOf({ source, rules: { ...ONE_CONTACT, separator: ';' }, crosswalk: null })(record('a;b'));
    expect([first?.source.cells, second?.source.cells]).toEqual([
      ['a', 'said'],
      ['b', 'said'],
    ]);
    expect(first?.source.occurrence).toBe(2);
  });

  it('may be a thousand', () => {
    const ids = Array.from({ length: 1000 }, (_, i) => `c${i}`);
    expect(contacts(ids.join(';'), { separator: ';' }).map(([id]) => id)).toEqual(ids);
  });

  it('are looked up in the list, the same contact by two ids once, and unknown ones are told, each once', () => {
    expect(contacts('1;2;also-1;9;8;9', { separator: ';' }, LIST)).toEqual([
      ['C-1', '1', 0],
      ['C-2', '2', 1],
      ['9', '9', 2, 'unknown'],
      ['8', '8', 3, 'unknown'],
    ]);
    const [, second] = createContactsOf({ source, rules: { ...ONE_CONTACT, separator: ';' }, crosswalk: LIST })(record('1;2'));
    expect(second?.subOrg).toBe('north');
  });

  it('are found with and without the prefix of the CRM', () => {
    const prefix = { prefix: 'zcrm_' };
    expect([contacts('3', prefix, LIST), contacts('zcrm_3', prefix, LIST), contacts('zcrm_1', prefix, LIST)]).toEqual([
      [['C-3', '3', 0]],
      [['C-3', 'zcrm_3', 0]],
      [['C-1', 'zcrm_1', 0]],
    ]);
    expect(contacts('3', {}, LIST)).toEqual([['3', '3', 0, 'unknown']]);
  });

  it('are none where what stands there means nobody: the row is left out, or fails for want of an id', () => {
    const filtering = { ...ONE_CONTACT, separator: ';', empty: ['-'], none: 'filter' as const };
    for (const who of ['', ' ', '-', ';', '-;-', ' ; ']) {
      expect(contacts(who, filtering)).toEqual([]);
      expect(contacts(who, { ...filtering, none: 'fail' })).toEqual([['', who, 0]]);
    }
  });

  it.each([
    ['0035g00000AbCdEAAV', 1],
    ['00Q5g00000LeAdA', 1],
    ['0015g00000AcCoU', 0],
    ['000000000000000AAA', 0],
    ['C-1001', 1], // somebody has put Callers' own ids there
  ])('of Salesforce: %s names %i', (who, count) => {
    expect(contacts(who, { empty: salesforce.empty, others: salesforce.others!, none: salesforce.none })).toHaveLength(count);
  });
});

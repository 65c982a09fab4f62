import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/errors.js';
import { matchColumns } from '../../../src/map/columns.js';
import { contentHash, fingerprintOf, withOccurrence } from '../../../src/map/fingerprint.js';
import { createMapper, type Mapped } from '../../../src/map/mapper.js';
import type { SourceRecord } from '../../../src/model.js';

const HEADER = ['contactId', 'name', 'text', 'subOrg', 'Owner', 'Note ID'];

interface Said {
  header?: readonly string[];
  map?: Record<string, string>;
  set?: Record<string, string>;
  idColumn?: string | null;
  defaultSubOrg?: string | null;
}

function record(cells: readonly string[], occurrence: number | null = null, header: readonly string[] = HEADER): SourceRecord {
  const input = { index: 0, path: 'notes.csv', header, delimiter: ',', encoding: 'utf-8', isFailuresFile: occurrence !== null };
  return { kind: 'record', input, row: 1, line: 2, cells, bytes: 10, occurrence, target: 0 };
}

function mapper({ header = HEADER, map = {}, set = {}, idColumn = null, defaultSubOrg = null }: Said = {}) {
  const map1 = createMapper({ plan: matchColumns({ header, path: 'notes.csv', map, set, idColumn }), defaultSubOrg });
  return (cells: readonly string[], occurrence: number | null = null) => {
    const [result, ...others] = map1(record(cells, occurrence, header));
    if (result === undefined || others.length > 0) throw new Error('expected one note');
    return result;
  };
}

function mapped(result: Mapped) {
  if (result.kind !== 'mapped') throw new Error(result.kind === 'invalid' ? result.failure.message : result.kind);
  return result;
}

function failure(result: Mapped) {
  if (result.kind !== 'invalid') throw new Error('it is valid');
  return result.failure;
}

const GOOD = ['C-1', 'Call', 'Likes tea', '', 'Kim', 'N-7'];

describe('a mapped row', () => {
  it('is the note with what identifies it', () => {
    const base = fingerprintOf({ contactId: 'C-1', subOrg: 'so-1', content: { kind: 'note', name: ' Call', text: 'Likes\r\ntea ' } });
    expect(mapper()([' C-1 ', ' Call', 'Likes\r\ntea ', ' so-1 ', '', ''])).toEqual({
      kind: 'mapped',
      source: record([' C-1 ', ' Call', 'Likes\r\ntea ', ' so-1 ', '', '']),
      base,
      draft: {
        contactId: 'C-1',
        subOrg: 'so-1',
        name: ' Call',
        text: 'Likes\r\ntea ',
        fingerprint: base,
        sentHash: contentHash('Call', 'Likes\ntea'),
        inputHash: null,
        occurrence: 1,
      },
    });
  });

  it('goes to the usual sub organization only where it names none, and that is part of its identity', () => {
    const usual = mapper({ defaultSubOrg: 'so-9' });
    expect(mapped(usual(GOOD)).draft.subOrg).toBe('so-9');
    expect(mapped(usual(['C-1', 'Call', 'Likes tea', 'so-1'])).draft.subOrg).toBe('so-1');
    expect(mapped(mapper()(GOOD)).draft.subOrg).toBeNull();
    expect(mapped(usual(GOOD)).base).not.toBe(mapped(mapper()(GOOD)).base);
    expect(mapped(usual(GOOD)).base).toBe(mapped(mapper()(['C-1', 'Call', 'Likes tea', 'so-9'])).base);
  });

  it('does not depend on columns that are no part of the note', () => {
    expect(mapped(mapper()(['C-1', 'Call', 'Likes tea', '', 'Ann', 'N-8'])).base).toBe(mapped(mapper()(GOOD)).base);
  });

  it('keeps its identity when a constant name changes', () => {
    const named = (name: string) => mapped(mapper({ header: ['contactId', 'text'], set: { name } })(['C-1', 'Likes tea']));
    expect(named('One').base).toBe(named('Two').base);
    expect(named('One').draft.name).toBe('One');
    expect(named('One').draft.sentHash).not.toBe(named('Two').draft.sentHash);
  });

  it('is identified by the CRM’s own id with --id-column, and knows when its content changed', () => {
    const byId = mapper({ idColumn: 'Note ID' });
    const first = mapped(byId(GOOD));
    const changed = mapped(byId(['C-1', 'Call', 'Likes coffee', '', '', ' N-7 ']));
    expect(changed.base).toBe(first.base);
    expect(changed.draft.inputHash).not.toBe(first.draft.inputHash);
    expect(first.draft.inputHash).toBe(contentHash('Call', 'Likes tea'));
    expect(mapped(byId(['C-1', 'Call', 'Likes tea', '', '', 'N-8'])).base).not.toBe(first.base);
    expect(mapped(byId(['C-2', 'Call', 'Likes tea', '', '', 'N-7'])).base).not.toBe(first.base);
  });

  it('does not call a note changed because a constant did', () => {
    const named = (name: string) =>
      mapped(mapper({ header: ['contactId', 'text', 'id'], set: { name }, idColumn: 'id' })(['C-1', 'Likes tea', '7'])).draft;
    expect(named('One').inputHash).toBe(named('Two').inputHash);
  });

  it('takes its occurrence from a failures file', () => {
    const { draft, base } = mapped(mapper()(GOOD, 3));
    expect(draft.occurrence).toBe(3);
    expect(draft.fingerprint).toBe(withOccurrence(base, 3));
    expect(mapped(mapper()(GOOD, 1)).draft.fingerprint).toBe(base);
  });
});

describe('an invalid row', () => {
  it('says field, rule and measure of everything that is wrong with it', () => {
    expect(failure(mapper()(['', 'n'.repeat(201), 't'.repeat(6212), 'so\u00fc', '', '']))).toEqual({
      kind: 'failed',
      class: 'invalid',
      status: null,
      attempts: 0,
      message:
        'contactId: empty; name: 201 characters, at most 200; text: 6212 characters, at most 5000; ' +
        'subOrg: U+00FC at position 3, a header carries printable ASCII only',
      details: [
        { field: 'contactId', rule: 'not_empty', measure: 0 },
        { field: 'name', rule: 'max_length', measure: 201 },
        { field: 'text', rule: 'max_length', measure: 6212 },
        { field: 'subOrg', rule: 'header_value', measure: 3 },
      ],
    });
  });

  it('is one without an id where --id-column is given', () => {
    expect(failure(mapper({ idColumn: 'Note ID' })(['C-1', 'Call', 'Likes tea', '', '', ' '])).message).toMatch(/^id: .*--id-column/);
  });

  it('never shows the note', () => {
    const secret = 'Geheimnis';
    fc.assert(
      fc.property(fc.constantFrom('\0', '\ud800', ' '.repeat(5001)), fc.constantFrom('\u0007', '\udfff'), (inNote, inId) => {
        const row = [`${secret}${inId}`, `${secret}${inNote}`, `${inNote}${secret}`, `${secret}ü`, '', ''];
        expect(JSON.stringify(failure(mapper()(row)))).not.toContain(secret);
      }),
    );
  });
});

describe('the mapper', () => {
  it('accepts exactly what the API’s limits allow, for any content', () => {
    const visible = /[^\s\p{Cc}\p{Default_Ignorable_Code_Point}\u2800]/u;
    const allowed = (value: string, max: number) =>
      visible.test(value) && [...value].length <= max && !value.includes('\0') && value.isWellFormed();
    const content = fc.tuple(fc.string({ unit: 'binary', maxLength: 8 }), fc.constantFrom(1, 30, 199, 1000)).map(([s, n]) => s.repeat(n));
    fc.assert(
      fc.property(content, content, (name, text) => {
        const result = mapper()(['C-1', name, text, '', '', '']);
        expect(result.kind).toBe(allowed(name, 200) && allowed(text, 5000) ? 'mapped' : 'invalid');
        if (result.kind === 'mapped') expect([result.draft.name, result.draft.text]).toEqual([name, text]);
      }),
    );
  });

  it('refuses a usual sub organization that no header can carry', () => {
    expect(() => mapper({ defaultSubOrg: 'so\u2013berlin' })).toThrow(UserError);
    expect(mapped(mapper({ defaultSubOrg: ' ' })(GOOD)).draft.subOrg).toBeNull();
  });
});

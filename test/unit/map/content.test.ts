import { describe, expect, it } from 'vitest';
import { matchColumns } from '../../../src/map/columns.js';
import type { ContentOptions } from '../../../src/map/content.js';
import { fingerprintOf, withOccurrence } from '../../../src/map/fingerprint.js';
import { htmlToText } from '../../../src/map/html-text.js';
import { createMapper } from '../../../src/map/mapper.js';
import { countCodePoints } from '../../../src/map/schema.js';

const HEADER = ['contactId', 'Note body', 'Create Date', 'Owner', 'Note ID'];

interface Said {
  header?: readonly string[];
  map?: Record<string, string>;
  set?: Record<string, string>;
  html?: 'keep' | 'text';
  tooLong?: ContentOptions['tooLong'];
  idColumn?: string;
}

function mapOne(
  cells: readonly string[],
  { header = HEADER, html = 'keep', tooLong = 'reject', idColumn, ...said }: Said = {},
  occurrence = 1,
) {
  const plan = matchColumns({ header, path: 'n.csv', map: said.map ?? {}, set: said.set ?? {}, idColumn: idColumn ?? null });
  const content = { htmlToText: html === 'text' ? htmlToText : null, tooLong };
  const input = { index: 0, path: 'n.csv', header, delimiter: ',', encoding: 'utf-8', isFailuresFile: false };
  const source = { kind: 'record', input, row: 1, line: 2, cells, bytes: 10, occurrence, target: 0 } as const;
  const [mapped] = createMapper({ plan, defaultSubOrg: null, content })(source);
  if (mapped === undefined) throw new Error('it became nothing');
  return mapped;
}

function draft(...[cells, said, occurrence]: Parameters<typeof mapOne>) {
  const mapped = mapOne(cells, said, occurrence);
  if (mapped.kind !== 'mapped') throw new Error(mapped.kind === 'invalid' ? mapped.failure.message : mapped.kind);
  return { ...mapped.draft, base: mapped.base };
}

function problem(...[cells, said]: Parameters<typeof mapOne>): string {
  const mapped = mapOne(cells, said);
  return mapped.kind === 'invalid' ? mapped.failure.message : mapped.kind;
}

const named = (name: string, said: Said = {}): Said => ({ ...said, set: { name } });

describe('a value of --set', () => {
  it('holds cells of other columns, whose headers are found as elsewhere; an empty one leaves no space', () => {
    const set = named('Note of  {create_date} by { OWNER }!');
    expect(draft(['C-1', 't', ' 2026-11-20 ', 'Kim', ''], set).name).toBe('Note of 2026-11-20 by Kim!');
    expect(draft(['C-1', 't', '', '', ''], named('{Owner} note {Create Date}')).name).toBe('note');
    expect(draft(['C-1', 't', 'a\r\nb', '', ''], named('{Create Date}')).name).toBe('a b');
  });

  it('has braces where they are doubled', () => {
    expect(draft(['C-1', 't', 'x', '', ''], named('{{{Create Date}}} {{b}} }')).name).toBe('{x} {b} }');
    expect(draft(['C-1', 't', 'x', '', ''], named('{{b}}')).name).toBe('{b}');
  });

  it('makes a name that fits, whatever the cells hold', () => {
    const { name } = draft(['C-1', 't', `${'👩‍👩‍👧‍👦'.repeat(60)}`, '', ''], named('Note of {Create Date}'));
    expect(name).toMatch(/^Note of (?:👩‍👩‍👧‍👦)+…$/u);
    expect(countCodePoints(name)).toBeLessThanOrEqual(200);
  });

  it('leaves a row invalid that gets no name of it, and says why', () => {
    expect(problem(['C-1', 't', ' ', '', ''], named('{Create Date}'))).toBe(
      'name: empty, 1 to 200 characters expected; the columns that --set name takes it from are empty here',
    );
  });

  it('makes text, contactId and subOrg as well', () => {
    const set = { contactId: 'crm-{Note ID}', name: 'n', text: 'Owner: {Owner}\n\n{Note body}', subOrg: 'so-{Create Date}' };
    const header = ['Note body', 'Create Date', 'Owner', 'Note ID'];
    const made = draft(['  Hello\n there ', '7', 'Kim', '12'], { header, map: {}, set });
    expect(made).toMatchObject({ contactId: 'crm-12', subOrg: 'so-7', text: 'Owner: Kim\n\nHello\n there' });
  });

  it('may take its own column, but no other that could be meant is passed over', () => {
    expect(draft(['C-1', 't', 'Call'], { header: ['contactId', 'text', 'Subject'], set: { name: 'Mail: {Subject}' } }).name).toBe(
      'Mail: Call',
    );
    expect(() => draft(['C-1', 't', 'a', 'b'], { header: ['contactId', 'text', 'Subject', 'Title'], set: { name: '{Subject}' } })).toThrow(
      'name: --set gives a constant where a file has no such column, but there is "Title"',
    );
  });

  it.each([
    ['{Creat Date}', 'name: --set name="{Creat Date}": {Creat Date} names a column that isn\'t there; did you mean {Create Date}?'],
    ['a {} b', "{} names a column that isn't there (braces themselves are written {{ and }})"],
    ['a { b', 'this one never closes; write {{ for a brace itself'],
    ['{{x}', null],
  ])('is refused before anything is read where a brace means no column: %j', (name, message) => {
    if (message === null) expect(draft(['C-1', 't', '', '', ''], named(name)).name).toBe('{x}');
    else expect(() => draft(['C-1', 't', '', '', ''], named(name))).toThrow(message);
  });

  it('is no part of the note’s identity as a name, and its cells are as a text', () => {
    const base = (name: string, cells = ['C-1', 't', '1', 'Kim', '']) => draft(cells, named(name)).base;
    expect(base('{Create Date}')).toBe(base('Note'));
    expect(base('{Create Date}', ['C-1', 't', '2', 'Kim', ''])).toBe(base('Note'));
    const text = (text: string, cells: readonly string[]) =>
      draft(cells, { header: ['contactId', 'A', 'B'], set: { name: 'n', text } }).base;
    expect(text('{A}: {B}', ['C-1', 'x', 'y'])).toBe(text('{B} {A}', ['C-1', 'x', 'y']));
    expect(text('{A}: {B}', ['C-1', 'x', 'y'])).not.toBe(text('{A}: {B}', ['C-1', 'x', 'z']));
    // As a column of its own.
    expect(text('{A}!', ['C-1', 'x', 'y'])).toBe(
      fingerprintOf({ contactId: 'C-1', subOrg: null, content: { kind: 'note', name: null, text: 'x' } }),
    );
    // Two notes of a contact that have nothing but a name aren't one.
    const only = (cell: string) => draft(['C-1', cell], { header: ['contactId', 'A'], set: { name: '{A}', text: 'see there' } }).base;
    expect(only('x')).not.toBe(only('y'));
  });
});

describe('--html text', () => {
  const HTML = '<p>Hello <b>Kim</b> &amp; all</p>';

  it('changes what is sent of name and text, and not what the note is', () => {
    const header = ['contactId', 'name', 'text'];
    const made = draft(['C-1', '<b>Call</b><br>x', HTML], { header, html: 'text' });
    expect(made).toMatchObject({ name: 'Call x', text: 'Hello Kim & all' });
    expect(made.base).toBe(draft(['C-1', '<b>Call</b><br>x', HTML], { header }).base);
    const byId = { header: [...header, 'id'], idColumn: 'id' };
    expect(draft(['C-1', 'n', HTML, '7'], { ...byId, html: 'text' }).inputHash).toBe(draft(['C-1', 'n', HTML, '7'], byId).inputHash);
  });

  it('leaves cells alone that hold no HTML, and works on cells in a template', () => {
    expect(draft(['C-1', ' a < b ', '', '', ''], named('n', { html: 'text' })).text).toBe(' a < b ');
    expect(draft(['C-1', HTML, '', '', ''], named('{Note body}', { html: 'text' })).name).toBe('Hello Kim & all');
  });

  it('says of a text that has nothing but images why it is empty', () => {
    expect(problem(['C-1', '<img src="cid:1">', '', '', ''], named('n', { html: 'text' }))).toBe(
      'text: empty, 1 to 5000 characters expected; its HTML has no text',
    );
    expect(problem(['C-1', '', '', '', ''], named('n', { html: 'text' }))).toBe('text: empty, 1 to 5000 characters expected');
  });
});

describe('--too-long', () => {
  const LONG = 'A sentence about tea. '.repeat(600).trim();
  const row = (text: string) => ['C-1', text, '', '', ''];

  it('split makes parts in order, named and identified one by one, the last one by the note’s own identity', () => {
    const { parts = [], ...whole } = draft(row(LONG), named('Call', { tooLong: 'split' }));
    expect(parts.map(({ draft: { name } }) => name)).toEqual(['Call (1/3)', 'Call (2/3)', 'Call (3/3)']);
    expect(parts.map(({ draft: { text } }) => text).join(' ')).toBe(LONG);
    expect(parts.at(-1)).toMatchObject({ base: whole.base, draft: { fingerprint: whole.fingerprint, sentHash: whole.sentHash } });
    expect(new Set(parts.map(({ base }) => base)).size).toBe(3);
    expect(whole.base).toBe(draft(row(LONG), named('Call', { tooLong: 'truncate' })).base);
    expect(parts.every(({ draft: { contactId, parts: none } }) => contactId === 'C-1' && none === undefined)).toBe(true);
  });

  it('split gives the parts of the second of two identical notes the second one’s identity', () => {
    const parts = draft(row(LONG), named('Call', { tooLong: 'split' }), 2).parts ?? [];
    expect(parts.map(({ base, draft: { fingerprint } }) => fingerprint === withOccurrence(base, 2))).toEqual([true, true, true]);
  });

  it('split tells a part from one that was cut elsewhere, so that no stretch between two cuts is taken for sent', () => {
    const first = (text: string, html: 'keep' | 'text') => draft(row(text), named('Call', { tooLong: 'split', html })).parts?.[0]?.base;
    const html = `<p>${LONG}</p>`;
    expect(first(html, 'keep')).not.toBe(first(html, 'text'));
    expect(first(html, 'text')).toBe(first(html, 'text'));
  });

  it('split shortens a name so that the part’s number fits', () => {
    const { parts = [] } = draft(row(LONG), named('n'.repeat(200), { tooLong: 'split' }));
    expect(parts[0]?.draft.name).toBe(`${'n'.repeat(193)}… (1/3)`);
    expect(countCodePoints(parts[0]?.draft.name ?? '')).toBe(200);
  });

  it('split leaves a text alone that fits, in code points, and apart from white space around it', () => {
    expect(draft(row('👍'.repeat(5000)), named('n', { tooLong: 'split' })).parts).toBeUndefined();
    const padded = draft(row(`${'a'.repeat(5000)}\n\n`), named('n', { tooLong: 'split' }));
    expect([padded.text.length, padded.parts]).toEqual([5000, undefined]);
  });

  it('split refuses what would become hundreds of memories, and what no memory can hold', () => {
    expect(problem(row('a'.repeat(500_001)), named('n', { tooLong: 'split' }))).toBe(
      'text: 500001 characters, at most 5000; --too-long split takes up to 500000',
    );
    expect(draft(row('a'.repeat(500_000)), named('n', { tooLong: 'split' })).parts).toHaveLength(100);
    expect(problem(row(`${'a'.repeat(6000)}\0`), named('n', { tooLong: 'split' }))).toContain('U+0000 at position 6001');
    expect(problem(row(`${'a'.repeat(6000)}\ud800`), named('n', { tooLong: 'truncate' }))).toContain('U+D800 at position 6001');
    expect(problem(row(' '.repeat(6000)), named('n', { tooLong: 'split' }))).toContain('text: empty');
  });

  it('truncate cuts text and name with an ellipsis; reject says how long they are', () => {
    const header = ['contactId', 'name', 'text'];
    const cells = ['C-1', 'n'.repeat(201), LONG];
    const short = draft(cells, { header, tooLong: 'truncate' });
    expect([countCodePoints(short.name), short.name.at(-1)]).toEqual([200, '…']);
    expect([countCodePoints(short.text) <= 5000, short.text.at(-1), short.parts]).toEqual([true, '…', undefined]);
    expect(problem(cells, { header })).toBe('name: 201 characters, at most 200; text: 13199 characters, at most 5000');
    expect(short.base).toBe(
      fingerprintOf({ contactId: 'C-1', subOrg: null, content: { kind: 'note', name: 'n'.repeat(201), text: LONG } }),
    );
  });
});

import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/errors.js';
import { columnsError, hasNeededColumns, matchColumns } from '../../../src/map/columns.js';

const nothingSaid = { map: {}, set: {}, idColumn: null };

function match(header: readonly string[], options: Partial<Parameters<typeof hasNeededColumns>[1]> = {}) {
  return matchColumns({ header, path: 'notes.csv', ...nothingSaid, ...options });
}

function refusal(header: readonly string[], options: Partial<Parameters<typeof hasNeededColumns>[1]> = {}): string {
  try {
    match(header, options);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).message;
  }
  throw new Error('it was not refused');
}

const indexes = (plan: ReturnType<typeof match>) =>
  [plan.contactId, plan.name, plan.text, plan.subOrg].map((source) =>
    source?.kind === 'column' ? source.index : source?.kind === 'constant' ? source.value : null,
  );

describe('matchColumns', () => {
  it.each([
    ['contactId', 'name', 'text', 'subOrg'],
    ['Contact ID', 'NAME', 'Text', 'Sub Org'],
    ['\ufeffcontact_id', 'Title', 'note', 'sub organization'],
    ['CONTACT-ID', ' subject ', 'Note Body', 'sub-organization-id'],
    ['contact\u00a0id', 'Subject', 'Description', 'x-sub-organization-id'],
    ['contactid', 'title', 'body', 'sub_organization_id'],
    ['Contact Id', 'name', 'Content', 'subOrgId'],
  ])('understands %j, %j, %j and %j', (...header) => {
    expect(indexes(match(header))).toEqual([0, 1, 2, 3]);
  });

  it('ignores columns that are none of the fields, also empty ones and ones that stand twice', () => {
    expect(indexes(match(['Owner', '', 'text', 'Owner', '', 'contactId', 'name']))).toEqual([5, 6, 2, null]);
  });

  it('lets neither of two columns win that could both be meant', () => {
    const message = refusal(['contactId', 'name', 'text', 'note']);
    expect(message).toContain('notes.csv');
    expect(message).toContain('text: "text" and "note" could both be meant; say which with --map text="text" or --map text="note"');
    expect(message).toContain('headers seen: "contactId", "name", "text", "note"');
  });

  it('names --campaign where contacts seem to be known by phone number', () => {
    expect(refusal(['Mobile phone', 'name', 'text'])).toContain('the numbers in "Mobile phone": --campaign <id>');
    expect(refusal(['who', 'name', 'text'])).not.toContain('--campaign');
  });

  it('refuses two columns for the sub organization as well, since a wrong one gives notes away', () => {
    expect(refusal(['contactId', 'name', 'text', 'subOrg', 'Sub Organization'])).toContain('--map subOrg="Sub Organization"');
  });

  it('says that a name standing twice must be renamed, since --map could not tell the two apart', () => {
    const message = refusal(['contactId', 'name', 'text', 'text']);
    expect(message).toContain('text: "text" and "text" could both be meant; rename all but one');
    expect(message).not.toContain('--map');
  });

  it('offers only the name that --map can tell from the others', () => {
    const message = refusal(['contactId', 'name', 'text', 'text', 'note']);
    expect(message).toContain('text: "text", "text" and "note" could all be meant; say which with --map text="note"\n');
  });

  it('has nothing to say of a header that is understood', () => {
    expect(columnsError({ header: ['contactId', 'name', 'text'], path: 'notes.csv', ...nothingSaid })).toBeNull();
  });

  it('tells every problem at once', () => {
    const message = refusal(['Id', 'text', 'note'], { idColumn: 'Note ID' });
    expect(message).toMatch(/contactId: no column/);
    expect(message).toMatch(/name: no column.*--set name="CRM note"/);
    expect(message).toMatch(/text: "text" and "note"/);
    expect(message).toMatch(/--id-column "Note ID" names a column that isn't there/);
  });

  it('names the near header where a needed column is missing', () => {
    expect(refusal(['contact', 'name', 'Notes'])).toContain('--map text="Notes"');
    expect(refusal(['contactIds', 'name', 'text'])).toContain('--map contactId="contactIds"');
  });

  it('says that a file has no header at all', () => {
    expect(refusal([''])).toContain('headers seen: none');
  });

  it('shows neither control characters nor headers without end', () => {
    const message = refusal(['a\u001b[31mb\u202e', 'x'.repeat(100_000), ...Array.from({ length: 5000 }, (_, n) => `c${n}`)]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    expect(message).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
    expect(message).toContain('and 4962 more');
    expect(message.length).toBeLessThan(2000);
  });

  it('quotes a header so that a shell takes it as it is', () => {
    expect(refusal(['contactId', 'name', 'text', 'Note', 'Body'], { map: {} })).toContain('--map text="Note"');
    expect(refusal(['contactId', 'name', 'No"tes $x'], { map: { text: 'No"tes $' } })).toContain(`did you mean --map text='No"tes $x'?`);
  });
});

describe('--map', () => {
  it('takes the header exactly, before one that only looks alike', () => {
    expect(indexes(match(['contactId', 'name', 'TEXT', 'text'], { map: { text: 'text' } }))[2]).toBe(3);
  });

  it('settles two columns of which both could be meant', () => {
    expect(indexes(match(['contactId', 'name', 'text', 'note'], { map: { text: 'note' } }))).toEqual([0, 1, 3, null]);
  });

  it.each([
    ['Überschrift', 'ueberschrift'.replace('ue', 'u\u0308')],
    ['Activity Note', 'activity_note'],
  ])('finds %j as %j, if no other is alike', (header, said) => {
    expect(indexes(match(['contactId', 'name', header], { map: { text: said } }))[2]).toBe(2);
  });

  it('refuses a word that two headers are alike to', () => {
    expect(refusal(['contactId', 'name', 'Act Note', 'act_note'], { map: { text: 'ACTNOTE' } })).toContain(
      'say which with --map text="Act Note" or --map text="act_note"',
    );
  });

  it('refuses a column that is not there, and names the near one', () => {
    const message = refusal(['contactId', 'name', 'Comment'], { map: { text: 'Coment' } });
    expect(message).toContain(`text: --map text="Coment" names a column that isn't there; did you mean --map text="Comment"?`);
  });

  it.each(['', ' ', '-', '_'])('takes %j for no column, not for one without a name', (said) => {
    expect(refusal(['contactId', 'name', 'text', '', '  '], { map: { text: said } })).toContain("isn't there");
  });

  it('takes a column away from the field that it would else be meant for', () => {
    expect(indexes(match(['contactId', 'Description', 'Note'], { map: { name: 'Description' } }))).toEqual([0, 1, 2, null]);
    expect(refusal(['contactId', 'Note'], { map: { name: 'Note' } })).toContain('text: no column');
  });

  it('gives one column to two fields if it is told so', () => {
    expect(indexes(match(['contactId', 'Note'], { map: { name: 'Note', text: 'Note' } }))).toEqual([0, 1, 1, null]);
  });

  it.each(['__proto__', 'constructor', 'toString'])('treats a header named %j as any other', (header) => {
    expect(indexes(match(['contactId', 'name', header], { map: { text: header } }))[2]).toBe(2);
    expect(refusal(['contactId', 'name', header])).toContain('text: no column');
  });
});

describe('--set', () => {
  it('gives a constant where there is no such column', () => {
    expect(indexes(match(['contactId', 'text'], { set: { name: 'CRM note', subOrg: 'so-1' } }))).toEqual([0, 'CRM note', 1, 'so-1']);
  });

  it('is refused where there is such a column', () => {
    expect(refusal(['contactId', 'subject', 'text'], { set: { name: 'CRM note' } })).toContain('but there is "subject"; leave --set out');
  });

  it('is refused together with --map of the same field', () => {
    expect(refusal(['contactId', 'x', 'text'], { map: { name: 'x' }, set: { name: 'CRM note' } })).toContain('leave one of the two out');
  });

  it.each([
    ['contactId', ' ', 'gives no value'],
    ['text', '', 'gives no value'],
    ['subOrg', '', 'gives no value'],
    ['name', 'n'.repeat(201), '201 characters, at most 200'],
    ['contactId', '..', 'is no id'],
    ['subOrg', 'so-\u00fc', 'U+00FC at position 4'],
  ] as const)('refuses for %s a constant that no note could have (%j)', (field, value, why) => {
    const header = ['contactId', 'name', 'text'].filter((name) => name !== field);
    expect(refusal(header, { set: { [field]: value } })).toContain(why);
  });
});

describe('--id-column', () => {
  it('is found as --map finds a column', () => {
    expect(match(['contactId', 'name', 'text', 'Note ID'], { idColumn: 'note_id' }).id).toEqual({
      kind: 'column',
      index: 3,
      header: 'Note ID',
    });
    expect(match(['contactId', 'name', 'text', 'Note ID']).id).toBeNull();
  });

  it('must be there, and once', () => {
    expect(refusal(['contactId', 'name', 'text', 'Note IDs'], { idColumn: 'Note ID' })).toContain('did you mean --id-column "Note IDs"?');
    expect(refusal(['contactId', 'name', 'text', 'id', 'id'], { idColumn: 'id' })).toContain('rename all but one');
    expect(refusal(['contactId', 'name', 'text', ''], { idColumn: '' })).toContain("isn't there");
  });

  it('may not be the contact: every second note of a contact would be lost as a duplicate', () => {
    expect(refusal(['contactId', 'name', 'text'], { idColumn: 'Contact ID' })).toContain('it must be the id of the note');
  });
});

describe('hasNeededColumns', () => {
  it.each([
    [['contactId', 'name', 'text'], {}, true],
    [['Contact ID', 'Title', 'Body', 'x'], {}, true],
    [['contactId;name;text'], {}, false],
    [['contactId', 'name'], {}, false],
    [['contactId', 'text'], { set: { name: 'x' } }, true],
    [['contactId', 'name', 'text', 'note'], {}, true],
    [['contactId', 'name', 'y'], { map: { text: 'Y' } }, true],
    [['contactId', 'name', 'text'], { map: { text: 'y' } }, false],
    [['contactId', 'name', 'text'], { map: { subOrg: 'y' } }, false],
    [['contactId', 'name', 'text'], { idColumn: 'id' }, false],
    [['contactId', 'name', 'text', 'id'], { idColumn: 'id' }, true],
  ])('of %j with %j is %j', (header, options, expected) => {
    expect(hasNeededColumns(header, { ...nothingSaid, ...options })).toBe(expected);
    // What isn't accepted can always be explained.
    if (!expected) expect(columnsError({ header, path: 'notes.csv', ...nothingSaid, ...options })).toBeInstanceOf(UserError);
  });
});

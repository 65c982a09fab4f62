import { describe, expect, it } from 'vitest';
import { KNOWN_PROFILE_TEXTS, KNOWN_PROFILES } from '../../../src/map/known-profiles.js';
import { type ProfileText, parseProfile } from '../../../src/map/profile.js';

const mine: ProfileText = { id: 'mine', title: 'My export', columns: { contactId: ['Client'], name: ['Head'], text: ['Body text'] } };

function problems(change: object): readonly string[] {
  return parseProfile({ ...mine, ...change }).problems;
}

describe('a profile', () => {
  it('needs an id, a title and columns, and nothing else', () => {
    const { profile } = parseProfile(mine);
    expect(profile).toMatchObject({ evidence: 'unverified', recognisedBy: [], html: 'keep', filter: [], contactIds: { none: 'fail' } });
  });

  it.each<[object, string]>([
    [{ columns: { contactId: ['a', 7], name: ['n'], text: ['t'] } }, 'columns.contactId[1]: expected string, found number'],
    [{ columns: { contactId: [], name: ['n'], text: ['t'] } }, 'columns.contactId: expected at least one name'],
    [{ columns: { contactId: ['a'], name: ['n'] } }, 'columns.text: expected array, found nothing'],
    [{ columns: { contactId: ['a'], text: ['t'] } }, 'columns.name: expected names of a column here, or a text in set.name'],
    [{ colums: {} }, 'no such key "colums"; did you mean columns?'],
    [{ contactIds: { seperator: ';' } }, 'contactIds: no such key "seperator"; did you mean separator?'],
    [{ contactIds: { others: '(' } }, 'contactIds.others: expected a regular expression'],
    [{ set: { name: 'Note' } }, 'set.name: expected array, found string'],
    [{ set: { text: ['x'] } }, 'set: no such key "text"; there are name, subOrg'],
    [{ html: 'plain' }, 'html: expected "keep", "text"'],
    [{ evidence: 'sure' }, 'evidence: expected "read", "documented", "importers", "unverified"'],
    [{ filter: ['IsDeleted'] }, 'filter[0]: expected column=value or column!=value'],
    [{ id: 'My Export' }, 'id: expected lower-case words'],
    [{ id: 'none' }, 'id: expected another word'],
    [{ title: '  ' }, 'title: expected some text'],
  ])('with %j is refused, with its place in the JSON', (change, problem) => {
    expect(problems(change)).toEqual([expect.stringContaining(problem)]);
  });

  it('tells every problem at once, also of what is no object', () => {
    expect(problems({ id: 1, title: 2 })).toHaveLength(2);
    expect(parseProfile([]).problems).toEqual(['expected object, found array']);
    expect(parseProfile(null).problems).toHaveLength(1);
  });
});

describe('the profiles that come with the program', () => {
  it('have ids of their own, and come back from JSON as they were', () => {
    expect(new Set(KNOWN_PROFILES.map(({ id }) => id)).size).toBe(KNOWN_PROFILES.length);
    for (const [i, text] of KNOWN_PROFILE_TEXTS.entries())
      expect(parseProfile(JSON.parse(JSON.stringify(text))).profile).toEqual(KNOWN_PROFILES[i]);
    for (const profile of KNOWN_PROFILES) expect(parseProfile(JSON.parse(JSON.stringify(profile))).profile).toEqual(profile);
  });

  it('end each list of texts with one that needs no column, save where the text is another field of the note', () => {
    for (const { set, whenBlank } of KNOWN_PROFILES) {
      for (const texts of [set.name, whenBlank.name]) if (texts !== undefined) expect(texts.at(-1)).not.toContain('{');
    }
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkField, checkNote, countCodePoints, MAX_NAME, MAX_TEXT } from '../../../src/map/schema.js';

const good = { contactId: 'C-1', name: 'Call', text: 'Likes tea', subOrg: '', id: null };

const rulesBroken = (field: Parameters<typeof checkField>[0], value: string) => checkField(field, value).map(({ rule }) => rule);

describe('countCodePoints', () => {
  it('counts as the string iterator does, for any string', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        expect(countCodePoints(value)).toBe([...value].length);
      }),
    );
  });

  it('counts as the string iterator does, for any row of surrogates, paired or not', () => {
    const unit = fc.constantFrom('\ud83d', '\ude00', 'a', '\udbff', '\udc00', '\u00e9');
    fc.assert(
      fc.property(fc.array(unit), (units) => {
        expect(countCodePoints(units.join(''))).toBe([...units.join('')].length);
      }),
    );
  });
});

describe('name and text', () => {
  it.each([
    ['name', MAX_NAME],
    ['text', MAX_TEXT],
  ] as const)('of a %s, %d code points are allowed, and not one more', (field, max) => {
    fc.assert(
      fc.property(fc.constantFrom('a', 'é', '語', '😀', '\u{1f9d1}'), fc.integer({ min: max - 3, max: max + 3 }), (character, length) => {
        const problems = checkField(field, character.repeat(length));
        const expected =
          length <= max ? [] : [{ field, rule: 'max_length', measure: length, message: `${length} characters, at most ${max}` }];
        expect(problems).toEqual(expected);
      }),
    );
  });

  it('come out exactly as they went in, white space and line ends included', () => {
    const content = { name: '  Call \u00a0', text: '\ufeff\r\n e\u0301 \r' };
    expect(checkNote({ ...good, ...content })).toEqual({ ok: true, note: { ...good, ...content } });
  });

  it.each(['', ' ', '\r\n', '\u00a0\u2003', '\u200b', '\ufeff', '\u00ad\u2060', '\u3164', '\0', '\u{e0020}'])(
    'are blank if they are %j',
    (value) => {
      expect(rulesBroken('name', value)).toEqual(['not_blank']);
      expect(rulesBroken('text', value)).toEqual(['not_blank']);
    },
  );

  it('say how long a blank one is', () => {
    expect(checkField('text', '')[0]?.message).toBe('empty, 1 to 5000 characters expected');
    expect(checkField('text', ' \u200b ')[0]?.message).toBe('3 characters, none of them visible, 1 to 5000 characters expected');
  });

  it('may not hold U+0000, nor half of a character', () => {
    expect(checkField('text', '😀a\0')).toMatchObject([
      { rule: 'no_nul', measure: 3, message: 'U+0000 at position 3, which no note can hold' },
    ]);
    expect(checkField('text', 'ab\ud83d')).toMatchObject([
      { rule: 'well_formed', measure: 3, message: 'U+D83D at position 3, half of a character' },
    ]);
    expect(rulesBroken('name', `\0\udc00${'a'.repeat(200)}`)).toEqual(['max_length', 'no_nul', 'well_formed']);
  });

  it.each(['= 1', '\u0600', 'ก', 'a\u200bb', '👩‍👩‍👧', '.', '\tx', '\u0001x'])('may be %j', (value) => {
    expect(rulesBroken('text', value)).toEqual([]);
  });
});

describe('contactId', () => {
  it('is trimmed', () => {
    expect(checkNote({ ...good, contactId: '\ufeff C-1\u00a0\r\n' })).toMatchObject({ ok: true, note: { contactId: 'C-1' } });
  });

  it.each([
    ['', ['not_empty']],
    [' \t', ['not_empty']],
    ['\u200b\u200d', ['not_empty']],
    ['\u2800', ['not_empty']],
    ['.', ['path_segment']],
    [' .. ', ['path_segment']],
    ['C\n1', ['no_control_characters']],
    ['C\u0085\u00811', ['no_control_characters']],
    ['C\ud800', ['well_formed']],
    ['\u0007\udc00', ['no_control_characters', 'well_formed']],
  ])('%j breaks %j', (value, rules) => {
    expect(rulesBroken('contactId', value)).toEqual(rules);
  });

  it.each(['C 1', 'a/b', '...', 'é', '+49 30', '%2e', 'C#1?x', '😀'])('%j is left to the API', (value) => {
    expect(rulesBroken('contactId', value)).toEqual([]);
    expect(() => encodeURIComponent(value)).not.toThrow();
  });

  it('that passes can always be made one path segment that reaches its contact', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }), (value) => {
        fc.pre(checkField('contactId', value).length === 0);
        const id = value.trim();
        const { pathname } = new URL(`http://localhost/contacts/${encodeURIComponent(id)}/memories`);
        expect(decodeURIComponent(pathname.split('/')[2] ?? '')).toBe(id);
      }),
    );
  });
});

describe('subOrg', () => {
  it('is trimmed, and empty is none', () => {
    expect(checkNote({ ...good, subOrg: ' so 1 ' })).toMatchObject({ ok: true, note: { subOrg: 'so 1' } });
    expect(checkNote({ ...good, subOrg: ' \u00a0' })).toMatchObject({ ok: true, note: { subOrg: '' } });
  });

  it.each(['so\t1', 'so\r\nx: y', 'so\u007f', 'so\u0000', 'Zo\u00eb', 'so\u200b'])('may not be %j', (value) => {
    expect(rulesBroken('subOrg', value)).toEqual(['header_value']);
  });

  it('is refused exactly where it is no legal header value, or not printable ASCII', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 5 }), (value) => {
        const passes = checkField('subOrg', value).length === 0;
        expect(passes).toBe([...value.trim()].every((character) => character >= ' ' && character <= '~'));
        if (passes) expect(() => new Headers({ 'x-sub-organization-id': value.trim() })).not.toThrow();
      }),
    );
  });
});

describe('id', () => {
  it('must be there where --id-column is given', () => {
    expect(checkNote({ ...good, id: ' 7 ' })).toMatchObject({ ok: true, note: { id: '7' } });
    expect(checkNote({ ...good, id: ' ' })).toMatchObject({ ok: false, problems: [{ field: 'id', rule: 'not_empty' }] });
  });
});

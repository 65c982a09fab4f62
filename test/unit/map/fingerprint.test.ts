import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  contentHash,
  fingerprintAndHash,
  fingerprintOf,
  type NoteContent,
  type NoteIdentity,
  withOccurrence,
} from '../../../src/map/fingerprint.js';

const note: NoteIdentity = { contactId: 'C-1', subOrg: null, content: { kind: 'note', name: 'Call', text: 'Likes tea' } };

const ofText = (text: string) => fingerprintOf({ ...note, content: { kind: 'note', name: 'Call', text } });

const sha256 = (bytes: string) => createHash('sha256').update(bytes, 'utf8').digest('hex');

// Few letters, so that fields run into each other and equal notes come up; with what separates and counts fields among them.
const letter = fc.constantFrom(
  'a',
  'b',
  '1',
  ':',
  ';',
  '-',
  'u',
  ' ',
  '\r',
  '\n',
  '\u00e9',
  'e',
  '\u0301',
  '\ud83d',
  '\ude00',
  '\ufffd',
  '\u212b',
  '\u00c5',
);
const word = fc.array(letter, { maxLength: 4 }).map((letters) => letters.join(''));
const nullable = fc.option(word, { nil: null });
const content: fc.Arbitrary<NoteContent> = fc.oneof(
  fc.record({ kind: fc.constant('note' as const), name: nullable, text: nullable }),
  fc.record({ kind: fc.constant('id' as const), id: word }),
);
const identity: fc.Arbitrary<NoteIdentity> = fc.record({ contactId: word, subOrg: nullable, content });

const canonical = (value: string | null) => value?.trim().replaceAll('\r\n', '\n').replaceAll('\r', '\n').normalize('NFC') ?? null;

/** What two notes must share to be one, written down another way. */
function tuple({ contactId, subOrg, content: what }: NoteIdentity): string {
  const rest = what.kind === 'id' ? ['id', canonical(what.id)] : ['note', canonical(what.name), canonical(what.text)];
  return JSON.stringify([contactId, subOrg, ...rest]);
}

describe('fingerprintAndHash', () => {
  it('is the fingerprint, and the hash of what is sent, whether that is what the input has or not', () => {
    const sent = fc.record({ name: word, text: word });
    fc.assert(
      fc.property(identity, sent, fc.boolean(), (of, other, isAsItIs) => {
        const given = of.content.kind === 'note' && isAsItIs ? { name: of.content.name ?? '', text: of.content.text ?? '' } : other;
        expect(fingerprintAndHash(of, given)).toEqual({ base: fingerprintOf(of), sentHash: contentHash(given.name, given.text) });
      }),
      { numRuns: 2000 },
    );
  });
});

describe('fingerprintOf', () => {
  it('is the same for two notes exactly if they are the same note', () => {
    fc.assert(
      fc.property(identity, identity, (a, b) => {
        expect(fingerprintOf(a) === fingerprintOf(b)).toBe(tuple(a) === tuple(b));
      }),
      { numRuns: 2000 },
    );
  });

  it('tells apart notes whose fields hold the same characters, cut differently', () => {
    const cut = fc.tuple(fc.nat(12), fc.nat(12)).map(([x, y]) => (x < y ? [x, y] : [y, x]) as [number, number]);
    fc.assert(
      fc.property(fc.stringMatching(/^[a1:;u-]{12}$/), cut, cut, (characters, one, other) => {
        const at = ([x, y]: [number, number]): NoteIdentity => ({
          contactId: characters.slice(0, x),
          subOrg: null,
          content: { kind: 'note', name: characters.slice(x, y), text: characters.slice(y) },
        });
        expect(fingerprintOf(at(one)) === fingerprintOf(at(other))).toBe(one[0] === other[0] && one[1] === other[1]);
      }),
    );
  });

  it.each([
    ['white space around it', ' \u00a0Likes tea\r\n'],
    ['a BOM', '\ufeffLikes tea'],
  ])('does not see %s', (_, text) => {
    expect(ofText(text)).toBe(ofText('Likes tea'));
  });

  it('does not see kinds of line ends, nor of composed letters', () => {
    expect(ofText('a\r\nb\rc')).toBe(ofText('a\nb\nc'));
    expect(ofText('a\n\nb')).not.toBe(ofText('a\nb'));
    expect(ofText('cafe\u0301')).toBe(ofText('caf\u00e9'));
  });

  it('sees case and white space inside', () => {
    expect(ofText('likes tea')).not.toBe(ofText('Likes tea'));
    expect(ofText('Likes  tea')).not.toBe(ofText('Likes tea'));
  });

  it('keeps contacts apart that are two paths, however alike they look', () => {
    expect(fingerprintOf({ ...note, contactId: 'Jose\u0301' })).not.toBe(fingerprintOf({ ...note, contactId: 'Jos\u00e9' }));
  });

  it('keeps no sub organization apart from an empty one', () => {
    expect(fingerprintOf({ ...note, subOrg: '' })).not.toBe(fingerprintOf(note));
  });

  it('keeps a note id apart from a text', () => {
    const id = fingerprintOf({ ...note, content: { kind: 'id', id: 'x' } });
    expect(id).not.toBe(fingerprintOf({ ...note, content: { kind: 'note', name: null, text: 'x' } }));
    expect(id).not.toBe(fingerprintOf({ ...note, content: { kind: 'note', name: 'x', text: null } }));
  });

  it('stays what it was in every ledger there is: SHA-256 of these bytes', () => {
    expect(fingerprintOf({ ...note, subOrg: 'so-1' })).toBe(sha256('memory-import/note/1;3:C-1;4:so-1;4:Call;9:Likes tea;'));
    expect(fingerprintOf({ ...note, content: { kind: 'note', name: null, text: ' né😀\r\n' } })).toBe(
      sha256('memory-import/note/1;3:C-1;-;-;4:né😀;'),
    );
    expect(fingerprintOf({ ...note, content: { kind: 'id', id: '77' } })).toBe(sha256('memory-import/note-id/1;3:C-1;-;2:77;'));
  });
});

describe('withOccurrence', () => {
  it('leaves the first as it is and makes every later one another note', () => {
    const base = fingerprintOf(note);
    expect(withOccurrence(base, 1)).toBe(base);
    const all = Array.from({ length: 1000 }, (_, index) => withOccurrence(base, index + 1));
    expect(new Set(all).size).toBe(1000);
    expect(withOccurrence(base, 2)).toBe(sha256(`memory-import/occurrence/1;64:${base};1:2;`));
  });
});

describe('contentHash', () => {
  it('is the same for what a server makes of a note, and for nothing else', () => {
    fc.assert(
      fc.property(word, word, word, word, (name, text, otherName, otherText) => {
        const same = canonical(name) === canonical(otherName) && canonical(text) === canonical(otherText);
        expect(contentHash(name, text) === contentHash(otherName, otherText)).toBe(same);
        expect(contentHash(canonical(name) ?? '', canonical(text) ?? '')).toBe(contentHash(name, text));
      }),
      { numRuns: 2000 },
    );
  });

  it('stays what it was in every ledger there is: SHA-256 of these bytes', () => {
    expect(contentHash(' Call ', 'a\r\nb')).toBe(sha256('memory-import/content/1;4:Call;3:a\nb;'));
  });
});

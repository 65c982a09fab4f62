import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { publicMessage } from '../../../src/report/public-message.js';

const note = { name: 'Call about the lease', text: 'Mrs Okafor said\nthe boiler is broken again, and that her daughter moved to Lyon.' };

describe('a public message', () => {
  test('is the message where there is nothing to hide', () => {
    expect(publicMessage('Contact not found', note)).toBe('Contact not found');
    expect(publicMessage('text: 6212 characters, at most 5000', null)).toBe('text: 6212 characters, at most 5000');
  });

  test('leaves out what it echoes of the text, line breaks and letter case aside', () => {
    expect(publicMessage('bad word in "said the BOILER is broken again" here', note)).toBe('bad word in "…" here');
  });

  test('leaves out everything from the first piece to the last, also of the name', () => {
    expect(publicMessage('in [Call about the] and [her daughter moved] and [at]', note)).toBe('in […] and [at]');
  });

  test('keeps what is made of ordinary words only, though the note says it too', () => {
    const draft = {
      name: 'Contact',
      text: 'The form says that text must be at most 5000 characters, and the other: Contact not found. Why?',
    };
    for (const message of ['Contact not found', 'text must be at most 5000 characters', 'Validation failed: contactId is required']) {
      expect(publicMessage(message, draft)).toBe(message);
    }
    expect(publicMessage('Contact not found. Why? The form says that', draft)).toBe('…');
  });

  test('a short name is found as a word of its own', () => {
    expect(publicMessage('Annapolis is no such place', { name: 'Anna', text: 'ok' })).toBe('Annapolis is no such place');
    expect(publicMessage('{"name":"anna"}', { name: 'Anna', text: 'ok' })).toBe('{"name":"…"}');
  });

  test('four letters of a script that has no case are a piece already', () => {
    const draft = { name: '', text: '患者昨日因胸痛入院' };
    expect(publicMessage('not allowed: 昨日因胸', draft)).toBe('not allowed: …');
    expect(publicMessage('not allowed: 昨日因', draft)).toBe('not allowed: 昨日因');
  });

  test('keeps a run of eleven and leaves out one of twelve', () => {
    const draft = { name: 'zz', text: 'abcdefghijklmnop' };
    expect(publicMessage('<abcdefghijk>', draft)).toBe('<abcdefghijk>');
    expect(publicMessage('<abcdefghijkl>', draft)).toBe('<…>');
    expect(publicMessage('<xefghijklmnopx>', draft)).toBe('<x…x>');
  });

  test('leaves out as one what stands at two places of the note', () => {
    const draft = { name: '', text: 'abcdefghijkl ----- ghijklmnopqr' };
    expect(publicMessage('<abcdefghijklmnopqr>', draft)).toBe('<…>');
  });

  test('leaves out a short name or text as a whole, but not one of three characters', () => {
    expect(publicMessage('no such name: Anna', { name: 'Anna', text: 'ok' })).toBe('no such name: …');
    expect(publicMessage('no such name: Bob', { name: 'Bob', text: 'ok' })).toBe('no such name: Bob');
  });

  test('has no control, bidi or invisible characters, and is one line', () => {
    expect(publicMessage('a\u001b[31mb\u202ec\u200bd\u2066e\ufefff\n\ng\u0000h\ud800', null)).toBe('a[31mbcdef gh');
  });

  test('an invisible character does not hide an echo', () => {
    expect(publicMessage('the boi\u200bler is bro\u0000ken again', note)).toBe('…');
  });

  test('is at most 200 characters long, and ends with no half of a character', () => {
    expect(publicMessage('x'.repeat(5000), null)).toHaveLength(200);
    expect(publicMessage('x'.repeat(200), null)).toBe('x'.repeat(200));
    expect(publicMessage(`${'x'.repeat(198)}🙂🙂`, null)).toBe(`${'x'.repeat(198)}…`);
  });

  test.each(Object.entries(SPELLINGS))('shows no twelve letters of the note that is %s, wherever the API puts them', (_name, spell) => {
    fc.assert(
      fc.property(anyNote, fc.nat(), fc.nat(), aside, aside, (text, start, length, before, after) => {
        const from = start % text.length;
        const echo = text.slice(from, from + 20 + (length % 200)).join('');
        const shown = publicMessage(`${before} ${spell(echo)} ${after}`, { name: '', text: text.join('') }, 1000);
        expect(piecesOf(echo).filter((piece) => shown.includes(spell(piece)))).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test('reads percent codes that are Latin-1', () => {
    expect(publicMessage('got Gr%F6%DFe%20%FCberpr%FCft %DCberweisung', { name: '', text: 'Größe überprüft, Überweisung' })).toBe('got …');
  });

  test('shows nothing of a note that is in base64 or hex', () => {
    for (const encoding of ['base64', 'base64url', 'hex'] as const) {
      const encoded = Buffer.from(note.text).toString(encoding);
      expect(publicMessage(`got ${encoded} here`, note)).toBe('got … here');
      expect(publicMessage(`got ${encoded.slice(0, 30)}`, note)).toBe('got …');
    }
  });

  test('hides an echo of nothing but escapes, as long as an answer may be', () => {
    const draft = { name: 'a'.repeat(200), text: 'a'.repeat(5000) };
    for (const message of ['a'.repeat(5000), '%41'.repeat(2000), '&#97;'.repeat(2000), '\\u0061'.repeat(2000), 'YWFh'.repeat(2000)]) {
      expect(publicMessage(message, draft, 1000).length).toBeLessThan(20);
    }
  });
});

const words = fc.constantFrom(
  'Größe',
  'Überweisung',
  'naïve',
  'Ängste',
  'ŒUVRE',
  'Žižek',
  'Ольга',
  'приехала',
  'Αθήνα',
  'πόλεως',
  '東京',
  '김철수',
  'ﬁne',
  '½',
);
const signs = fc.constantFrom(' ', '  ', '\n', '\t', '"', "'", '&', '<b>', '%', '\\', '/', '🙂', '…', '\u00a0', 'e\u0301', '+', '=');
/** Pieces, so that no character is cut in half. */
const anyNote = fc.array(fc.oneof(words, words, signs, fc.string({ unit: 'grapheme', maxLength: 3 })), { minLength: 10, maxLength: 60 });
const aside = fc.constantFrom('', 'Validation failed:', 'text must be at most 5000 characters, got', '(see the log)');

const SPELLINGS: Readonly<Record<string, (text: string) => string>> = {
  'as it was sent': (text) => text,
  'in upper case': (text) => text.toUpperCase(),
  'in lower case': (text) => text.toLowerCase(),
  'in another Unicode form': (text) => text.normalize('NFD'),
  composed: (text) => text.normalize('NFC'),
  'without its spaces': (text) => text.replace(/\s+/g, ''),
  'with more spaces': (text) => text.replace(/\s+/g, '   '),
  'percent-encoded': encodeURIComponent,
  'percent-encoded twice': (text) => encodeURIComponent(encodeURIComponent(text)),
  'of a form': (text) => new URLSearchParams({ text }).toString().slice(5),
  'a JSON string': (text) => JSON.stringify(text).slice(1, -1),
  'ASCII JSON': asciiJson,
  'JSON in JSON': (text) => JSON.stringify(asciiJson(text)).slice(1, -1),
  'escaped for HTML': escapeHtml,
  'escaped for HTML by numbers': (text) => text.replace(/[^a-z\d ]/giu, (sign) => `&#x${sign.codePointAt(0)?.toString(16)};`),
  'JSON in a page': (text) => escapeHtml(asciiJson(text)),
  'Python bytes': (text) =>
    Buffer.from(text)
      .toString('latin1')
      .replace(/[^ -~]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`),
};

function asciiJson(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function escapeHtml(text: string): string {
  const names: Readonly<Record<string, string>> = {
    '&': 'amp',
    '<': 'lt',
    '>': 'gt',
    '"': 'quot',
    ö: 'ouml',
    Ü: 'Uuml',
    Ä: 'Auml',
    ï: 'iuml',
  };
  return text.replace(/[&<>"öÜÄï]/g, (sign) => `&${names[sign]};`);
}

/** Every stretch that begins and ends with a letter or digit and has twelve of them, as short as it can be. */
function piecesOf(text: string): readonly string[] {
  const places = [...text.matchAll(/[\p{L}\p{N}]\p{M}*/gu)].map((match) => ({ from: match.index, to: match.index + match[0].length }));
  return places.slice(11).map(({ to }, index) => text.slice(places[index]!.from, to));
}

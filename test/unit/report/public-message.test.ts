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

  test('leaves out several pieces, also the name, also cut off ones', () => {
    expect(publicMessage('in [Call about the] and [her daughter moved] and [at]', note)).toBe('in […] and […] and [at]');
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

  test('shows no twelve characters of the note, wherever the API puts them', () => {
    const words = fc.string({ minLength: 12, maxLength: 60 });
    fc.assert(
      fc.property(words, fc.string({ maxLength: 30 }), fc.string({ maxLength: 30 }), fc.nat(), (text, before, after, at) => {
        const from = at % (text.length - 11);
        const shown = publicMessage(`${before}${text.slice(from)}${after}`, { name: '', text });
        const clean = publicMessage(text, null).toLowerCase();
        for (let i = 0; i + 12 <= shown.length; i++) expect(clean).not.toContain(shown.slice(i, i + 12).toLowerCase());
      }),
    );
  });
});

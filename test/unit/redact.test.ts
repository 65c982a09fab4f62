import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRedactor } from '../../src/redact.js';

const KEY = 'ck_live_5ecret/0f+the"Account';
const redact = (secret: string, said: string) => createRedactor([secret], '***').text(said);

describe('a redactor', () => {
  test('leaves alone what has nothing of the secret', () => {
    for (const said of ['Contact not found', '', 'ck_live keys only', '<p>&auml; %41 \\u0041</p>']) expect(redact(KEY, said)).toBe(said);
    expect(createRedactor([''], '***').text('anything')).toBe('anything');
  });

  test.each([
    ['as it is', KEY],
    ['in upper case', KEY.toUpperCase()],
    ['percent-encoded', encodeURIComponent(KEY)],
    ['percent-encoded twice', encodeURIComponent(encodeURIComponent(KEY))],
    ['with lower-case percent codes', encodeURIComponent(KEY).replace(/%../g, (code) => code.toLowerCase())],
    ['a JSON string', JSON.stringify(KEY).slice(1, -1)],
    ['escaped for HTML', KEY.replace('"', '&quot;')],
    ['in base64', Buffer.from(KEY).toString('base64')],
    ['in base64 for URLs', Buffer.from(KEY).toString('base64url')],
    ['in base64, with a user before it', Buffer.from(`user:${KEY}`).toString('base64')],
    ['in hex', Buffer.from(KEY).toString('hex')],
    ['a piece of it', KEY.slice(3, 20)],
    ['without its signs', KEY.replace(/\W|_/g, '')],
  ])('finds the key %s', (_spelling, spelled) => {
    expect(redact(KEY, `refused: '${spelled}' is no key`)).toMatch(/^refused: '[^\w]{3,6}' is no key$/);
  });

  test('finds the token of a key with a scheme, whatever the case of the scheme, and what a Basic token says', () => {
    const basic = `Basic ${Buffer.from('importer:open sesame 7').toString('base64')}`;
    const token = basic.slice(6);
    expect(redact(basic, `Authorization: bASIC ${token}!`)).toBe('Authorization: ***!');
    expect(redact(basic, `no password "open sesame 7"`)).toBe('no password "***"');
    expect(redact('Bearer abc.def-123', 'BEARER abc.def-123 expired')).toBe('*** expired');
  });

  test('finds a short key where it is written as it is', () => {
    expect(redact('k7!', 'the key k7! is short')).toBe('the key *** is short');
    expect(redact('k7!', 'the key k7%21 is short')).toBe('the key *** is short');
  });

  test('finds it in the data of an answer, names included', () => {
    const deep = createRedactor([KEY], '***').deep({ [KEY]: [{ at: `x ${KEY}` }, 3, null] });
    expect(deep).toEqual({ '***': [{ at: 'x ***' }, 3, null] });
  });

  test('leaves no piece of twelve characters of any key, wherever it stands', () => {
    const anyKey = fc.string({ unit: fc.constantFrom(...'abcXYZ019'), minLength: 12, maxLength: 60 });
    fc.assert(
      fc.property(anyKey, fc.string(), fc.string(), fc.nat(), (key, before, after, at) => {
        const from = at % (key.length - 11);
        const said = redact(key, `${before} ${key.slice(from)} ${after}`);
        for (let i = 0; i + 12 <= key.length; i++) expect(said).not.toContain(key.slice(i, i + 12));
      }),
      { numRuns: 200 },
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countCodePoints, hasVisible, MAX_TEXT } from '../../../src/map/schema.js';
import { splitText, truncateText } from '../../../src/map/split-text.js';

const MARK = '\u0301';
const FAMILY = '👩‍👩‍👧‍👦';
const INVISIBLE = /[\s\p{Cc}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** Words, white space, and what is easily torn: marks, families, flags, Hangul, a line end of two characters. */
const piece = fc.constantFrom(
  ...['a', 'word', 'Sentence. ', ' ', '  ', '\n', '\r\n', '\n\n', '\r\n \r\n', `e${MARK}`, `e${MARK}${MARK}`, FAMILY, '🇩🇪', '🇫🇷', '👍🏽'],
  ...['각', '\u1112\u1161\u11ab', 'क्षि', 'שלום', '配送は来週。', '\u200b', '\u00a0', ` ${MARK}`, '\t', '𝒳', '-', 'don’t', '1,000.50'],
);
const anyText = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''));
const anyMax = fc.integer({ min: 12, max: 60 });

const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' });

/** Where a grapheme begins, in UTF-16 units. */
const bordersOf = (text: string): ReadonlySet<number> =>
  new Set([...Array.from(graphemes.segment(text), ({ index }) => index), text.length]);

/** Where each part stands in the text: it must be found there, in order. */
function placesOf(text: string, parts: readonly string[]): readonly (readonly [number, number])[] {
  let at = 0;
  return parts.map((part) => {
    const from = text.indexOf(part, at);
    expect(from, `${JSON.stringify(part)} in ${JSON.stringify(text)}`).toBeGreaterThanOrEqual(at);
    at = from + part.length;
    return [from, at] as const;
  });
}

describe('the parts of a long text', () => {
  it('hold every visible character, in order, each within the limit and none of them blank', () => {
    fc.assert(
      fc.property(anyText, anyMax, (text, max) => {
        const parts = splitText(text, max);
        for (const part of parts) {
          expect(countCodePoints(part)).toBeLessThanOrEqual(max);
          expect(hasVisible(part)).toBe(true);
        }
        expect(parts.join('').replace(INVISIBLE, '')).toBe(text.replace(INVISIBLE, ''));
      }),
      { numRuns: 300 },
    );
  });

  it('stand in the text as they are, with nothing but white space between them, and cut no grapheme', () => {
    fc.assert(
      fc.property(anyText, anyMax, (text, max) => {
        const borders = bordersOf(text);
        let before = 0;
        for (const [from, to] of placesOf(text, splitText(text, max))) {
          expect(text.slice(before, from)).toMatch(/^[\s\u200b]*$/);
          expect([borders.has(from), borders.has(to)], JSON.stringify(text.slice(from, to))).toEqual([true, true]);
          before = to;
        }
        expect(text.slice(before)).toMatch(/^[\s\u200b]*$/);
      }),
      { numRuns: 300 },
    );
  });

  it('are one where the text fits', () => {
    expect(splitText('a'.repeat(5000), MAX_TEXT)).toHaveLength(1);
    expect(splitText('👍'.repeat(5000), MAX_TEXT)).toHaveLength(1);
    expect(splitText(`  ${'a'.repeat(5000)}\n\n`, MAX_TEXT)).toEqual(['a'.repeat(5000)]);
    expect(splitText('a'.repeat(5001), MAX_TEXT).map(({ length }) => length)).toEqual([5000, 1]);
  });

  it.each([
    ['a paragraph', 'One is here. Two.\n\nThree. Four five six', ['One is here. Two.', 'Three. Four five six']],
    ['a paragraph of another system', 'One is here.\r\n \r\nTwo. Four five six', ['One is here.', 'Two. Four five six']],
    ['a line', '- one. More here\n- two. Four five six', ['- one. More here', '- two. Four five six']],
    ['a sentence', 'One is this note. Two is another one', ['One is this note.', 'Two is another one']],
    [
      'a Japanese sentence',
      '配送は来週の火曜日に変更。配送は来週の火曜日に変更。',
      ['配送は来週の火曜日に変更。', '配送は来週の火曜日に変更。'],
    ],
    ['a word', 'seven words that are no sentence, none', ['seven words that are no', 'sentence, none']],
    ['a word without spaces between', 'สวัสดีครับยินดีต้อนรับสวัสดี', ['สวัสดีครับยินดีต้อนรับ', 'สวัสดี']],
    ['a grapheme', `x${FAMILY.repeat(4)}`, [`x${FAMILY.repeat(3)}`, FAMILY]],
  ])('end with %s', (_, text, parts) => {
    expect(splitText(text, 24)).toEqual(parts);
  });

  it('are not short for the sake of a paragraph: a heading stays with what follows', () => {
    expect(splitText('Hi,\n\nthis goes on and on and on', 20)).toEqual(['Hi,\n\nthis goes on', 'and on and on']);
  });

  it.each([
    ['flags', '🇩🇪'],
    ['flags behind a letter', '🇩🇪🇫🇷a🇮🇹'],
    ['families', FAMILY],
    ['letters with their marks', `e${MARK}${MARK}`],
  ])('cut none of %s, wherever the limit falls', (_, unit) => {
    const text = unit.repeat(30);
    const borders = bordersOf(text);
    for (let max = 12; max <= 60; max++)
      for (const [from, to] of placesOf(text, splitText(text, max)))
        expect([max, borders.has(from), borders.has(to)]).toEqual([max, true, true]);
  });

  it('cut a grapheme that is longer than a part, alone, and go on behind it', () => {
    const zalgo = `a${MARK.repeat(30)}`;
    const parts = splitText(`word ${zalgo}${zalgo}end`, 20);
    expect(parts.join('')).toBe(`word${zalgo}${zalgo}end`);
    expect(parts.every((part) => countCodePoints(part) <= 20)).toBe(true);
  });

  it('leave out a stretch without a visible character that would be a part', () => {
    expect(splitText(`a${' '.repeat(50)}b`, 10)).toEqual(['a', 'b']);
    expect(splitText(' '.repeat(50), 10)).toEqual([]);
    expect(splitText(`${'\u200b'.repeat(50)}b`, 10)).toEqual(['b']);
  });

  // Each would take minutes if the whole text were segmented for each part.
  it.each(['Lorem ipsum dolor sit amet. ', 'a', '配送', FAMILY, '🇩🇪', `a${MARK.repeat(6000)}`, MARK, '\n ', 'x\n', '\u200b', 'สวัสดี'])(
    'of 500,000 characters are made in time: %j…',
    (unit) => {
      const text = unit.repeat(Math.ceil(500_000 / unit.length));
      const parts = splitText(text, MAX_TEXT);
      expect(parts.length).toBeLessThanOrEqual(220);
      expect(parts.every((part) => countCodePoints(part) <= MAX_TEXT)).toBe(true);
    },
  );
});

describe('a text cut short', () => {
  it('is as it was if it fits, and else its beginning with an ellipsis, within the limit, no grapheme cut', () => {
    fc.assert(
      fc.property(anyText, anyMax, (text, max) => {
        const short = truncateText(text, max);
        expect(short === text).toBe(countCodePoints(text) <= max);
        if (short === text) return;
        expect(countCodePoints(short)).toBeLessThanOrEqual(max);
        if (text.endsWith(short) || text.trimEnd().endsWith(short)) return;
        expect(short.endsWith('…')).toBe(true);
        const [place] = placesOf(text, [short.slice(0, -1)]);
        expect(bordersOf(text).has(place?.[1] ?? -1)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('ends where a reader sees a character end', () => {
    expect(truncateText('abcdef', 5)).toBe('abcd…');
    expect(truncateText('ab    cdef', 5)).toBe('ab…');
    expect(truncateText(`ab${FAMILY}`, 5)).toBe('ab…');
    expect(truncateText('abc     ', 5)).toBe('abc');
    expect(countCodePoints(truncateText(`a${MARK.repeat(9000)}`, MAX_TEXT))).toBe(5000);
  });
});

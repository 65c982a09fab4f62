import { countCodePoints, hasVisible } from './schema.js';

/**
 * Cuts a text into parts of at most `max` code points each: at the end of a paragraph where one ends in the last half of what fits, else
 * of a line, a sentence, a word, and within a word only between characters as a reader sees them (graphemes). A grapheme that is longer
 * than a part, alone, is cut too: nothing else is left.
 *
 * Every character stands in one of the parts, in order, apart from white space at the cuts and at both ends, and stretches without a
 * visible character that would be a part of their own. No part is blank. Takes time in proportion to the text.
 */
export function splitText(text: string, max: number): readonly string[] {
  const parts: string[] = [];
  let begin = 0;
  while (begin < text.length) {
    begin = behindSpace(text, begin);
    const end = forward(text, begin, max);
    const cut = end === text.length ? end : cutIn(text, begin, end);
    const part = text.slice(begin, cut).trimEnd();
    if (hasVisible(part)) parts.push(part);
    begin = cut;
  }
  return parts;
}

/** The text if it fits into so many code points, else its beginning with an ellipsis. No grapheme is cut, as in `splitText`. */
export function truncateText(text: string, max: number): string {
  if (countCodePoints(text) <= max) return text;
  const trimmed = text.slice(behindSpace(text, 0)).trimEnd();
  const end = forward(trimmed, 0, max);
  if (end === trimmed.length) return trimmed;
  return `${trimmed.slice(0, graphemeBorder(trimmed, 0, forward(trimmed, 0, max - 1))).trimEnd()}…`;
}

/** The last good place for a cut, at most at `end`. */
function cutIn(text: string, begin: number, end: number): number {
  const half = codePointBorder(text, begin + Math.floor((end - begin) / 2));
  for (const ends of [paragraphEnds, lineEnds, sentenceEnds, wordEnds, wordBorders]) {
    const found = ends(text, half, end);
    if (found === null) continue;
    const cut = graphemeBorder(text, begin, found);
    if (cut > begin && hasVisible(text.slice(begin, cut))) return cut;
  }
  return graphemeBorder(text, begin, end);
}

/** Behind `from`, the last of its kind up to `end`, or null. */
type Ends = (text: string, from: number, end: number) => number | null;

const paragraphEnds: Ends = (text, from, end) => lastMatch(/(?:\r\n?|\n)[^\S\r\n]*(?:\r\n?|\n)/g, { text, from, end });
const lineEnds: Ends = (text, from, end) => lastMatch(/[\r\n]/g, { text, from, end });
const wordEnds: Ends = (text, from, end) => lastMatch(/\s/g, { text, from, end });
const sentenceEnds: Ends = (text, from, end) => lastBorder(segmenters().sentence, { text, from, end });
/** Where no white space tells words apart (Chinese, Thai). */
const wordBorders: Ends = (text, from, end) =>
  lastBorder(segmenters().word, { text, from: codePointBorder(text, Math.max(from, end - WORD_WINDOW)), end });

interface Window {
  readonly text: string;
  readonly from: number;
  readonly end: number;
}

function lastMatch(pattern: RegExp, { text, from, end }: Window): number | null {
  let last: number | null = null;
  // What ends just behind the window may begin in it: two line ends.
  for (const { index } of text.slice(from, end + 4).matchAll(pattern)) if (index > 0 && from + index <= end) last = from + index;
  return last;
}

/** Only a stretch is looked at: a segmenter takes milliseconds for a few thousand characters. */
function lastBorder(segmenter: Intl.Segmenter, { text, from, end }: Window): number | null {
  let last: number | null = null;
  for (const { index } of segmenter.segment(text.slice(from, end + LOOKAHEAD))) if (index > 0 && from + index <= end) last = from + index;
  return last;
}

const WORD_WINDOW = 200;
/** So much of what follows tells whether a sentence ends. */
const LOOKAHEAD = 100;

/** The last border between graphemes that isn't behind `index`; where that is `begin`, the one grapheme is too long and `index` it is. */
function graphemeBorder(text: string, begin: number, index: number): number {
  if (index >= text.length) return text.length;
  // Between two printable ASCII characters there is always a border: nothing before it matters.
  let from = index;
  while (from > begin && !(isPlain(text.charCodeAt(from)) && isPlain(text.charCodeAt(from - 1)))) from--;
  const border =
    from +
    (segmenters()
      .grapheme.segment(text.slice(from, index + 2))
      .containing(index - from)?.index ?? index - from);
  return border > begin ? border : codePointBorder(text, index);
}

function isPlain(unit: number): boolean {
  return unit >= 0x20 && unit <= 0x7e;
}

/** Behind so many code points, counted from `begin`. */
function forward(text: string, begin: number, codePoints: number): number {
  let at = begin;
  for (let left = codePoints; left > 0 && at < text.length; left--) at += isPair(text, at) ? 2 : 1;
  return at;
}

/** True if the two units from there on are one code point. */
function isPair(text: string, at: number): boolean {
  const [high, low] = [text.charCodeAt(at), text.charCodeAt(at + 1)];
  return high >= 0xd800 && high <= 0xdbff && low >= 0xdc00 && low <= 0xdfff;
}

function codePointBorder(text: string, index: number): number {
  return index > 0 && isPair(text, index - 1) ? index - 1 : index;
}

/** White space that carries a mark is part of a grapheme. */
function behindSpace(text: string, begin: number): number {
  let at = begin;
  while (at < text.length && /\s/.test(text[at] ?? '') && !EXTENDS.test(text.slice(at + 1, at + 3))) at++;
  return at;
}

const EXTENDS = /^[\p{M}\p{Emoji_Modifier}\u200c\u200d]/u;

/** Made when first needed: most imports have no text that is too long. The same rules whatever the language of the machine. */
function segmenters(): Segmenters {
  made ??= {
    sentence: new Intl.Segmenter('und', { granularity: 'sentence' }),
    word: new Intl.Segmenter('und', { granularity: 'word' }),
    grapheme: new Intl.Segmenter('und', { granularity: 'grapheme' }),
  };
  return made;
}

type Segmenters = Readonly<Record<'sentence' | 'word' | 'grapheme', Intl.Segmenter>>;
let made: Segmenters | null = null;

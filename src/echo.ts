import type { Reading } from './readings.js';

/** From the first character up to, and without, the last. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** What must not be repeated, ready to be searched for. */
export interface Original {
  /** Folded, as UTF-8 bytes: in scripts where a letter says more, fewer letters are a run. */
  readonly bytes: string;
  /** So many bytes in a row are an echo. */
  readonly run: number;
}

/** @param run bytes; a shorter text is an echo as a whole, where it stands as a word of its own */
export function original(text: string, run: number): Original {
  return { bytes: foldToBytes(text), run };
}

/**
 * Where a text repeats one of the originals: only letters and digits are compared, without case, accents and width, in each reading of the
 * text. In order, without overlaps. Takes time by the length of the readings and of the originals.
 *
 * @param readings see `readingsOf`
 */
export function findEchoes(readings: readonly Reading[], originals: readonly Original[]): readonly Stretch[] {
  const wanted = originals.filter(({ bytes }) => bytes.length >= SHORTEST);
  const found: Stretch[] = [];
  for (const reading of readings) {
    const bytes = foldToBytes(reading.text);
    const near = wanted.filter((one) => mayEcho(bytes, one));
    if (near.length === 0) continue;
    const folded = foldWithPlaces(reading);
    for (const one of near) found.push(...echoesIn(folded, one, reading.text));
  }
  return joined(found);
}

/** Overlapping and adjoining stretches as one, in order. */
export function joined(stretches: readonly Stretch[]): readonly Stretch[] {
  const merged: { from: number; to: number }[] = [];
  for (const { from, to } of [...stretches].sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else merged.push({ from, to });
  }
  return merged;
}

/** Shorter texts say nothing, or too much is like them. */
const SHORTEST = 4;

/** Every run holds one of these blocks of half its length, so most texts are done after a few searches. */
function mayEcho(bytes: string, { bytes: wanted, run }: Original): boolean {
  if (wanted.length < run) return bytes.includes(wanted);
  const half = run >> 1;
  for (let at = 0; at + half <= bytes.length; at += half) if (wanted.includes(bytes.slice(at, at + half))) return true;
  return false;
}

function echoesIn(folded: Folded, { bytes: wanted, run }: Original, text: string): readonly Stretch[] {
  const { bytes, from, to, unit } = folded;
  const isWhole = wanted.length < run;
  const length = Math.min(run, wanted.length);
  const runs = isWhole ? new Set([wanted]) : runsIn(bytes, length, wanted);
  const found: { from: number; to: number }[] = [];
  for (let at = 0; at + length <= bytes.length; at++) {
    if (!runs.has(bytes.slice(at, at + length))) continue;
    const end = at + length - 1;
    if (isWhole && (isLetter(text, unit[at]! - 1) || isLetter(text, unit[end]! + 1))) continue;
    found.push({ from: from[at]!, to: to[end]! });
  }
  return found;
}

/** The runs of `bytes` that stand in `wanted` too: one pass over each, whatever they hold. */
function runsIn(bytes: string, length: number, wanted: string): ReadonlySet<string> {
  const asked = new Set<string>();
  for (let at = 0; at + length <= bytes.length; at++) asked.add(bytes.slice(at, at + length));
  const found = new Set<string>();
  for (let at = 0; at + length <= wanted.length; at++) {
    const run = wanted.slice(at, at + length);
    if (asked.has(run)) found.add(run);
  }
  return found;
}

function isLetter(text: string, at: number): boolean {
  return /[\p{L}\p{N}]/u.test(text.charAt(at));
}

interface Folded {
  readonly bytes: string;
  /** For each byte, the stretch of the given text that it comes from. */
  readonly from: readonly number[];
  readonly to: readonly number[];
  /** And its UTF-16 unit in the reading. */
  readonly unit: readonly number[];
}

function foldWithPlaces({ text, from, to }: Reading): Folded {
  const places = { bytes: '', from: [] as number[], to: [] as number[], unit: [] as number[] };
  let at = 0;
  for (const character of text) {
    const bytes = foldToBytes(character);
    for (let byte = 0; byte < bytes.length; byte++) {
      places.from.push(from[at]!);
      places.to.push(to[at + character.length - 1]!);
      places.unit.push(at);
    }
    places.bytes += bytes;
    at += character.length;
  }
  return places;
}

/** Letters and digits only, without accents, width and case; each byte of its UTF-8 as one character. */
function foldToBytes(text: string): string {
  if (PLAIN.test(text)) return text.toLowerCase().replace(NOT_PLAIN, '');
  // Upper case first: it parts what lower case keeps apart (ß and ss). Lower case makes a ς only at the end of a word.
  const folded = text
    .normalize('NFKD')
    .toUpperCase()
    .toLowerCase()
    .replace(/ς/g, 'σ')
    .replace(/[^\p{L}\p{N}]+/gu, '');
  return Buffer.from(folded, 'utf8').toString('latin1');
}

const PLAIN = /^[\0-\x7f]*$/;
const NOT_PLAIN = /[^a-z\d]+/g;

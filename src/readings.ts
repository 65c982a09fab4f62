import { isUtf8 } from 'node:buffer';

/** A text after escapes were undone: each UTF-16 unit with the stretch of the given text that it stands for. */
export interface Reading {
  readonly text: string;
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/**
 * Every way to read a text whose parts may be percent-encoded, escaped for HTML, JSON or C, or in base64 or hex, also several of these on
 * top of one another: the text as it is, then what each decoder makes of it, and of that again. At most `MAX_READINGS`.
 */
export function readingsOf(text: string): readonly Reading[] {
  const readings: Reading[] = [asItIs(text)];
  const seen = new Set([text]);
  // The list grows while it is walked, so the shallow readings come first.
  for (const reading of readings) {
    for (const decode of DECODERS) {
      if (readings.length >= MAX_READINGS) return readings;
      const decoded = decode(reading);
      if (decoded === null || seen.has(decoded.text)) continue;
      seen.add(decoded.text);
      readings.push(decoded);
    }
  }
  return readings;
}

const MAX_READINGS = 16;

type Decoder = (reading: Reading) => Reading | null;

const DECODERS: readonly Decoder[] = [
  // `%C3%A4`, and `\xc3\xa4` as Python shows bytes. A run that isn't UTF-8 may be Latin-1.
  (reading) => rewrite(reading, /(?:(?:%|\\x)[\da-f]{2})+/gi, ([run]) => escapedBytes(run).toString('utf8')),
  (reading) => rewrite(reading, /(?:(?:%|\\x)[\da-f]{2})+/gi, ([run]) => latin1OrNull(escapedBytes(run))),
  (reading) => rewrite(reading, /&(?:#(\d{1,7});?|#x([\da-f]{1,6});?|([a-z][a-z\d]{1,31});)/gi, unescapeHtml),
  (reading) => rewrite(reading, /\\(?:u([\da-f]{4})|u\{([\da-f]{1,6})\}|U([\da-f]{8})|([^x]))/gis, unescapeString),
  (reading) => rewrite(reading, /[\w+/-]{8,}={0,2}/g, ([token]) => decodeToken(token)),
];

function asItIs(text: string): Reading {
  const from = Array.from({ length: text.length }, (_, at) => at);
  return { text, from, to: from.map((at) => at + 1) };
}

/** @returns null where nothing was replaced */
function rewrite(reading: Reading, pattern: RegExp, replace: (match: readonly string[]) => string | null): Reading | null {
  let text = '';
  const from: number[] = [];
  const to: number[] = [];
  let done = 0;
  const keep = (until: number): void => {
    for (let at = done; at < until; at++) {
      from.push(reading.from[at]!);
      to.push(reading.to[at]!);
    }
    text += reading.text.slice(done, until);
  };
  for (const match of reading.text.matchAll(pattern)) {
    const replacement = replace(match);
    if (replacement === null) continue;
    keep(match.index);
    done = match.index + match[0].length;
    for (let unit = 0; unit < replacement.length; unit++) {
      from.push(reading.from[match.index]!);
      to.push(reading.to[done - 1]!);
    }
    text += replacement;
  }
  if (done === 0) return null;
  keep(reading.text.length);
  return { text, from, to };
}

function escapedBytes(run: string | undefined): Buffer {
  return Buffer.from((run ?? '').replace(/%|\\x/gi, ''), 'hex');
}

function latin1OrNull(bytes: Buffer): string | null {
  return isUtf8(bytes) ? null : bytes.toString('latin1');
}

function unescapeHtml([, decimal, hex, name]: readonly (string | undefined)[]): string {
  if (decimal !== undefined) return character(Number(decimal));
  if (hex !== undefined) return character(Number.parseInt(hex, 16));
  return namedCharacter(name ?? '');
}

/** Letters are what matters: `&auml;` is read as its base letter, other signs as none. */
function namedCharacter(name: string): string {
  const basic = BASIC_ENTITIES[name.toLowerCase()];
  if (basic !== undefined) return basic;
  const greek = GREEK.indexOf(name.toLowerCase());
  if (greek >= 0) return String.fromCharCode(0x3b1 + greek);
  return /^([a-z]{1,2})(?:uml|acute|grave|circ|tilde|cedil|ring|slash|caron|breve|macr|ogon|dot|strok|dblac|lig)$/i.exec(name)?.[1] ?? ' ';
}

const BASIC_ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  eth: 'ð',
  thorn: 'þ',
  szlig: 'ß',
};
const GREEK =
  'alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigmaf sigma tau upsilon phi chi psi omega'.split(
    ' ',
  );

function unescapeString([, short, braced, long, sign]: readonly (string | undefined)[]): string {
  const hex = short ?? braced ?? long;
  if (hex !== undefined) return short === undefined ? character(Number.parseInt(hex, 16)) : String.fromCharCode(Number.parseInt(hex, 16));
  return sign !== undefined && 'abfnrtv0'.includes(sign) ? ' ' : (sign ?? '');
}

function character(code: number): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : '';
}

/** A word that is text in hex or base64; null where it is just a word. */
function decodeToken(token: string | undefined): string | null {
  if (token === undefined) return null;
  const hex = /^(?:[\da-f]{2})+$/i.test(token) ? plainText(Buffer.from(token, 'hex')) : null;
  return hex ?? plainText(Buffer.from(token, 'base64'));
}

/** null where the bytes aren't text. Halves of characters at both ends are left out: the text may have been cut up. */
function plainText(bytes: Buffer): string | null {
  let start = 0;
  while (start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  for (let end = bytes.length; end > start && end > bytes.length - 4; end--) {
    const whole = bytes.subarray(start, end);
    if (!isUtf8(whole)) continue;
    const text = whole.toString('utf8');
    return NOT_TEXT.test(text) ? null : text;
  }
  return null;
}

const NOT_TEXT = /[^\P{Cc}\s]|\p{Cn}|\p{Co}/u;

import { findEchoes, original, type Stretch } from '../echo.js';
import { readingsOf } from '../readings.js';
import { shorten } from '../shorten.js';

/**
 * What may leave the process outside failures.csv: logs, summary, terminal, ledger. An API's message may echo the note.
 *
 * Control, bidi and invisible characters are taken out, what it echoes of the note becomes `…`, from the first piece to the last, and the
 * rest is cut at `limit` characters. A piece is a run of 12 letters and digits or more (bytes of UTF-8, so fewer of other scripts) that
 * also stands in the name or the text, or all of a shorter name or text, in whatever spelling (see `readingsOf`). What is made of ordinary
 * words of such messages alone isn't hidden: it tells nothing of anybody, even where a note says it too.
 */
export function publicMessage(message: string, draft: { readonly name: string; readonly text: string } | null, limit = 200): string {
  // Bounded before anything is searched for: a message may be a whole HTML page.
  let shown = cleanLine(message.slice(0, 4 * limit));
  if (draft !== null && !isOrdinary(shown)) {
    const originals = [original(draft.text, ECHO), original(draft.name, ECHO)];
    // What is left on both sides of a cut may be an echo together.
    for (let before = ''; before !== shown; ) {
      before = shown;
      shown = withoutEcho(shown, findEchoes(readingsOf(shown), originals));
    }
  }
  return shorten(shown, limit);
}

/** One line without control, bidi, invisible characters and lone surrogates; white space becomes one blank. */
export function cleanLine(text: string): string {
  if (!NEEDS_CLEANING.test(text)) return text;
  return text
    .replace(/[\p{Cf}\p{Cs}\u115f\u1160\u3164\uffa0]|\u034f/gu, '')
    .replace(/\s+/gu, ' ')
    .replace(/\p{Cc}/gu, '')
    .replace(/ {2,}/g, ' ')
    .trim();
}

const NEEDS_CLEANING = /[^\x21-\x7e ]|^ | $| {2}/;

/** Bytes of letters and digits. */
const ECHO = 12;

/** What is between the first piece and the last may be the note in a spelling that nobody thought of. */
function withoutEcho(message: string, echoes: readonly Stretch[]): string {
  const told = echoes.filter(({ from, to }) => !isOrdinary(wholeWords(message, from, to)));
  const first = told[0];
  const last = told.at(-1);
  return first === undefined || last === undefined ? message : `${message.slice(0, first.from)}…${message.slice(last.to)}`;
}

function wholeWords(message: string, from: number, to: number): string {
  const before = /[\p{L}\p{N}]*$/u.exec(message.slice(0, from))?.[0] ?? '';
  const after = /^[\p{L}\p{N}]*/u.exec(message.slice(to))?.[0] ?? '';
  return before + message.slice(from, to) + after;
}

function isOrdinary(words: string): boolean {
  // Not of ASCII: an escape, an accent; never an ordinary word.
  return !/[^ -~]/.test(words) && (words.match(/[a-z\d]+/gi) ?? []).every((word) => ORDINARY.has(word.toLowerCase()));
}

/** Words of which messages about a field and its limits are made, the API's own names, and its limits. */
const ORDINARY: ReadonlySet<string> = new Set(
  `a an and any are as at be been by can cannot could did do does for from has have if in into is isn it its least less longer many may
  more most must no not of on only or other t than that the then there this to too was were will with within without you your
  1 200 400 401 403 404 409 413 415 422 429 500 502 503 504 5000
  accepted access allowed already array bad bearer blank body boolean campaign character characters contact contactid contacts data date
  denied deleted email empty error exceed exceeds exist exists expected failed field fields forbidden format found id ids integer invalid
  json key length limit long main maximum memories memory message messages minimum missing name names note notes null number object
  occurred organization organizations organisation parameter permission phone phonenumber property provided received request required
  resource server short should status string suborg suborganization suborganizationid sub text texts try again type unexpected unknown
  undefined valid validation value values wrong x`.split(/\s+/),
);

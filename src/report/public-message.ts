import { shorten } from '../shorten.js';

/**
 * What may leave the process outside failures.csv: logs, summary, terminal. An API's message may echo the note.
 *
 * Control, bidi and invisible characters are taken out, every piece of the note that it echoes becomes `…`, and the rest is cut at `limit`
 * characters. A piece is a run of 12 characters or more that also stands in the name or the text (letter case and white space aside), or all
 * of a name or text of 4 to 11 characters.
 */
export function publicMessage(message: string, draft: { readonly name: string; readonly text: string } | null, limit = 200): string {
  // Bounded before anything is searched for: a message may be a whole HTML page.
  let shown = cleanLine(message.slice(0, 4 * limit));
  if (draft !== null) {
    shown = withoutEcho(shown, cleanLine(draft.text));
    shown = withoutEcho(shown, cleanLine(draft.name));
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

const ECHO = 12;
const SHORTEST_ECHO = 4;
const STEP = ECHO / 2;

function withoutEcho(message: string, source: string): string {
  if (source.length < SHORTEST_ECHO) return message;
  const haystack = foldCase(source);
  const needle = foldCase(message);
  const echo = Math.min(ECHO, haystack.length);
  // Every run of 12 holds one of these blocks of 6, so most messages are done after a few searches.
  if (echo === ECHO) {
    let mayEcho = false;
    for (let i = 0; i + STEP <= needle.length && !mayEcho; i += STEP) mayEcho = haystack.includes(needle.slice(i, i + STEP));
    if (!mayEcho) return message;
  }
  let shown = '';
  let from = 0;
  for (let i = 0; i + echo <= needle.length; i++) {
    const at = haystack.indexOf(needle.slice(i, i + echo));
    if (at < 0) continue;
    let end = i + echo;
    while (end < needle.length && needle.charCodeAt(end) === haystack.charCodeAt(at + end - i)) end++;
    // A piece that goes on from another place of the note overlaps this one; it continues the same `…`.
    if (from === 0 || i > from) shown += `${message.slice(from, i)}…`;
    from = end;
    i = end - echo;
  }
  return from === 0 ? message : shown + message.slice(from);
}

/** Lower case, where that keeps every character at its place. */
function foldCase(text: string): string {
  const lower = text.toLowerCase();
  return lower.length === text.length ? lower : text;
}

import { findEchoes, joined, original, type Stretch } from './echo.js';
import { type Reading, readingsOf } from './readings.js';

/** Takes secrets out of what a server, a library or a log line says, before anything is shortened: half a key is a leak too. */
export interface Redactor {
  text(text: string): string;
  /** A copy of what JSON.parse gave, with every string in it redacted, names of properties included. Very deep parts are left out. */
  deep(value: unknown): unknown;
}

/**
 * @param secrets keys as they are sent, passwords; '' is none. Found in every spelling that `readingsOf` knows, in any letter case, and in
 *   pieces of 12 letters and digits; of a key with a scheme (`Bearer …`, `Basic …`) the token, and what it says in base64, as well
 * @param mask stands in their place
 */
export function createRedactor(secrets: readonly string[], mask: string): Redactor {
  const forms = [...new Set(secrets.flatMap(formsOf))].filter((form) => form !== '');
  const originals = forms.map((form) => original(form, RUN)).filter(({ bytes }) => bytes.length >= SHORTEST_IN_ANY_CASE);

  function text(said: string): string {
    if (forms.length === 0 || said === '') return said;
    const readings = readingsOf(said);
    const found = joined([...exactly(readings, forms), ...findEchoes(readings, originals)]);
    if (found.length === 0) return said;
    let clean = '';
    let done = 0;
    for (const { from, to } of found) {
      clean += said.slice(done, from) + mask;
      done = to;
    }
    return clean + said.slice(done);
  }

  function deep(value: unknown, depth = 0): unknown {
    if (typeof value === 'string') return text(value);
    if (typeof value !== 'object' || value === null) return value;
    // JSON.parse takes any depth, the stack doesn't.
    if (depth === MAX_DEPTH) return '…';
    if (Array.isArray(value)) return value.map((part) => deep(part, depth + 1));
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [text(name), deep(part, depth + 1)]));
  }

  return { text, deep: (value) => deep(value) };
}

const RUN = 12;
/** A shorter secret is found as it is written: too many words would be like it. */
const SHORTEST_IN_ANY_CASE = 8;
const MAX_DEPTH = 20;

function formsOf(secret: string): readonly string[] {
  const trimmed = secret.trim();
  const token = trimmed.split(/\s+/).at(-1) ?? '';
  const told = /^basic\s/i.test(trimmed) ? Buffer.from(token, 'base64').toString('utf8') : '';
  const password = told.slice(told.indexOf(':') + 1);
  return [secret, trimmed, token, told, password];
}

function exactly(readings: readonly Reading[], forms: readonly string[]): readonly Stretch[] {
  const found: Stretch[] = [];
  for (const { text, from, to } of readings) {
    for (const form of forms) {
      for (let at = text.indexOf(form); at >= 0; at = text.indexOf(form, at + form.length)) {
        found.push({ from: from[at]!, to: to[at + form.length - 1]! });
      }
    }
  }
  return found;
}

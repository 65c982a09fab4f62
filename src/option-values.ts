import { statSync } from 'node:fs';
import { editDistance } from './edit-distance.js';
import { FIELDS, type Field } from './fields.js';
import { isPostgres, parsePostgres } from './ledger-address.js';
import { isLoopback } from './loopback.js';
import { assertNever, FAILURE_CLASSES, type FailureClass } from './model.js';
import { FINDING_NAMES, type FindingName } from './model-plan.js';
import { findProfile, PROFILE_IDS, type Profile } from './profiles.js';
import { shorten as shortenTo } from './shorten.js';
import { readSmallFile } from './small-file.js';

// Each function here turns one option's value, untrusted, into what the program uses, or refuses it. Which option takes which, and its
// default, is said in `options.ts`.

/** Says what was expected, and what was found where that isn't the value itself. Its `undefined` is what a refusing parser returns. */
export type Refuse = (expected: string, found?: string) => undefined;

export type Parse<T> = (found: unknown, refuse: Refuse) => T | undefined;

/** Timers of 2^31 ms and more fire at once. */
export const DAY_MS = 24 * 60 * 60 * 1000;

/** Any text but blank. */
export function text(expected: string): Parse<string> {
  return (found, refuse) => (typeof found === 'string' && found.trim() !== '' ? found : refuse(expected));
}

export function wholeNumber(min: number, max: number): Parse<number> {
  const expected = max === Number.MAX_SAFE_INTEGER ? `a whole number of at least ${min}` : `a whole number from ${min} to ${max}`;
  return (found, refuse) => {
    const number = typeof found === 'string' && /^\d+$/.test(found.trim()) ? Number(found) : found;
    return typeof number === 'number' && Number.isSafeInteger(number) && number >= min && number <= max ? number : refuse(expected);
  };
}

/** Milliseconds. */
export function duration(minMs: number, maxMs: number): Parse<number> {
  const expected = `a duration with its unit, such as 250ms, 30s or 1m30s, of ${minMs === 0 ? '' : 'more than 0 and '}at most ${maxMs / DAY_MS}d`;
  return (found, refuse) => {
    if (typeof found === 'string' && /^\d+$/.test(found.trim())) return refuse(expected, `"${found}" without a unit`);
    const ms = typeof found === 'string' ? parseDuration(found) : found;
    return typeof ms === 'number' && Number.isFinite(ms) && ms >= minMs && ms <= maxMs ? ms : refuse(expected);
  };
}

export function oneOf<const T extends string>(words: readonly T[]): Parse<T> {
  return (found, refuse) => words.find((word) => word === found) ?? refuse(listed(words), show(found) + near(String(found), words));
}

export function yesOrNo(found: unknown, refuse: Refuse): boolean | undefined {
  return typeof found === 'boolean' ? found : refuse('true or false');
}

export function parseInputs(found: unknown, refuse: Refuse): readonly string[] | undefined {
  if (!Array.isArray(found) || !found.every((path) => typeof path === 'string' && path !== '')) return refuse("paths of CSV files, or '-'");
  return found.filter((path) => path === '-').length > 1 ? refuse("'-' (standard input) once", 'it twice') : found;
}

export function parseBaseUrl(found: unknown, refuse: Refuse): URL | undefined {
  const shown = typeof found === 'string' ? show(found.replace(/\/\/[^/]*@/, '//…@')) : show(found);
  const url = typeof found === 'string' && URL.canParse(found) ? new URL(found) : null;
  if (!url || !/^https?:$/.test(url.protocol)) return refuse('an address such as https://api.callers.ai', shown);
  if (url.username || url.password) return refuse('an address without user name and password', shown);
  if (/[?#]/.test(url.href)) return refuse('an address without ? and #', shown);
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    return refuse('https (plain http would show the key, and goes to loopback only)', shown);
  // One spelling for one address: the ledger compares it.
  url.pathname = url.pathname.replace(/\/+$/, '');
  return url;
}

/** Never shows what it found. */
export function parseKey(found: unknown, refuse: Refuse): string | undefined {
  const key = typeof found === 'string' ? found.replace(/\r?\n$/, '') : null;
  const expected = 'an API key: one line of printable ASCII';
  if (key === null) return refuse(expected, typeof found);
  if (key === '') return refuse(expected, 'nothing in it');
  if (/^ | $/.test(key)) return refuse(expected, 'a space at its start or end');
  const odd = /[^\x20-\x7e]/.exec(key);
  return odd
    ? refuse(expected, /[\r\n]/.test(odd[0]) ? 'more than one line' : `a character that isn't, at position ${odd.index + 1}`)
    : key;
}

const MAX_KEY_FILE_BYTES = 65_536;

export function readKey(found: unknown, refuse: Refuse): string | undefined {
  if (typeof found !== 'string' || found === '') return refuse('the path of a file that holds the API key');
  try {
    if (statSync(found).size > MAX_KEY_FILE_BYTES)
      return refuse('a file that holds the API key and nothing else', `${shorten(found)}, which is too large for that`);
    return parseKey(readSmallFile(found), (expected, what) => refuse(`${expected} in ${shorten(found)}`, what));
  } catch (error) {
    return refuse('a readable file that holds the API key', shorten((error as Error).message));
  }
}

export function parseSubOrg(found: unknown, refuse: Refuse): string | undefined {
  return typeof found === 'string' && /^[\x20-\x7e]+$/.test(found.trim()) ? found.trim() : refuse('an id of printable ASCII');
}

export function parseCampaign(found: unknown, refuse: Refuse): string | undefined {
  const id = typeof found === 'string' ? found.trim() : '';
  return id !== '' && id !== '.' && id !== '..' && !/\p{C}/u.test(id) ? id : refuse('the id of a campaign');
}

/** `field=column` strings, or an object of the same. */
export function parseFields(found: unknown, refuse: Refuse, what: string): Partial<Record<Field, string>> | undefined {
  const pairs = fieldPairs(found);
  if (!pairs) return refuse(`field=${what}, field being ${listed(FIELDS)}`);
  const fields: Partial<Record<Field, string>> = {};
  for (const [name, content] of pairs) {
    const field = FIELDS.find((known) => known.toLowerCase() === name.trim().toLowerCase());
    if (!field) refuse(`field=${what}, field being ${listed(FIELDS)}`, show(name) + near(name, FIELDS));
    else if (fields[field] !== undefined) refuse(`each field once`, `${field} twice`);
    else if (typeof content !== 'string' || content.trim() === '')
      refuse(`a ${what} for ${field}`, typeof content === 'string' ? 'nothing' : show(content));
    else fields[field] = content;
  }
  return fields;
}

function fieldPairs(found: unknown): [string, unknown][] | null {
  if (typeof found !== 'object' || found === null) return null;
  if (!Array.isArray(found)) return Object.entries(found);
  const pairs = found.map((pair) => (typeof pair === 'string' ? /^([^=]*)=(.*)$/s.exec(pair) : null));
  return pairs.every((pair) => pair !== null) ? pairs.map((pair) => [pair[1] ?? '', pair[2] ?? '']) : null;
}

export function parseDelimiter(found: unknown, refuse: Refuse): string | undefined {
  if (found === 'auto') return 'auto';
  if (found === 'tab' || found === '\\t') return '\t';
  return typeof found === 'string' && [...found].length === 1 && !/["\r\n\0]/.test(found)
    ? found
    : refuse('auto, tab, or one character that is neither a quote nor a line end');
}

export function parseEncoding(found: unknown, refuse: Refuse): string | undefined {
  if (found === 'auto') return 'auto';
  try {
    if (typeof found === 'string') return new TextDecoder(found.trim(), { fatal: true }).encoding;
  } catch {
    // Not a label: said below.
  }
  return refuse('auto, or the name of an encoding such as utf-8, windows-1252, utf-16le or shift_jis');
}

export function parseLedger(found: unknown, refuse: Refuse): string | undefined {
  const expected = 'the path of a SQLite file, or postgres://…';
  if (typeof found !== 'string' || found.trim() === '') return refuse(expected);
  if (isPostgres(found)) {
    const settings = parsePostgres(found.trim());
    return 'expected' in settings ? refuse(settings.expected, settings.found) : found.trim();
  }
  // It may hold a password: it isn't shown.
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(found) ? refuse(expected, 'another address') : found;
}

export function parseRate(found: unknown, refuse: Refuse): number | undefined {
  const rate = decimal(found);
  return rate !== null && rate > 0 && rate <= 1e6 ? rate : refuse('requests a second, a number above 0');
}

export function parseMaxFailures(found: unknown, refuse: Refuse): { rows: number } | { percent: number } | undefined {
  const percent = typeof found === 'string' && found.trim().endsWith('%') ? decimal(found.trim().slice(0, -1)) : null;
  if (percent !== null && percent > 0 && percent <= 100) return { percent };
  const rows = decimal(found);
  return rows !== null && Number.isSafeInteger(rows) && rows > 0
    ? { rows }
    : refuse('a number of rows from 1, or a share of them such as 5%');
}

function decimal(found: unknown): number | null {
  const number = typeof found === 'string' && /^(\d+\.?\d*|\.\d+)$/.test(found.trim()) ? Number(found) : found;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}

export function parseOnly(found: unknown, refuse: Refuse): readonly FailureClass[] | undefined {
  const words: readonly unknown[] | null = typeof found === 'string' ? found.split(',') : Array.isArray(found) ? found : null;
  if (!words) return refuse(`a list of ${listed(FAILURE_CLASSES)}`);
  const classes = words.map((word) => FAILURE_CLASSES.find((known) => known === String(word).trim()) ?? String(word).trim());
  for (const word of classes) {
    if (!isFailureClass(word)) refuse(`failure classes (${FAILURE_CLASSES.join(', ')})`, show(word) + near(word, FAILURE_CLASSES));
  }
  return [...new Set(classes.filter(isFailureClass))];
}

export function parseProfileOption(found: unknown, refuse: Refuse): 'auto' | 'none' | Profile | undefined {
  const answer = findProfile(found);
  if ('profile' in answer) return answer.profile;
  switch (answer.kind) {
    case 'unknown':
      return refuse(
        `auto, none, the path of a JSON file or one of ${PROFILE_IDS.join(', ')}`,
        show(found) + near(String(found), PROFILE_IDS),
      );
    case 'unreadable':
      return refuse('a JSON file with a profile, as profiles show prints one', answer.found);
    case 'wrong':
      return refuse('a profile, as profiles show prints one', `other things ${answer.found}`);
    default:
      return assertNever(answer);
  }
}

export function parseSeparator(found: unknown, refuse: Refuse): string | undefined {
  return typeof found === 'string' && found.trim() !== '' && found.length <= 10 && !/["\r\n\0]/.test(found)
    ? found.trim()
    : refuse('what stands between the ids of a cell, such as ";", or none');
}

/** Findings, each word a comma separated list of them. */
export function parseAccept(found: unknown, refuse: Refuse): readonly FindingName[] | undefined {
  const expected = `findings of the damage check (${FINDING_NAMES.join(', ')})`;
  const lists: readonly unknown[] | null = typeof found === 'string' ? [found] : Array.isArray(found) ? found : null;
  if (lists === null) return refuse(expected);
  const names = new Set<FindingName>();
  for (const word of lists.flatMap((list) => String(list).split(',')).map((word) => word.trim())) {
    const name = FINDING_NAMES.find((known) => known === word);
    if (name === undefined) refuse(expected, show(word) + near(word, FINDING_NAMES));
    else names.add(name);
  }
  return [...names];
}

function isFailureClass(word: string): word is FailureClass {
  return FAILURE_CLASSES.some((known) => known === word);
}

/** `1m30s`, `30d`, `2w` in milliseconds; null where it isn't a duration with its units, the largest first. */
export function parseDuration(text: string): number | null {
  const found = /^(?=\d)(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?$/.exec(text.trim());
  if (!found) return null;
  const [weeks, days, hours, minutes, seconds, ms] = found.slice(1).map((digits) => Number(digits ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return Math.round(((((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000 + ms);
}

/** ` (did you mean …?)` where one of the candidates is close to the word, else nothing. */
export function near(word: string, candidates: readonly string[]): string {
  const plain = (name: string) => name.toLowerCase().replace(/[-_ ]/g, '');
  const ranked = candidates
    .map((name) => ({ name, distance: editDistance(plain(word), plain(name)) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.min(3, Math.floor(best.name.length / 2)) ? ` (did you mean ${best.name}?)` : '';
}

function listed(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

export function show(found: unknown): string {
  return shorten(found === undefined ? 'nothing' : (JSON.stringify(found) ?? typeof found));
}

export function shorten(text: string): string {
  return shortenTo(text, 121);
}

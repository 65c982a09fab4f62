import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { OptionsError } from './errors.js';
import { FAILURE_CLASSES, type FailureClass } from './model.js';

/** What a user asks for: the command line's options in camelCase, as a library call or a config file gives them. Untrusted. */
export interface ImportOptions {
  /** CSV files; `-` is standard input. */
  readonly inputs?: readonly string[];
  /** A JSON file with any of the other options (not `inputs`, `apiKey`). What is given here, or in the environment, wins over it. */
  readonly config?: string;
  readonly baseUrl?: string;
  readonly apiKey?: string;
  readonly apiKeyFile?: string;
  readonly subOrg?: string;
  /** `['text=Note body']` or `{ text: 'Note body' }`. */
  readonly map?: readonly string[] | Readonly<Partial<Record<Field, string>>>;
  readonly set?: readonly string[] | Readonly<Partial<Record<Field, string>>>;
  /** `auto`, `tab` or one character. */
  readonly delimiter?: string;
  /** `auto` or a WHATWG label. */
  readonly encoding?: string;
  readonly ledger?: string;
  readonly out?: string;
  readonly concurrency?: number | string;
  /** Requests a second. */
  readonly rate?: number | string;
  readonly retries?: number | string;
  /** Like `30s`, or milliseconds; so are all durations. */
  readonly timeout?: number | string;
  readonly giveUpAfter?: number | string;
  /** Rows, or like `5%`. */
  readonly maxFailures?: number | string;
  readonly inDoubt?: 'reconcile' | 'resend' | 'report';
  readonly reconcileWait?: number | string;
  readonly idColumn?: string;
  readonly sameAccount?: boolean;
  readonly adopt?: boolean;
  readonly order?: 'contact' | 'none';
  readonly duplicates?: 'skip' | 'create';
  readonly limit?: number | string;
  /** Failure classes, or a comma separated list of them. */
  readonly only?: string | readonly FailureClass[];
}

/** Options after the trust boundary: everything is there, in one unit. */
export interface ResolvedOptions {
  readonly inputs: readonly string[];
  readonly baseUrl: URL;
  /** Empty only where none was given and none is needed. */
  readonly apiKey: string;
  readonly subOrg: string | null;
  /** Field → column header, as the user wrote it. */
  readonly map: Readonly<Partial<Record<Field, string>>>;
  readonly set: Readonly<Partial<Record<Field, string>>>;
  /** null: found from the header. */
  readonly delimiter: string | null;
  /** A WHATWG label; null: by BOM, else UTF-8. */
  readonly encoding: string | null;
  readonly ledger: string;
  readonly out: string;
  readonly concurrency: number;
  /** Most requests a second; null: no bound of ours. */
  readonly rate: number | null;
  readonly retries: number;
  readonly timeoutMs: number;
  readonly giveUpAfterMs: number;
  readonly maxFailures: { readonly rows: number } | { readonly percent: number } | null;
  readonly inDoubt: 'reconcile' | 'resend' | 'report';
  readonly reconcileWaitMs: number;
  readonly idColumn: string | null;
  readonly sameAccount: boolean;
  readonly adopt: boolean;
  readonly order: 'contact' | 'none';
  readonly duplicates: 'skip' | 'create';
  readonly limit: number | null;
  readonly only: readonly FailureClass[] | null;
}

export type Field = 'contactId' | 'name' | 'text' | 'subOrg';

type Environment = Readonly<Record<string, string | undefined>>;
type Layer = Readonly<Record<string, unknown>>;

/**
 * The trust boundary: after it nobody asks whether an option is there or makes sense. `raw` wins over the environment
 * (`CALLERS_BASE_URL`, `CALLERS_API_KEY`, `MEMORY_IMPORT_LEDGER`), that over the config file, that over the defaults.
 * @param needs what the command can't do without: a plan needs no key, a doctor no inputs
 * @throws OptionsError with every problem at once, one line each
 */
export function resolveOptions(
  raw: ImportOptions,
  env: Environment,
  needs: { readonly key: boolean; readonly inputs: boolean } = { key: true, inputs: true },
): ResolvedOptions {
  const problems: string[] = [];
  const layers = withOneKey([
    { values: withoutUndefined(raw), label: flag },
    { values: fromEnvironment(env), label: (key: string) => ENVIRONMENT[key as keyof typeof ENVIRONMENT] },
    { values: fromConfig(raw.config, problems), label: (key: string) => `"${key}" in ${raw.config}` },
  ]);
  const merged: Layer = Object.assign({}, ...layers.map((layer) => layer.values).reverse());
  const labelOf = (key: string) => layers.find((layer) => Object.hasOwn(layer.values, key))?.label(key) ?? flag(key);

  const parsed = schema.safeParse(merged);
  for (const issue of parsed.error?.issues ?? []) {
    if (issue.code === 'unrecognized_keys')
      problems.push(...issue.keys.map((key) => `${labelOf(key)}: no such option${near(key, OPTION_NAMES)}`));
    else problems.push(`${labelOf(String(issue.path[0]))}: ${issue.message}`);
  }
  if (merged.apiKey !== undefined && merged.apiKeyFile !== undefined) problems.push('apiKey, apiKeyFile: expected one of them, found both');
  if (needs.inputs && (merged.inputs === undefined || (Array.isArray(merged.inputs) && merged.inputs.length === 0))) {
    problems.push("<input...>: expected at least one CSV file, or '-' for standard input, found none");
  }
  if (needs.key && merged.apiKey === undefined && merged.apiKeyFile === undefined) {
    problems.push('no API key: name a file that holds it with --api-key-file, or set the environment variable CALLERS_API_KEY');
  }
  const [map, set] = [schema.shape.map.safeParse(merged.map).data, schema.shape.set.safeParse(merged.set).data];
  for (const field of FIELDS) {
    if (map?.[field] !== undefined && set?.[field] !== undefined) problems.push(`--set ${field}: --map names a column for it already`);
  }
  if (!parsed.success || problems.length > 0) throw new OptionsError(problems);

  const { apiKeyFile, config: _, timeout, giveUpAfter, reconcileWait, ...rest } = parsed.data;
  return {
    ...rest,
    apiKey: rest.apiKey ?? apiKeyFile ?? '',
    timeoutMs: timeout,
    giveUpAfterMs: giveUpAfter,
    reconcileWaitMs: reconcileWait,
  };
}

/**
 * A config file's content. The command line reads it too, for the options that only a terminal has.
 * @throws OptionsError where it can't be read, or isn't a JSON object
 */
export function readConfig(path: string): Layer {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8').replace(/^\uFEFF/, ''));
  } catch (error) {
    // What a parser says quotes the file, and a file named by mistake may be the key's.
    const reason =
      error instanceof SyntaxError ? `something else${/ at position \d+/.exec(error.message)?.[0] ?? ''}` : (error as Error).message;
    throw new OptionsError([`--config: expected a JSON file with options in ${shorten(path)}, found ${shorten(reason)}`]);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new OptionsError([`--config: expected a JSON object such as {"concurrency": 8} in ${shorten(path)}, found none`]);
  }
  // A JSON object is a record of unknown values.
  return content as Layer;
}

/** `1m30s` in milliseconds; null where it isn't a duration with its units, the largest first. */
export function parseDuration(text: string): number | null {
  const found = /^(?=\d)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?$/.exec(text.trim());
  if (!found) return null;
  const [days, hours, minutes, seconds, ms] = found.slice(1).map((digits) => Number(digits ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  return Math.round((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000 + ms);
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

const FIELDS: readonly Field[] = ['contactId', 'name', 'text', 'subOrg'];
const ENVIRONMENT = { baseUrl: 'CALLERS_BASE_URL', apiKey: 'CALLERS_API_KEY', ledger: 'MEMORY_IMPORT_LEDGER' } as const;
/** Options of the command line that a config file may hold, and that aren't the import's. */
const SCREEN_OPTIONS: readonly string[] = ['json', 'logLevel', 'progress'];
/** Timers of 2^31 ms and more fire at once. */
const DAY_MS = 24 * 60 * 60 * 1000;

type Refuse = (expected: string, found?: string) => undefined;

/** A value that `parse` turns into what the program uses, or refuses, as often as there is something wrong with it. */
function value<T extends NonNullable<unknown>>(parse: (found: unknown, refuse: Refuse) => T | undefined) {
  return z.unknown().transform((input, context) => {
    const refuse: Refuse = (expected, found = show(input)) => {
      context.issues.push({ code: 'custom', input, message: `expected ${expected}, found ${found}` });
      return undefined;
    };
    return parse(input, refuse) ?? z.NEVER;
  });
}

// `prefault`s are the defaults, as a user would write them; there is no other place for them.
const schema = z.strictObject({
  inputs: value(parseInputs).prefault([]),
  config: text('a path').optional(),
  baseUrl: value(parseBaseUrl).prefault('https://api.callers.ai'),
  apiKey: value((found, refuse) => parseKey(found, refuse)).optional(),
  apiKeyFile: value(readKey).optional(),
  subOrg: value(parseSubOrg).optional().transform(orNull),
  map: value((found, refuse) => parseFields(found, refuse, 'column')).prefault([]),
  set: value((found, refuse) => parseFields(found, refuse, 'value')).prefault([]),
  delimiter: value(parseDelimiter)
    .prefault('auto')
    .transform((found) => (found === 'auto' ? null : found)),
  encoding: value(parseEncoding)
    .prefault('auto')
    .transform((found) => (found === 'auto' ? null : found)),
  ledger: value(parseLedger).prefault('.memory-import/ledger.db'),
  out: text('a folder').prefault('.memory-import/runs'),
  concurrency: wholeNumber(1, 1024).prefault(16),
  rate: value(parseRate).optional().transform(orNull),
  retries: wholeNumber(0, 100).prefault(5),
  timeout: duration(1, DAY_MS).prefault('30s'),
  giveUpAfter: duration(0, 7 * DAY_MS).prefault('10m'),
  maxFailures: value(parseMaxFailures).optional().transform(orNull),
  inDoubt: oneOf(['reconcile', 'resend', 'report']).prefault('reconcile'),
  reconcileWait: duration(0, DAY_MS).prefault('10s'),
  idColumn: text('a column of the input').optional().transform(orNull),
  sameAccount: yesOrNo().prefault(false),
  adopt: yesOrNo().prefault(false),
  order: oneOf(['contact', 'none']).prefault('contact'),
  duplicates: oneOf(['skip', 'create']).prefault('skip'),
  limit: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional().transform(orNull),
  only: value(parseOnly).optional().transform(orNull),
});
const OPTION_NAMES = Object.keys(schema.shape);

function orNull<T>(found: T | undefined): T | null {
  return found ?? null;
}

function text(expected: string) {
  return value((found, refuse) => (typeof found === 'string' && found.trim() !== '' ? found : refuse(expected)));
}

function wholeNumber(min: number, max: number) {
  const expected = max === Number.MAX_SAFE_INTEGER ? `a whole number of at least ${min}` : `a whole number from ${min} to ${max}`;
  return value((found, refuse) => {
    const number = typeof found === 'string' && /^\d+$/.test(found.trim()) ? Number(found) : found;
    return typeof number === 'number' && Number.isSafeInteger(number) && number >= min && number <= max ? number : refuse(expected);
  });
}

function duration(minMs: number, maxMs: number) {
  const expected = `a duration with its unit, such as 250ms, 30s or 1m30s, of ${minMs === 0 ? '' : 'more than 0 and '}at most ${maxMs / DAY_MS}d`;
  return value((found, refuse) => {
    if (typeof found === 'string' && /^\d+$/.test(found.trim())) return refuse(expected, `"${found}" without a unit`);
    const ms = typeof found === 'string' ? parseDuration(found) : found;
    return typeof ms === 'number' && Number.isFinite(ms) && ms >= minMs && ms <= maxMs ? ms : refuse(expected);
  });
}

function oneOf<const T extends string>(words: readonly T[]) {
  return value((found, refuse) => words.find((word) => word === found) ?? refuse(listed(words), show(found) + near(String(found), words)));
}

function yesOrNo() {
  return value((found, refuse) => (typeof found === 'boolean' ? found : refuse('true or false')));
}

function parseInputs(found: unknown, refuse: Refuse): readonly string[] | undefined {
  if (!Array.isArray(found) || !found.every((path) => typeof path === 'string' && path !== '')) return refuse("paths of CSV files, or '-'");
  return found.filter((path) => path === '-').length > 1 ? refuse("'-' (standard input) once", 'it twice') : found;
}

function parseBaseUrl(found: unknown, refuse: Refuse): URL | undefined {
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

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** Never shows what it found. */
function parseKey(found: unknown, refuse: Refuse): string | undefined {
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

function readKey(found: unknown, refuse: Refuse): string | undefined {
  if (typeof found !== 'string' || found === '') return refuse('the path of a file that holds the API key');
  try {
    if (statSync(found).size > MAX_KEY_FILE_BYTES)
      return refuse('a file that holds the API key and nothing else', `${shorten(found)}, which is too large for that`);
    return parseKey(readFileSync(found, 'utf8'), (expected, what) => refuse(`${expected} in ${shorten(found)}`, what));
  } catch (error) {
    return refuse('a readable file that holds the API key', shorten((error as Error).message));
  }
}

function parseSubOrg(found: unknown, refuse: Refuse): string | undefined {
  return typeof found === 'string' && /^[\x20-\x7e]+$/.test(found.trim()) ? found.trim() : refuse('an id of printable ASCII');
}

/** `field=column` strings, or an object of the same. */
function parseFields(found: unknown, refuse: Refuse, what: string): Partial<Record<Field, string>> | undefined {
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

function parseDelimiter(found: unknown, refuse: Refuse): string | undefined {
  if (found === 'auto') return 'auto';
  if (found === 'tab' || found === '\\t') return '\t';
  return typeof found === 'string' && [...found].length === 1 && !/["\r\n\0]/.test(found)
    ? found
    : refuse('auto, tab, or one character that is neither a quote nor a line end');
}

function parseEncoding(found: unknown, refuse: Refuse): string | undefined {
  if (found === 'auto') return 'auto';
  try {
    if (typeof found === 'string') return new TextDecoder(found.trim(), { fatal: true }).encoding;
  } catch {
    // Not a label: said below.
  }
  return refuse('auto, or the name of an encoding such as utf-8, windows-1252, utf-16le or shift_jis');
}

function parseLedger(found: unknown, refuse: Refuse): string | undefined {
  if (typeof found !== 'string' || found.trim() === '') return refuse('the path of a SQLite file');
  // The address may hold a password: it isn't shown.
  if (/^postgres(ql)?:/i.test(found))
    return refuse('the path of a SQLite file', 'a Postgres address: a ledger in Postgres is not in this version');
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(found) ? refuse('the path of a SQLite file', 'an address') : found;
}

function parseRate(found: unknown, refuse: Refuse): number | undefined {
  const rate = decimal(found);
  return rate !== null && rate > 0 && rate <= 1e6 ? rate : refuse('requests a second, a number above 0');
}

function parseMaxFailures(found: unknown, refuse: Refuse): { rows: number } | { percent: number } | undefined {
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

function parseOnly(found: unknown, refuse: Refuse): readonly FailureClass[] | undefined {
  const words: readonly unknown[] | null = typeof found === 'string' ? found.split(',') : Array.isArray(found) ? found : null;
  if (!words) return refuse(`a list of ${listed(FAILURE_CLASSES)}`);
  const classes = words.map((word) => FAILURE_CLASSES.find((known) => known === String(word).trim()) ?? String(word).trim());
  for (const word of classes) {
    if (!isFailureClass(word)) refuse(`failure classes (${FAILURE_CLASSES.join(', ')})`, show(word) + near(word, FAILURE_CLASSES));
  }
  return [...new Set(classes.filter(isFailureClass))];
}

function isFailureClass(word: string): word is FailureClass {
  return FAILURE_CLASSES.some((known) => known === word);
}

interface Source {
  readonly values: Layer;
  /** How the user knows the option, given there. */
  readonly label: (key: string) => string;
}

function withoutUndefined(values: object): Layer {
  return Object.fromEntries(Object.entries(values).filter(([, found]) => found !== undefined));
}

function fromEnvironment(env: Environment): Layer {
  return Object.fromEntries(Object.entries(ENVIRONMENT).flatMap(([key, name]) => (env[name] ? [[key, env[name]]] : [])));
}

function fromConfig(path: unknown, problems: string[]): Layer {
  if (typeof path !== 'string') return {};
  try {
    const values = Object.entries(readConfig(path)).filter(([key]) => !SCREEN_OPTIONS.includes(key));
    const refused = values.filter(([key]) => ['inputs', 'apiKey', 'config'].includes(key));
    for (const [key] of refused) {
      problems.push(
        `"${key}" in ${path}: ${key === 'apiKey' ? 'a key does not belong there, name its file with "apiKeyFile"' : 'expected on the command line'}`,
      );
    }
    return Object.fromEntries(values.filter((value) => !refused.includes(value)));
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    problems.push(...error.problems);
    return {};
  }
}

/** The key may come by value or by file: the uppermost source that gives either hides what those below give. */
function withOneKey(sources: readonly Source[]): readonly Source[] {
  const giver = sources.find(({ values }) => 'apiKey' in values || 'apiKeyFile' in values);
  return sources.map((source) => {
    if (source === giver) return source;
    const { apiKey: _key, apiKeyFile: _file, ...values } = source.values;
    return { ...source, values };
  });
}

/** `baseUrl` → `--base-url`. What the command line doesn't have goes by its own name. */
function flag(key: string): string {
  if (key === 'inputs') return '<input...>';
  return key !== 'apiKey' && Object.hasOwn(schema.shape, key) ? `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}` : key;
}

function listed(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function show(found: unknown): string {
  return shorten(found === undefined ? 'nothing' : (JSON.stringify(found) ?? typeof found));
}

function shorten(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}

/** Levenshtein's: insertions, deletions and replacements that turn one word into the other. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = previous[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, previous[column]! + 1, current[column - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}

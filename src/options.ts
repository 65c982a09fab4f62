import { z } from 'zod';
import { OptionsError } from './errors.js';
import { FIELDS, type Field, type Filter, type Since } from './fields.js';
import { isPostgres, withoutPassword } from './ledger-address.js';
import type { FailureClass } from './model.js';
import type { FindingName } from './model-plan.js';
import { parseFilters, parseSince } from './option-conditions.js';
import {
  DAY_MS,
  duration,
  near,
  oneOf,
  type Parse,
  parseAccept,
  parseBaseUrl,
  parseCampaign,
  parseDelimiter,
  parseDuration,
  parseEncoding,
  parseFields,
  parseInputs,
  parseKey,
  parseLedger,
  parseMaxFailures,
  parseOnly,
  parseProfileOption,
  parseRate,
  parseSeparator,
  parseSubOrg,
  type Refuse,
  readKey,
  shorten,
  show,
  text,
  wholeNumber,
  yesOrNo,
} from './option-values.js';
import type { Profile } from './profiles.js';
import { readSmallFile } from './small-file.js';

export { near, parseDuration };

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
  /** As `map`; `{Create Date}` in a value stands for the row's cell in that column, `{{` and `}}` for braces. */
  readonly set?: readonly string[] | Readonly<Partial<Record<Field, string>>>;
  /** `text`: makes text of HTML in name and text. */
  readonly html?: 'keep' | 'text';
  /** What becomes of a text of more than 5000 characters; a name of more than 200 is shortened by all but `reject`. */
  readonly tooLong?: 'reject' | 'truncate' | 'split';
  /** Rows to take: `['Is Deleted=0', 'Parent Module!=Deals']`, all of which must hold, or `{ 'Is Deleted': '0' }`. */
  readonly filter?: readonly string[] | Readonly<Record<string, string>>;
  /** Takes rows from a date on: `Create Date=2026-11-20`, or `Create Date=2d`. */
  readonly since?: string;
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
  /** Stops the run softly when it has taken so long, waiting included; the next one goes on. */
  readonly maxDuration?: number | string;
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
  /** A CRM's export: an id that `profiles` lists, the path of a JSON file, or what that holds. `auto`: found from the header; `none`. */
  readonly profile?: string | object;
  /** Notes name their contacts by a column `phoneNumber`, in this campaign. */
  readonly campaign?: string;
  /** A CSV file that says which contact each of the CRM's ids means. */
  readonly contacts?: string;
  /** What stands between several ids in one contact cell; `none`: a cell is one id. */
  readonly contactSeparator?: string;
  /** Failure classes, or a comma separated list of them. */
  readonly only?: string | readonly FailureClass[];
  /** Workers send the rows (`runWorker`), and this process reads them and writes the reports. Needs a ledger in Postgres. */
  readonly distribute?: boolean;
  /** Reports that a spreadsheet opens rightly: byte order mark, CRLF, and every cell as it is. */
  readonly excel?: boolean;
  /** Findings of the damage check that are right as they are; also a comma separated list of them. */
  readonly accept?: string | readonly string[];
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
  /** null: what the profile says, else `keep`. */
  readonly html: 'keep' | 'text' | null;
  readonly tooLong: 'reject' | 'truncate' | 'split';
  readonly filter: readonly Filter[];
  readonly since: Since | null;
  /** null: found from the header. */
  readonly delimiter: string | null;
  /** A WHATWG label; null: by BOM, else UTF-8. */
  readonly encoding: string | null;
  /** As it may be shown: without a password. */
  readonly ledger: string;
  readonly ledgerPassword: string | null;
  readonly out: string;
  readonly concurrency: number;
  /** Most requests a second; null: no bound of ours. */
  readonly rate: number | null;
  readonly retries: number;
  readonly timeoutMs: number;
  readonly giveUpAfterMs: number;
  /** null: as long as it takes. */
  readonly maxDurationMs: number | null;
  readonly maxFailures: { readonly rows: number } | { readonly percent: number } | null;
  readonly inDoubt: 'reconcile' | 'resend' | 'report';
  readonly reconcileWaitMs: number;
  readonly idColumn: string | null;
  readonly sameAccount: boolean;
  readonly adopt: boolean;
  readonly order: 'contact' | 'none';
  readonly duplicates: 'skip' | 'create';
  readonly limit: number | null;
  readonly profile: 'auto' | 'none' | Profile;
  readonly campaign: string | null;
  readonly contacts: string | null;
  /** null: what the profile says. */
  readonly contactSeparator: string | null;
  readonly only: readonly FailureClass[] | null;
  readonly accept: readonly FindingName[];
  readonly excel: boolean;
  readonly distribute: boolean;
}

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
  if (parsed.success) problems.push(...addressProblems(parsed.data));
  if (parsed.success && parsed.data.distribute && !isPostgres(parsed.data.ledger))
    problems.push(`--distribute: expected a --ledger that machines can share, postgres://…, found ${shorten(parsed.data.ledger)}`);
  if (!parsed.success || problems.length > 0) throw new OptionsError(problems);

  const { apiKeyFile, config: _, timeout, giveUpAfter, maxDuration, reconcileWait, ...rest } = parsed.data;
  return {
    ...rest,
    ...withoutPassword(rest.ledger),
    apiKey: rest.apiKey ?? apiKeyFile ?? '',
    timeoutMs: timeout,
    giveUpAfterMs: giveUpAfter,
    maxDurationMs: maxDuration,
    reconcileWaitMs: reconcileWait,
  };
}

/** With `--campaign` the contacts' ids aren't known: what needs them can't be had. */
function addressProblems({
  map,
  set,
  ...options
}: Pick<ResolvedOptions, 'map' | 'set' | 'campaign' | 'adopt' | 'contacts' | 'profile'>): readonly string[] {
  const [unused, way] =
    options.campaign === null
      ? (['phoneNumber', 'it is used with --campaign <id> only'] as const)
      : (['contactId', 'with --campaign contacts are named by phoneNumber'] as const);
  const fields = [map, set].some((values) => values[unused] !== undefined)
    ? [`${unused}: expected no --map and no --set for it: ${way}`]
    : [];
  if (options.campaign === null) return fields;
  const without = [
    options.adopt ? '--adopt: it lists each contact by its id, which with --campaign only the first create tells; leave it out' : null,
    options.contacts !== null ? '--contacts: it gives contact ids, and --campaign takes phone numbers; leave one of the two out' : null,
    typeof options.profile === 'object'
      ? "--profile: a profile's contacts are ids, and --campaign takes phone numbers; name the columns with --map"
      : null,
  ];
  return [...fields, ...without.filter((problem) => problem !== null)];
}

/**
 * A config file's content. The command line reads it too, for the options that only a terminal has.
 * @throws OptionsError where it can't be read, or isn't a JSON object
 */
export function readConfig(path: string): Layer {
  let content: unknown;
  try {
    content = JSON.parse(readSmallFile(path).replace(/^\uFEFF/, ''));
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

const ENVIRONMENT = { baseUrl: 'CALLERS_BASE_URL', apiKey: 'CALLERS_API_KEY', ledger: 'MEMORY_IMPORT_LEDGER' } as const;
/** Options of the command line that a config file may hold, and that aren't the import's. */
const SCREEN_OPTIONS: readonly string[] = ['json', 'logLevel', 'metricsFile', 'onFinish', 'progress'];

/** A value that `parse` turns into what the program uses, or refuses, as often as there is something wrong with it. */
function value<T extends NonNullable<unknown>>(parse: Parse<T>) {
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
  config: value(text('a path')).optional(),
  baseUrl: value(parseBaseUrl).prefault('https://api.callers.ai'),
  apiKey: value((found, refuse) => parseKey(found, refuse)).optional(),
  apiKeyFile: value(readKey).optional(),
  subOrg: value(parseSubOrg).optional().transform(orNull),
  map: value((found, refuse) => parseFields(found, refuse, 'column')).prefault([]),
  set: value((found, refuse) => parseFields(found, refuse, 'value')).prefault([]),
  html: value(oneOf(['keep', 'text']))
    .optional()
    .transform(orNull),
  tooLong: value(oneOf(['reject', 'truncate', 'split'])).prefault('reject'),
  filter: value(parseFilters).prefault([]),
  since: value(parseSince).optional().transform(orNull),
  delimiter: value(parseDelimiter)
    .prefault('auto')
    .transform((found) => (found === 'auto' ? null : found)),
  encoding: value(parseEncoding)
    .prefault('auto')
    .transform((found) => (found === 'auto' ? null : found)),
  ledger: value(parseLedger).prefault('.memory-import/ledger.db'),
  out: value(text('a folder')).prefault('.memory-import/runs'),
  concurrency: value(wholeNumber(1, 1024)).prefault(16),
  rate: value(parseRate).optional().transform(orNull),
  retries: value(wholeNumber(0, 100)).prefault(5),
  timeout: value(duration(1, DAY_MS)).prefault('30s'),
  giveUpAfter: value(duration(0, 7 * DAY_MS)).prefault('10m'),
  maxDuration: value(duration(1, 30 * DAY_MS))
    .optional()
    .transform(orNull),
  maxFailures: value(parseMaxFailures).optional().transform(orNull),
  inDoubt: value(oneOf(['reconcile', 'resend', 'report'])).prefault('reconcile'),
  reconcileWait: value(duration(0, DAY_MS)).prefault('10s'),
  idColumn: value(text('a column of the input')).optional().transform(orNull),
  sameAccount: value(yesOrNo).prefault(false),
  adopt: value(yesOrNo).prefault(false),
  order: value(oneOf(['contact', 'none'])).prefault('contact'),
  duplicates: value(oneOf(['skip', 'create'])).prefault('skip'),
  limit: value(wholeNumber(1, Number.MAX_SAFE_INTEGER)).optional().transform(orNull),
  profile: value(parseProfileOption).prefault('auto'),
  campaign: value(parseCampaign).optional().transform(orNull),
  contacts: value(text('the path of a CSV file')).optional().transform(orNull),
  contactSeparator: value(parseSeparator).optional().transform(orNull),
  only: value(parseOnly).optional().transform(orNull),
  accept: value(parseAccept).prefault([]),
  excel: value(yesOrNo).prefault(false),
  distribute: value(yesOrNo).prefault(false),
});
const OPTION_NAMES = Object.keys(schema.shape);

function orNull<T>(found: T | undefined): T | null {
  return found ?? null;
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

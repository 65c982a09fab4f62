/** A command line option: commander, `--help` and the README's table are made of these, so they can't disagree. */
export interface OptionSpec {
  /** camelCase, as in a config file; `--no-…` flags are named by what they switch off. */
  readonly name: string;
  readonly flags: string;
  /** What holds without it, as a user would write it. `options.ts` decides; a test compares. */
  readonly default?: string;
  readonly env?: string;
  readonly meaning: string;
  readonly repeatable?: boolean;
  readonly commands: readonly CommandName[];
}

/** Two words where it is a command of a group: `ledger check`. */
export type CommandName =
  | 'import'
  | 'plan'
  | 'doctor'
  | 'runs'
  | 'report'
  | 'verify'
  | 'undo'
  | 'ledger check'
  | 'ledger export'
  | 'ledger compact'
  | 'ledger rebuild'
  | 'profiles'
  | 'profiles show'
  | 'sandbox'
  | 'worker'
  | 'completion';

const ROWS: readonly CommandName[] = ['import', 'plan'];
const RUNS: readonly CommandName[] = ['import', 'plan', 'doctor'];
const AFTER: readonly CommandName[] = ['verify', 'undo'];
const API: readonly CommandName[] = [...RUNS, ...AFTER];
const PACED: readonly CommandName[] = [...ROWS, ...AFTER];
const CARE: readonly CommandName[] = ['ledger check', 'ledger export', 'ledger compact', 'ledger rebuild'];
const LEDGER: readonly CommandName[] = [...API, 'runs', 'report', ...CARE, 'worker'];

/** Every option, in the order in which `--help` and the README show them. */
export const OPTION_SPECS: readonly OptionSpec[] = [
  {
    name: 'baseUrl',
    flags: '--base-url <url>',
    default: 'https://api.callers.ai',
    env: 'CALLERS_BASE_URL',
    meaning: 'the API, with a path prefix if it has one; plain http only to loopback',
    commands: [...API, 'ledger rebuild', 'worker'],
  },
  {
    name: 'apiKeyFile',
    flags: '--api-key-file <path>',
    env: 'CALLERS_API_KEY',
    meaning: 'a file that holds the key; no option takes the key itself, where `ps` would show it',
    commands: [...API, 'ledger rebuild', 'worker'],
  },
  { name: 'subOrg', flags: '--sub-org <id>', meaning: 'sub organization of rows that name none', commands: RUNS },
  {
    name: 'map',
    flags: '--map <field=column>',
    meaning: 'which column is `contactId`, `name`, `text`, `subOrg`',
    repeatable: true,
    commands: ROWS,
  },
  {
    name: 'set',
    flags: '--set <field=value>',
    meaning:
      'a constant where the file has no such column (`--set name="CRM note"`); `{Header}` in it stands for the row\'s cell of that column (`--set name="Note of {Create Date}"`), `{{` and `}}` for braces',
    repeatable: true,
    commands: ROWS,
  },
  {
    name: 'set',
    flags: '--set <field=value>',
    meaning: "the run's own `name`, if it was a constant, to have it in success.csv: the ledger doesn't keep it",
    repeatable: true,
    commands: ['report'],
  },
  {
    name: 'html',
    flags: '--html <keep or text>',
    meaning:
      '`text` makes readable text of HTML in name and text; cells without HTML stay as they are; without it `keep`, or what the profile says',
    commands: ROWS,
  },
  {
    name: 'tooLong',
    flags: '--too-long <reject, truncate or split>',
    default: 'reject',
    meaning: 'a text of more than 5000 characters: `invalid`, cut with an ellipsis, or several memories, `… (1/3)` and so on',
    commands: ROWS,
  },
  {
    name: 'filter',
    flags: '--filter <column=value>',
    meaning:
      "only rows where it holds, or with `column!=value` where it doesn't; case and outer spaces don't count, the value may be empty",
    repeatable: true,
    commands: ROWS,
  },
  {
    name: 'since',
    flags: '--since <column=date>',
    meaning:
      'only rows of that date and later: `2026-11-20`, `2026-11-20T08:00:00Z`, or `2d` for the last two days; rows without a date are taken',
    commands: ROWS,
  },
  {
    name: 'profile',
    flags: '--profile <id or path>',
    default: 'auto',
    meaning: "a CRM's export, as `profiles` lists them, or a JSON file of your own; `auto` finds it from the header, `none` doesn't",
    commands: ROWS,
  },
  {
    name: 'contacts',
    flags: '--contacts <path>',
    meaning: "a CSV file `crmId,contactId[,subOrg]` that turns the CRM's ids into Callers' contact ids",
    commands: ROWS,
  },
  {
    name: 'campaign',
    flags: '--campaign <id>',
    meaning:
      'contacts are named by phone number in this campaign: a column `phoneNumber` (or `--map phoneNumber=…`) instead of `contactId`',
    commands: ROWS,
  },
  {
    name: 'contactSeparator',
    flags: '--contact-separator <text>',
    meaning:
      'what stands between several contact ids in one cell, such as `;`: each gets the note; `none`: a cell is one id, also where the profile says otherwise',
    commands: ROWS,
  },
  {
    name: 'delimiter',
    flags: '--delimiter <char>',
    default: 'auto',
    meaning: '`,` `;` tab or `|`, found from the header; any one character or the word `tab` may be given',
    commands: ROWS,
  },
  {
    name: 'encoding',
    flags: '--encoding <label>',
    default: 'auto',
    meaning: 'by BOM, else UTF-8, strictly; any WHATWG label',
    commands: ROWS,
  },
  {
    name: 'ledger',
    flags: '--ledger <path or postgres URL>',
    default: '.memory-import/ledger.db',
    env: 'MEMORY_IMPORT_LEDGER',
    meaning: 'what remembers what was imported: a SQLite file, or `postgres://…` to share it among machines',
    commands: LEDGER,
  },
  {
    name: 'out',
    flags: '--out <dir>',
    default: '.memory-import/runs',
    meaning: "a run's files go to `<dir>/<runId>/`",
    commands: [...RUNS, 'runs'],
  },
  { name: 'concurrency', flags: '--concurrency <n>', default: '16', meaning: 'most requests under way at once', commands: PACED },
  {
    name: 'concurrency',
    flags: '--concurrency <n>',
    meaning: "most requests of this worker under way at once; without it the run's",
    commands: ['worker'],
  },
  {
    name: 'idleExit',
    flags: '--idle-exit <duration>',
    meaning: 'how long it waits for something to do before it ends, with exit 0; without it, for ever',
    commands: ['worker'],
  },
  {
    name: 'metricsPort',
    flags: '--metrics-port <port>',
    meaning:
      'serve /metrics for Prometheus, /healthz and /readyz on this port (0: any free one, the log says which), for everybody who reaches this machine; `127.0.0.1:9464`: for this machine only',
    commands: ['worker'],
  },
  { name: 'rate', flags: '--rate <n>', meaning: 'most requests a second', commands: PACED },
  { name: 'retries', flags: '--retries <n>', default: '5', meaning: 'tries after the first, for each row', commands: PACED },
  { name: 'timeout', flags: '--timeout <duration>', default: '30s', meaning: "one request's", commands: API },
  {
    name: 'giveUpAfter',
    flags: '--give-up-after <duration>',
    default: '10m',
    meaning: 'an outage longer than this stops the run (exit 3)',
    commands: PACED,
  },
  {
    name: 'maxDuration',
    flags: '--max-duration <duration>',
    meaning: 'stop softly (exit 3) when the run has taken so long, waiting included; the next run goes on',
    commands: ROWS,
  },
  { name: 'maxFailures', flags: '--max-failures <n or n%>', meaning: 'stop (exit 3) once this many rows failed', commands: ROWS },
  {
    name: 'inDoubt',
    flags: '--in-doubt <reconcile, resend or report>',
    default: 'reconcile',
    meaning: 'what to do when an answer was lost: look, send again, or leave it to a person',
    commands: ROWS,
  },
  {
    name: 'reconcileWait',
    flags: '--reconcile-wait <duration>',
    default: '10s',
    meaning: "how long after a lost answer absence isn't believed",
    commands: [...ROWS, 'verify'],
  },
  {
    name: 'idColumn',
    flags: '--id-column <column>',
    meaning: "the note's own id in the CRM is its identity, instead of its content",
    commands: ROWS,
  },
  {
    name: 'sameAccount',
    flags: '--same-account',
    meaning: "the ledger's target changed its key or address, and it is the same account",
    commands: [...PACED, 'ledger rebuild'],
  },
  {
    name: 'adopt',
    flags: '--adopt',
    meaning:
      'list each contact once before its first create, and count notes that are there already as imported (a lost ledger, a migration begun by other means)',
    commands: ROWS,
  },
  {
    name: 'order',
    flags: '--order <contact or none>',
    default: 'contact',
    meaning: "keep each contact's notes in file order",
    commands: ROWS,
  },
  {
    name: 'duplicates',
    flags: '--duplicates <skip or create>',
    default: 'skip',
    meaning: 'a second row that is the same note',
    commands: ROWS,
  },
  { name: 'limit', flags: '--limit <n>', meaning: 'stop after n rows: try twenty on production first', commands: ROWS },
  { name: 'only', flags: '--only <class,…>', meaning: 'of a failures file, take only these classes', commands: ROWS },
  {
    name: 'accept',
    flags: '--accept <finding,…>',
    meaning:
      'what the damage check found is right as it is (`mojibake`, `scientific-ids` …); of `footer` and `second-header`: leave these lines out',
    repeatable: true,
    commands: ROWS,
  },
  {
    name: 'excel',
    flags: '--excel',
    meaning: 'success.csv and failures.csv for a spreadsheet: byte order mark, CRLF, and an apostrophe before what it would change',
    commands: [...ROWS, 'report'],
  },
  {
    name: 'distribute',
    flags: '--distribute',
    meaning: 'let `worker` processes send the rows, on as many machines as you like; needs a --ledger in Postgres',
    commands: ['import'],
  },
  {
    name: 'detach',
    flags: '--detach',
    meaning: 'with `--distribute`: go on in the background, without questions; prints the run id once the import has started',
    commands: ['import'],
  },
  {
    name: 'metricsFile',
    flags: '--metrics-file <path>',
    meaning: "Prometheus text for node_exporter's textfile collector, replaced atomically; `plan` writes none",
    commands: ROWS,
  },
  {
    name: 'config',
    flags: '--config <path>',
    meaning: 'a JSON file with any of these options, camelCase; the command line wins over env, env over file',
    commands: LEDGER,
  },
  { name: 'dryRun', flags: '--dry-run', meaning: 'the same as `plan`: say what would be done, send nothing', commands: ['import'] },
  {
    name: 'prune',
    flags: '--prune <age>',
    meaning: 'remove the report files of runs that ended longer ago than that (`30d`, `12h`); the ledger forgets nothing',
    commands: ['runs'],
  },
  { name: 'dryRun', flags: '--dry-run', meaning: 'with `--prune`: say what would be removed', commands: ['runs'] },
  { name: 'dryRun', flags: '--dry-run', meaning: 'say what would be deleted, and delete nothing; needs no key', commands: ['undo'] },
  { name: 'sample', flags: '--sample <n>', meaning: 'check n contacts only, chosen at random', commands: ['verify'] },
  { name: 'seed', flags: '--seed <n>', default: '1', meaning: 'another seed chooses other contacts for the sample', commands: ['verify'] },
  { name: 'yes', flags: '--yes', meaning: 'delete without asking; needed where there is no terminal to ask on', commands: ['undo'] },
  {
    name: 'force',
    flags: '--force',
    meaning: "delete also what was altered since, or can't be compared with what was sent",
    commands: ['undo'],
  },
  {
    name: 'json',
    flags: '--json',
    meaning: 'the result as one JSON object on stdout',
    commands: [...API, 'runs', 'profiles', 'ledger check', 'ledger compact', 'ledger rebuild'],
  },
  {
    name: 'logLevel',
    flags: '--log-level <level>',
    default: 'info',
    meaning: "pino's levels, or `silent`; logs are JSON lines on stderr, pretty on a terminal",
    commands: [...PACED, 'worker'],
  },
  {
    name: 'onFinish',
    flags: '--on-finish <command or https URL>',
    meaning: 'gets the summary as JSON when the run has ended: a command (`sh -c`) on its standard input, an address by POST',
    commands: ROWS,
  },
  {
    name: 'yes',
    flags: '--yes',
    meaning: 'no question before more than 1,000 rows are sent (asked on a terminal only, and not for a host that is loopback)',
    commands: ROWS,
  },
  { name: 'progress', flags: '--no-progress', meaning: 'no progress bar on a terminal', commands: PACED },

  {
    name: 'quick',
    flags: '--quick',
    meaning: "SQLite's quick check, and counts; no look at each note",
    commands: ['ledger check'],
  },
  {
    name: 'out',
    flags: '--out <file>',
    meaning: 'a new file instead of stdout; one that is there already is left alone',
    commands: ['ledger export'],
  },
  {
    name: 'dropFailures',
    flags: '--drop-failures <age>',
    meaning: 'forget the failed rows of runs that began longer ago (`90d`): `report` then writes their failures.csv no more',
    commands: ['ledger compact'],
  },

  {
    name: 'port',
    flags: '--port <n>',
    default: '0',
    meaning: '0 picks a free one; the URL is the first line on stdout',
    commands: ['sandbox'],
  },
  { name: 'apiKey', flags: '--api-key <key>', default: 'sandbox-key', meaning: 'the key that it accepts', commands: ['sandbox'] },
  { name: 'latency', flags: '--latency <duration>', default: '0ms', meaning: 'how long each answer takes', commands: ['sandbox'] },
  { name: 'rateLimit', flags: '--rate-limit <n/s>', meaning: 'answers 429 above so many requests a second', commands: ['sandbox'] },
  {
    name: 'fault',
    flags: '--fault <kind=probability>',
    meaning:
      'a fault to order: `429`, `500`, `502`, `503`, `reset`, `hang`; `500-after`, `502-after`, `503-after`, `reset-after` and `hang-after` create (or delete) the memory and lose the answer',
    repeatable: true,
    commands: ['sandbox'],
  },
  {
    name: 'missing',
    flags: '--missing <contactId,…>',
    default: 'C-1999,C-2000,C-2001',
    meaning: "contacts that it answers 404 for; these are the sample's",
    commands: ['sandbox'],
  },
  { name: 'seed', flags: '--seed <n>', default: '1', meaning: 'the same seed makes the same faults', commands: ['sandbox'] },
];

/** The options of one command. */
export function optionsOf(command: CommandName): readonly OptionSpec[] {
  return OPTION_SPECS.filter((spec) => spec.commands.includes(command));
}

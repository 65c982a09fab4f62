import type { Call } from './io.js';
import type { CommandName } from './option-specs.js';

/** A command of the program. Its code, and everything heavy behind it, is loaded when it runs: `--help` stays fast. */
export interface CommandSpec {
  readonly name: CommandName;
  readonly summary: string;
  readonly description?: string;
  readonly argument?: { readonly name: string; readonly meaning: string };
  readonly examples: readonly { readonly command: string; readonly why: string }[];
  /** After the examples, as it stands. */
  readonly afterword?: string;
  readonly load: () => Promise<(call: Call) => Promise<number>>;
}

/** What stands behind the first word of commands whose name has two. */
export const COMMAND_GROUPS: Readonly<Record<string, { readonly summary: string; readonly afterword: string }>> = {
  ledger: {
    summary: 'check, export, compact or rebuild the ledger',
    afterword: 'memory-import ledger <command> --help has the options of each, and examples.',
  },
};

/** In the help of the program itself. */
export const FIRST_STEPS: CommandSpec['examples'] = [
  { command: 'memory-import doctor', why: 'is everything there that an import needs?' },
  { command: 'memory-import plan notes.csv', why: 'what would be done' },
  { command: 'memory-import import notes.csv', why: 'do it; again, and it goes on' },
];

const RUN = { name: '<run>', meaning: 'the run id, as `runs` lists it' };
const INPUTS = { name: '<input...>', meaning: "CSV files ('-' is standard input; .gz and .zip are read as they are)" };

export const COMMANDS: readonly CommandSpec[] = [
  {
    name: 'import',
    summary: 'import CSV files',
    description:
      'Import CSV files: the note of each row becomes a memory of its contact, exactly once. After a failure, a crash or a signal the same command goes on.',
    argument: INPUTS,
    examples: [
      { command: 'memory-import import notes.csv', why: 'the key comes from CALLERS_API_KEY' },
      { command: 'memory-import import notes.csv --limit 20', why: 'try twenty rows first' },
      { command: 'memory-import import a.csv b.csv.gz --json', why: 'the summary for a script' },
      { command: 'memory-import import crm.csv --map text="Note body"', why: 'name a column yourself' },
      { command: 'memory-import import crm.csv --html text --since "Date=2d"', why: 'the last two days, HTML as text' },
      { command: 'memory-import import hubspot.csv --contacts map.csv', why: "a CRM's export, with its own ids" },
      { command: 'zcat notes.csv.gz | memory-import import -', why: 'standard input' },
      { command: 'memory-import import failures.csv', why: 'the rows that failed, mended' },
      { command: 'memory-import import notes.csv --distribute', why: 'sent by workers; with a ledger in Postgres' },
    ],
    afterword: `Each run leaves success.csv, failures.csv, summary.json and report.html, a page to look at, in <out>/<run>/.

Exit codes:
  0         every row is in the API: created now, recovered, or imported before
  1         finished, and some rows failed: see failures.csv
  2         could not start; nothing was sent
  3         stopped by itself: key refused, outage, too many failures …
  4         another run holds the ledger
  130, 143  stopped by SIGINT, SIGTERM, after what was under way was finished`,
    load: async () => (await import('./commands/import.js')).importCommand,
  },
  {
    name: 'plan',
    summary: 'say what import would do, send nothing',
    argument: INPUTS,
    examples: [
      { command: 'memory-import plan notes.csv', why: 'needs no key' },
      { command: 'memory-import plan notes.csv --rate 20 --json', why: 'the expected time at a rate, for a script' },
    ],
    load: async () => (await import('./commands/plan.js')).planCommand,
  },
  {
    name: 'doctor',
    summary: 'check key, address, ledger, clock and disk; create nothing',
    examples: [
      { command: 'memory-import doctor', why: 'before the first import' },
      { command: 'memory-import doctor --base-url http://127.0.0.1:8080', why: 'against the sandbox' },
    ],
    load: async () => (await import('./commands/doctor.js')).doctorCommand,
  },
  {
    name: 'runs',
    summary: 'list the runs that the ledger knows',
    examples: [
      { command: 'memory-import runs', why: 'the newest first' },
      { command: 'memory-import runs --ledger crm.db --json', why: "another ledger's, for a script" },
      { command: 'memory-import runs --prune 30d --dry-run', why: 'which report files of old runs would be removed' },
    ],
    afterword: `A run's id is the time of its start, in UTC. --prune removes report files from <out>/<runId>/ only: of runs that the ledger
knows to be over, counted from their end (of killed ones from their start). Whatever else is in such a folder stays. The runs stay
in the list, and what they imported stays known.`,
    load: async () => (await import('./commands/runs.js')).runsCommand,
  },
  {
    name: 'report',
    summary: "write the run's reports again from the ledger, report.html too",
    argument: RUN,
    examples: [{ command: 'memory-import report 20261123T030749Z-4f9a', why: "into the run's own folder" }],
    load: async () => (await import('./commands/report.js')).reportCommand,
  },
  {
    name: 'verify',
    summary: 'check in the API that every memory of the run is there, as sent',
    description:
      'Check in the API that every memory which the run created or recovered is there, as it was sent: list each contact once and compare. Changes nothing; verify.csv in the run\u2019s folder has the verdict on each note.',
    argument: RUN,
    examples: [
      { command: 'memory-import verify 20261123T030749Z-4f9a', why: 'every contact' },
      { command: 'memory-import verify 20261123T030749Z-4f9a --sample 50', why: 'a quick look at 50 contacts' },
      { command: 'memory-import verify 20261123T030749Z-4f9a --json --rate 20', why: 'for a script, gently' },
    ],
    afterword: `Exit codes:
  0         every memory is there, as it was sent
  1         some are not, or are there twice, or could not be checked: see verify.csv
  2         could not start: no such run, another account, no key
  3         stopped by itself: key refused, outage …
  130, 143  stopped by SIGINT, SIGTERM`,
    load: async () => (await import('./commands/verify.js')).verifyCommand,
  },
  {
    name: 'undo',
    summary: 'delete what the run created',
    description:
      'Delete the memories that the run created or recovered, the newest first, and nothing else. A memory that was altered since is left alone, unless --force is given. The notes can then be imported again. Asks first; stopped or killed, the same command goes on.',
    argument: RUN,
    examples: [
      { command: 'memory-import undo 20261123T030749Z-4f9a --dry-run', why: 'how many, on how many contacts' },
      { command: 'memory-import undo 20261123T030749Z-4f9a', why: 'asks, then deletes' },
      { command: 'memory-import undo 20261123T030749Z-4f9a --yes --json', why: 'without a terminal' },
    ],
    afterword: `Exit codes:
  0         nothing that the run created is left
  1         some were left: altered, refused, or in doubt; see undo.csv
  2         could not start, or was not confirmed; nothing was deleted
  3         stopped by itself: key refused, outage …
  4         another run holds the ledger
  130, 143  stopped by SIGINT, SIGTERM, after what was under way was finished`,
    load: async () => (await import('./commands/undo.js')).undoCommand,
  },
  {
    name: 'ledger check',
    summary: 'say what the ledger holds, and whether it is sound; change nothing',
    description:
      'Say what the ledger holds, and whether it is sound. It only reads, also while a run is going, and every note is looked at.',
    examples: [
      { command: 'memory-import ledger check', why: 'after a crash of the machine, or of a backup' },
      { command: 'memory-import ledger check --quick --json', why: 'every night, for a script' },
    ],
    afterword: `Exit codes:
  0  sound
  1  something is wrong with it: each finding says what, and what to do
  2  there is no ledger, or the file can't be read as one`,
    load: async () => (await import('./commands/ledger-check.js')).ledgerCheckCommand,
  },
  {
    name: 'ledger export',
    summary: 'write what the ledger knows of each note as CSV to stdout',
    description:
      'Write what the ledger knows of each note as CSV, in the order in which the notes were first met. It has no names and no texts, since the ledger has none.',
    examples: [
      { command: 'memory-import ledger export > notes.csv', why: 'every note, with its state and its memory id' },
      { command: 'memory-import ledger export --out notes.csv', why: "the same, for the owner's eyes only (0600)" },
      { command: 'memory-import ledger export | grep in_doubt', why: 'what nobody knows the outcome of' },
    ],
    load: async () => (await import('./commands/ledger-export.js')).ledgerExportCommand,
  },
  {
    name: 'ledger compact',
    summary: 'build its index anew and give unused space back',
    description:
      'Build the index of the ledger anew, and give unused space back to the disk. What is known of notes stays, all of it. It needs the lock, so no run may be going, and for a while about twice the space of the ledger.',
    examples: [
      { command: 'memory-import ledger compact', why: 'after a large migration, or where `ledger check` asks for it' },
      { command: 'memory-import ledger compact --drop-failures 90d', why: 'without the failed rows of old runs' },
    ],
    load: async () => (await import('./commands/ledger-compact.js')).ledgerCompactCommand,
  },
  {
    name: 'ledger rebuild',
    summary: 'make a lost ledger again from success.csv files',
    description:
      "Make a lost ledger again, or add what a restored one lacks, from the success.csv files of its runs: the next import creates nothing twice. Nothing is sent. Run it as often as you like; with the files left in their runs' folders, `runs` knows these runs again.",
    argument: { name: '<success.csv...>', meaning: 'success.csv files of runs, as they are or gzipped, in any order' },
    examples: [
      { command: 'memory-import ledger rebuild runs/*/success.csv', why: 'the key comes from CALLERS_API_KEY' },
      { command: 'memory-import ledger rebuild success.csv.gz --json', why: 'for a script' },
    ],
    afterword: `Exit codes:
  0  every row was taken
  1  some rows couldn't be read; the others were taken
  2  could not start: a file is no success.csv, the ledger is another account's …
  4  a run holds the ledger`,
    load: async () => (await import('./commands/ledger-rebuild.js')).ledgerRebuildCommand,
  },
  {
    name: 'profiles',
    summary: 'list the CRM exports that it knows',
    description:
      'List the CRM exports that import and plan know: by their headers, by themselves where that is unambiguous, or by --profile. `profiles show <id>` prints one as JSON, to be changed and given back with --profile.',
    examples: [
      { command: 'memory-import profiles', why: 'which there are, and how well each is known' },
      { command: 'memory-import profiles show hubspot-notes > mine.json', why: 'one to begin with' },
      { command: 'memory-import plan notes.csv --profile ./mine.json', why: 'what the changed one makes of a file' },
    ],
    load: async () => (await import('./commands/profiles.js')).profilesCommand,
  },
  {
    name: 'profiles show',
    summary: 'print one as JSON',
    description: 'Print a profile as JSON. Save it, change it, and give it back with --profile: what is in it is data, nothing is run.',
    argument: { name: '<id>', meaning: 'as `profiles` lists it' },
    examples: [{ command: 'memory-import profiles show salesforce-task > mine.json', why: 'then: import … --profile ./mine.json' }],
    load: async () => (await import('./commands/profiles-show.js')).profilesShowCommand,
  },
  {
    name: 'sandbox',
    summary: 'serve an imitation of the API on loopback, with faults to order',
    examples: [
      { command: 'memory-import sandbox', why: 'prints its URL, runs until Ctrl-C' },
      { command: 'memory-import sandbox --port 8080 --latency 20ms', why: 'somewhere known, and slow' },
      { command: 'memory-import sandbox --fault 500-after=0.05 --fault 429=0.1', why: 'lost answers, and too many requests' },
    ],
    load: async () => (await import('./commands/sandbox.js')).sandboxCommand,
  },
  {
    name: 'worker',
    summary: 'take part in distributed imports',
    description:
      'Take part in the imports that were started with --distribute on the same ledger: rows are taken in chunks, sent, and told back. On SIGTERM what is under way is finished and the rest handed back.',
    examples: [
      { command: 'memory-import worker --ledger postgres://…', why: 'the key comes from CALLERS_API_KEY' },
      { command: 'memory-import worker --ledger postgres://… --idle-exit 1m', why: 'for a job: ends when nothing is left to do' },
    ],
    afterword: `Exit codes:
  0  ended by SIGINT or SIGTERM, or by --idle-exit
  2  could not start: no key, another account's ledger, no Postgres, a port that is taken
  3  could not go on: frozen for too long, or Postgres gone; start it again`,
    load: async () => (await import('./commands/worker.js')).workerCommand,
  },
  {
    name: 'completion',
    summary: 'print a script that lets a shell complete commands, options and run ids',
    argument: { name: '<bash|zsh|fish>', meaning: 'the shell' },
    examples: [
      { command: 'memory-import completion bash', why: 'in ~/.bashrc: eval "$(memory-import completion bash)"' },
      { command: 'memory-import completion zsh', why: 'in ~/.zshrc, behind compinit: source <(memory-import completion zsh)' },
      { command: 'memory-import completion fish', why: 'into ~/.config/fish/completions/memory-import.fish' },
    ],
    load: async () => {
      const { completionCommand } = await import('./commands/completion.js');
      return (call) => completionCommand(call, COMMANDS);
    },
  },
];

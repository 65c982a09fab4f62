import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { test as baseTest } from 'vitest';
import type { SandboxOptions } from '../../src/sandbox/options.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.js';
import { type CliOptions, type CliResult, type CliRun, startCli } from './cli.js';
import { canRunWarm, runWarm } from './warm-cli.js';

export const KEY = 'sandbox-key';

/** A folder of its own and a sandbox of its own: where the command is started, and what it talks to. Gone when the test is over. */
export interface Bench {
  readonly folder: string;
  readonly sandbox: Sandbox;
  /** Starts the command in the folder, with the sandbox and its key in the environment: a process of its own. */
  start(args: readonly string[], options?: CliOptions): CliRun;
  /** The same to its end, in a process that has run others before where that makes no difference. */
  run(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  /** `import … --json`, with time-outs for tests where the test gives none. */
  import(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  startImport(args: readonly string[], options?: CliOptions): CliRun;
  write(name: string, content: string | Uint8Array): string;
  read(name: string): string;
  /** Every file below the folder, by its path in it. */
  files(): readonly string[];
  /** Ends the sandbox before the test is over. */
  stop(): Promise<void>;
}

/** Lost answers are believed lost, and absence absence, soon enough for a test. */
const QUICK = [
  ['--timeout', '30s'],
  ['--reconcile-wait', '300ms'],
] as const;

/** `test` with `createBench`, which is safe in concurrent tests too: everything it makes ends with its own test. */
export const test = baseTest.extend(
  'createBench',
  ({ onTestFinished }) =>
    (options?: SandboxOptions) =>
      openBench(options ?? {}, onTestFinished),
);

async function openBench(options: SandboxOptions, whenOver: (clean: () => void | Promise<void>) => void): Promise<Bench> {
  const sandbox = await startSandbox(options);
  whenOver(() => sandbox.close());
  const folder = mkdtempSync(join(tmpdir(), 'memory-import-e2e-'));
  whenOver(() => rmSync(folder, { recursive: true, force: true }));
  const env = { CALLERS_API_KEY: KEY, CALLERS_BASE_URL: sandbox.url };
  const start = (args: readonly string[], given: CliOptions = {}): CliRun => {
    const run = startCli(args, { cwd: folder, ...given, env: { ...env, ...given.env } });
    whenOver(run.end);
    return run;
  };
  const run = (args: readonly string[], given: CliOptions = {}): Promise<CliResult> =>
    canRunWarm(given) ? runWarm(args, { cwd: folder, ...given, env: { ...env, ...given.env } }, whenOver) : start(args, given).ended;
  const importArgs = (args: readonly string[]) => [
    'import',
    ...args,
    '--json',
    ...QUICK.flatMap((option) => (args.includes(option[0]) ? [] : option)),
  ];
  return {
    folder,
    sandbox,
    start,
    run,
    startImport: (args, given) => start(importArgs(args), given),
    import: (args, given) => run(importArgs(args), given),
    write(name, content) {
      writeFileSync(join(folder, name), content);
      return name;
    },
    read: (name) => readFileSync(join(folder, name), 'utf8'),
    files: () =>
      readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) =>
        entry.isFile() ? [relative(folder, join(entry.parentPath, entry.name))] : [],
      ),
    stop: () => sandbox.close(),
  };
}

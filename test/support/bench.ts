import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { SandboxOptions } from '../../src/sandbox/options.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.js';
import { type CliOptions, type CliResult, type CliRun, runCli, startCli } from './cli.js';

export const KEY = 'sandbox-key';

/** A folder of its own and a sandbox of its own: where the command is started, and what it talks to. Gone when the test is over. */
export interface Bench {
  readonly folder: string;
  readonly sandbox: Sandbox;
  /** Starts the command in the folder, with the sandbox and its key in the environment. */
  start(args: readonly string[], options?: CliOptions): CliRun;
  run(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  /** `import … --json`, with time-outs for tests where the test gives none. */
  import(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  startImport(args: readonly string[], options?: CliOptions): CliRun;
  write(name: string, content: string | Uint8Array): string;
  read(name: string): string;
  /** Every file below the folder, by its path in it. */
  files(): readonly string[];
}

/** Lost answers are believed lost, and absence absence, soon enough for a test. */
const QUICK = [
  ['--timeout', '300ms'],
  ['--reconcile-wait', '300ms'],
] as const;

export async function createBench(options: SandboxOptions = {}): Promise<Bench> {
  const sandbox = await startSandbox(options);
  onTestFinished(() => sandbox.close());
  const folder = tempFolder();
  const inFolder = (given: CliOptions = {}): CliOptions => ({
    cwd: folder,
    ...given,
    env: { CALLERS_API_KEY: KEY, CALLERS_BASE_URL: sandbox.url, ...given.env },
  });
  const importArgs = (args: readonly string[]) => ['import', ...args, '--json', ...QUICK.flatMap((option) => (args.includes(option[0]) ? [] : option))];
  return {
    folder,
    sandbox,
    start: (args, given) => startCli(args, inFolder(given)),
    run: (args, given) => runCli(args, inFolder(given)),
    import: (args, given) => runCli(importArgs(args), inFolder(given)),
    startImport: (args, given) => startCli(importArgs(args), inFolder(given)),
    write(name, content) {
      writeFileSync(join(folder, name), content);
      return name;
    },
    read: (name) => readFileSync(join(folder, name), 'utf8'),
    files: () => (existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : []).flatMap((entry) =>
      entry.isFile() ? [join(entry.parentPath, entry.name).slice(folder.length + 1)] : [],
    ),
  };
}

export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'memory-import-e2e-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The folder of a run, from one of its files. */
export function runFolder(path: string | undefined): string {
  if (path === undefined) throw new Error('the summary names no such file');
  return dirname(path);
}

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import type { RunSummary } from '../../src/model.js';

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface CliOptions {
  readonly cwd?: string;
  /** Beside `PATH`; nothing else of the test's own environment is passed on. */
  readonly env?: Readonly<Record<string, string>>;
  /** What standard input holds, to its end; `open` leaves it open without a byte. Default: empty. */
  readonly stdin?: string | Uint8Array | 'open';
}

export interface CliResult {
  /** null where a signal killed it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The one JSON object on stdout. Throws where stdout is anything else. */
  readonly summary: RunSummary;
}

/** A command under way. */
export interface CliRun {
  readonly child: ChildProcess;
  readonly ended: Promise<CliResult>;
  stderr(): string;
  stdout(): string;
  kill(signal: NodeJS.Signals): void;
  /** Whatever is left of it. */
  end(): void;
  /** Resolves when stderr has what was asked for. */
  says(what: string | RegExp): Promise<void>;
}

/** The built command, as a process of its own. */
export function startCli(args: readonly string[], options: CliOptions = {}): CliRun {
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd: options.cwd ?? process.cwd(),
    env: { PATH: process.env.PATH ?? '', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.on('error', () => {}); // a command that doesn't read it may be gone already
  if (options.stdin !== 'open') child.stdin.end(options.stdin ?? '');
  const ended = new Promise<CliResult>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(resultOf({ code, signal, stdout, stderr })));
  });
  return {
    child,
    ended,
    stdout: () => stdout,
    stderr: () => stderr,
    kill: (signal) => void child.kill(signal),
    end: () => void (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')),
    says: (what) =>
      until(`stderr with ${what}, which has: ${stderr}`, () => (typeof what === 'string' ? stderr.includes(what) : what.test(stderr))),
  };
}

export function resultOf(ended: Omit<CliResult, 'summary'>): CliResult {
  return {
    ...ended,
    get summary() {
      return oneObject(ended.stdout, ended.stderr);
    },
  };
}

/** Waits for a condition, not for a time: that one is so long that only what never comes takes it. */
export async function until(what: string, condition: () => boolean, { timeoutMs = 60_000, intervalMs = 5 } = {}): Promise<void> {
  await vi.waitFor(
    () => {
      if (!condition()) throw new Error(`expected ${what}`);
    },
    { timeout: timeoutMs, interval: intervalMs },
  );
}

function oneObject(stdout: string, stderr: string): RunSummary {
  const lines = stdout.split('\n');
  if (lines.length !== 2 || lines[1] !== '')
    throw new Error(`expected one line of JSON on stdout, found ${JSON.stringify(stdout)}; stderr: ${stderr}`);
  // What the command prints is what these tests are about.
  return JSON.parse(lines[0] ?? '') as RunSummary;
}

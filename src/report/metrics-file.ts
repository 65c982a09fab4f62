import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UserError } from '../errors.js';
import type { ImportEvent } from '../model.js';
import { createRunMetrics, KEPT, RUNNING, type RunEnds } from './metrics.js';

/** `--metrics-file`: what node_exporter's textfile collector reads of the last run. */
export interface MetricsFile {
  consume(event: ImportEvent): void;
  /** The command ends with this exit code. Resolves when the file says so, or can't be made to: that is told, and never thrown. */
  ended(exitCode: number): Promise<void>;
}

export interface MetricsFileOptions {
  readonly path: string;
  readonly version: string;
  /** Told once: the file can't be written any more. A run goes on without it. */
  readonly onProblem: (message: string) => void;
  /** Epoch milliseconds, as `Clock.now`. */
  readonly now: () => number;
  /** Calls `tick` every `ms`, until what comes back is called. */
  readonly repeat?: (tick: () => void, ms: number) => () => void;
}

const INTERVAL_MS = 15_000;
/** A file that is so old isn't kept up to date by anybody, whatever it says. */
const ABANDONED_MS = 4 * INTERVAL_MS;

/**
 * The first write is that of the run that has started, and so has the ledger: a second one, which can't start, must not speak over the first.
 * So a command that ends before it has started (exit 2, 4) leaves the file alone while a run keeps it up to date, and otherwise writes how
 * it ended.
 *
 * @throws UserError where the file can't be written, or is somebody else's: before anything is sent
 */
export async function openMetricsFile(options: MetricsFileOptions): Promise<MetricsFile> {
  const { version, onProblem, now, repeat = repeatUnrefed } = options;
  const path = await writablePath(options.path);
  const metrics = createRunMetrics({ importName: basename(options.path).replace(/\.prom$/, ''), version });
  const startedAt = now();
  let stopRepeating: (() => void) | null = null;
  /** How earlier runs ended; null until the first write. */
  let before: RunEnds | null = null;
  let exitCode: number | null = null;
  let writing: Promise<void> | null = null;
  let toldProblem = false;

  async function write(): Promise<void> {
    try {
      before ??= (await readBefore(path)).ends;
      const at = now();
      const ended = exitCode === null ? before : endsWith({ before, exitCode, at });
      await replace(path, await metrics.text({ startedAt, at, running: exitCode === null, ended }));
    } catch (error) {
      if (toldProblem) return;
      toldProblem = true;
      onProblem(`The metrics file ${options.path} can't be written: ${reasonOf(error)}. The import goes on without it.`);
    }
  }

  /** One at a time; where one is under way already, the next tick comes soon enough. */
  function writeSoon(): void {
    writing ??= write().finally(() => {
      writing = null;
    });
  }

  return {
    consume(event) {
      metrics.consume(event);
      if (event.type !== 'run_started') return;
      writeSoon();
      stopRepeating = repeat(writeSoon, INTERVAL_MS);
    },
    async ended(code) {
      const hasStarted = stopRepeating !== null;
      stopRepeating?.();
      await writing;
      if (!hasStarted && isKeptUp(await readBefore(path), now())) return;
      exitCode = code;
      await write();
    },
  };
}

function endsWith({ before, exitCode, at }: { readonly before: RunEnds; readonly exitCode: number; readonly at: number }): RunEnds {
  return {
    endedAt: at,
    exitCode,
    completedAt: exitCode <= 1 ? at : before.completedAt,
    succeededAt: exitCode === 0 ? at : before.succeededAt,
  };
}

/**
 * Whole or not at all, and 0644 whatever the umask: node_exporter runs as another user, and there is nothing in it that isn't for everybody.
 * The temporary file stands in the same folder, or it couldn't be renamed; its name is one that the collector doesn't read (`*.prom`).
 */
async function replace(path: string, text: string): Promise<void> {
  const temporary = temporaryOf(path);
  await rm(temporary, { force: true });
  try {
    const handle = await open(temporary, 'wx', 0o644);
    try {
      await handle.chmod(0o644);
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

function temporaryOf(path: string): string {
  return join(dirname(path), `.${basename(path)}-${process.pid}.tmp`);
}

/** A link's target, so that the link stays; found out to be writable by making the temporary file. */
async function writablePath(givenPath: string): Promise<string> {
  const refuse = (problem: string, cause?: unknown) =>
    new UserError(`--metrics-file ${givenPath}: ${problem}. Nothing was sent.`, { cause });
  let path = givenPath;
  try {
    const file = await stat(givenPath);
    if (!file.isFile()) throw refuse('expected a file, found a folder or a device');
    path = await realpath(givenPath);
    const content = file.size > MAX_OURS_BYTES ? 'somebody else' : await readFile(path, 'utf8');
    // Somebody's notes, named here by mistake, must not be replaced by numbers.
    if (content.trim() !== '' && !content.includes(RUNNING)) {
      throw refuse('is there already, and is no metrics file of memory-import. Name another file, or remove this one');
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (!hasCode(error, 'ENOENT')) throw refuse(`can't be read: ${reasonOf(error)}`, error);
  }
  const temporary = temporaryOf(path);
  try {
    await rm(temporary, { force: true });
    await (await open(temporary, 'wx', 0o644)).close();
    await rm(temporary);
  } catch (error) {
    throw refuse(`can't be written: ${reasonOf(error)}. Its folder must be there, and be writable for this user`, error);
  }
  return path;
}

/** One of ours has some 10 kB. */
const MAX_OURS_BYTES = 1024 * 1024;

interface Before {
  readonly ends: RunEnds;
  readonly running: boolean;
  /** Epoch milliseconds; 0: there is no such file. */
  readonly writtenAt: number;
}

/** Of a file that isn't there or can't be read, as of one that an older version wrote, what isn't found counts as "never". */
async function readBefore(path: string): Promise<Before> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const find = (name: string): number | null => {
    const found = new RegExp(`^${name}(?:\\{.*\\})? +([0-9.e+]+)$`, 'm').exec(text)?.[1];
    const value = Number(found ?? Number.NaN);
    return Number.isFinite(value) ? value : null;
  };
  const time = (name: string) => (find(name) ?? 0) * 1000;
  const writtenAt = await stat(path).then(
    (file) => file.mtimeMs,
    () => 0,
  );
  return {
    ends: {
      endedAt: time(KEPT.endedAt),
      exitCode: find(KEPT.exitCode),
      completedAt: time(KEPT.completedAt),
      succeededAt: time(KEPT.succeededAt),
    },
    running: find(RUNNING) === 1,
    writtenAt,
  };
}

function isKeptUp({ running, writtenAt }: Before, now: number): boolean {
  return running && Math.abs(now - writtenAt) < ABANDONED_MS;
}

/** It never keeps the process alive. */
function repeatUnrefed(tick: () => void, ms: number): () => void {
  const timer = setInterval(tick, ms).unref();
  return () => clearInterval(timer);
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

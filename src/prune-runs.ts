import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { realClock } from './clock.js';
import { UserError } from './errors.js';
import type { ImportHooks } from './import.js';
import type { RunRecord } from './ledger/ledger.js';
import { openLedgerToRead, whoIsUnderWay } from './ledger/open.js';
import type { LedgerAddress } from './ledger-address.js';
import { type ImportOptions, resolveOptions } from './options.js';
import { isFolder, type RemovedFiles, removeRunFiles } from './report/remove-run-files.js';
import { isRunId } from './report/run-folder.js';

export interface PruneOptions {
  /** In milliseconds, counted from the run's end; of a run that was killed from its start. */
  readonly olderThanMs: number;
  /** Say what would be removed. */
  readonly dryRun?: boolean;
}

export interface PrunedRun extends RemovedFiles {
  readonly runId: string;
  readonly folder: string;
}

export interface PrunedRuns {
  readonly dryRun: boolean;
  /** ISO date-time: runs that ended before. */
  readonly before: string;
  /** Runs whose files were removed (or would be), the oldest first. */
  readonly pruned: readonly PrunedRun[];
  readonly files: number;
  readonly bytes: number;
  /** Runs, younger ones or one under way, whose files stay. */
  readonly kept: number;
  /** Folders of such runs that aren't under `out`: left alone, since only what `out` names is removed. */
  readonly elsewhere: readonly string[];
  /** Folders under `out` with a run's name that this ledger doesn't know (another ledger's, or it was lost): left alone. */
  readonly unknown: readonly string[];
}

/**
 * Removes the report files, which hold customers' text, of runs that ended longer ago than that. The ledger isn't touched: it goes on
 * knowing the run and every note. Only `<out>/<runId>/` is ever looked into, for runs that the ledger knows to be over.
 * @throws UserError where the ledger or `out` can't be read
 */
export async function pruneRuns(
  options: ImportOptions,
  { olderThanMs, dryRun = false }: PruneOptions,
  { env = process.env, clock = realClock }: Pick<ImportHooks, 'env' | 'clock'> = {},
): Promise<PrunedRuns> {
  const resolved = resolveOptions(options, env, { key: false, inputs: false });
  const { out } = resolved;
  const before = clock.now() - olderThanMs;
  // Before the ledger is read: a run is in the ledger before it has its folder, so none that has just begun seems unknown.
  const folders = await foldersIn(out);
  const { runs, isOver } = await runsOf(resolved);
  const pruned: PrunedRun[] = [];
  const elsewhere: string[] = [];
  let kept = 0;
  for (const run of runs.toReversed()) {
    // It becomes part of a path.
    if (!isRunId(run.runId)) continue;
    const folder = join(out, run.runId);
    if (!isOver(run) || endOf(run) >= before) {
      if (await isFolder(folder)) kept++;
      continue;
    }
    const removed = await removeRunFiles(folder, { dryRun });
    if (removed !== null) pruned.push({ runId: run.runId, folder, ...removed });
    else if (basename(run.out) === run.runId && (await isFolder(run.out))) elsewhere.push(run.out);
  }
  const known = new Set<string>(runs.map(({ runId }) => runId));
  const unknown = folders.filter((name) => isRunId(name) && !known.has(name)).map((name) => join(out, name));
  return {
    dryRun,
    before: new Date(before).toISOString(),
    pruned,
    files: pruned.reduce((sum, { files }) => sum + files, 0),
    bytes: pruned.reduce((sum, { bytes }) => sum + bytes, 0),
    kept,
    elsewhere,
    unknown,
  };
}

/** All runs of the ledger, the newest first. */
async function runsOf(address: LedgerAddress): Promise<{ runs: readonly RunRecord[]; isOver: (run: RunRecord) => boolean }> {
  const ledger = await openLedgerToRead(address);
  if (ledger === null) return { runs: [], isOver: () => false };
  try {
    // Asked before the list is read: a run that ends between the two has its end in the list, and one that begins is too young.
    const isUnderWay = await whoIsUnderWay(address);
    const runs = await ledger.runs();
    // While anybody holds the ledger's file, whatever says that it is running may be; it is pruned another time.
    return { runs, isOver: (run) => !isUnderWay(run, 0) };
  } finally {
    await ledger.close();
  }
}

function endOf({ finishedAt, startedAt }: RunRecord): number {
  const end = Date.parse(finishedAt ?? startedAt);
  return Number.isNaN(end) ? Number.POSITIVE_INFINITY : end;
}

async function foldersIn(out: string): Promise<readonly string[]> {
  try {
    return (await readdir(out, { withFileTypes: true })).flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw new UserError(`The folder ${out} can't be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

import type { ImportHooks } from './import.js';
import type { RunRecord } from './ledger/ledger.js';
import { liveHolder } from './ledger/lock.js';
import { openLedgerToRead } from './ledger/sqlite.js';
import type { Counts } from './model.js';
import { type ImportOptions, resolveOptions } from './options.js';

/** A run, as `runs` lists it. */
export interface ListedRun {
  readonly runId: string;
  /** `killed`: it neither ended nor is it under way. */
  readonly status: RunRecord['status'] | 'killed';
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly inputs: readonly string[];
  readonly counts: Counts | null;
  /** The folder with its reports. */
  readonly out: string;
}

/** The runs that the ledger knows, the newest first. @throws UserError where the ledger can't be read */
export async function listRuns(
  options: ImportOptions,
  { env = process.env }: Pick<ImportHooks, 'env'> = {},
): Promise<readonly ListedRun[]> {
  const { ledger: path } = resolveOptions(options, env, { key: false, inputs: false });
  const ledger = openLedgerToRead(path);
  if (ledger === null) return [];
  try {
    const held = liveHolder(path) !== null;
    // One that never came to its folder couldn't start: nothing of it is to tell.
    const runs = (await ledger.runs()).filter(({ out }) => out !== '');
    return runs.map(({ runId, status, startedAt, finishedAt, inputs, out, summary: result }, position) => ({
      runId,
      // Only the newest run can be the one that holds the ledger.
      status: status === 'running' && !(held && position === 0) ? 'killed' : status,
      startedAt,
      finishedAt,
      inputs: inputs.map((input) => input.path),
      counts: countsOf(result),
      out,
    }));
  } finally {
    await ledger.close();
  }
}

function countsOf(result: unknown): Counts | null {
  if (typeof result !== 'object' || result === null || !('counts' in result)) return null;
  return result.counts as Counts; // a RunSummary, written by `importMemories`
}

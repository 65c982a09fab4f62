import { existsSync } from 'node:fs';
import type { ImportHooks } from './import.js';
import type { RunRecord } from './ledger/ledger.js';
import { openLedgerToRead, whoIsUnderWay } from './ledger/open.js';
import type { Counts, ReasonCode, RunSummary } from './model.js';
import { type ImportOptions, resolveOptions } from './options.js';
import { undoneOf } from './run/undone-of.js';

/** A run, as `runs` lists it. */
export interface ListedRun {
  readonly runId: string;
  /** `killed`: it neither ended nor is it under way. */
  readonly status: RunRecord['status'] | 'killed';
  readonly startedAt: string;
  readonly finishedAt: string | null;
  /** From the start of the command to its last settled row; null where it has no summary. */
  readonly durationMs: number | null;
  /** Why it stopped, if it did. */
  readonly reasonCode: ReasonCode | null;
  readonly inputs: readonly string[];
  readonly counts: Counts | null;
  /** How many of the memories that it made `undo` has deleted since, and how many it has left; null: none was undone. */
  readonly undone: { readonly notes: number; readonly left: number } | null;
  /** The folder with its reports. */
  readonly out: string;
  /** False where that folder is gone, pruned for instance: the ledger still knows the run. As seen from here, if `out` is relative. */
  readonly hasFiles: boolean;
}

/** The runs that the ledger knows, the newest first. @throws UserError where the ledger can't be read */
export async function listRuns(
  options: ImportOptions,
  { env = process.env }: Pick<ImportHooks, 'env'> = {},
): Promise<readonly ListedRun[]> {
  const resolved = resolveOptions(options, env, { key: false, inputs: false });
  const ledger = await openLedgerToRead(resolved);
  if (ledger === null) return [];
  try {
    const isUnderWay = await whoIsUnderWay(resolved);
    // One that never came to its folder couldn't start: nothing of it is to tell.
    const runs = (await ledger.runs()).filter(({ out }) => out !== '');
    const listed: ListedRun[] = [];
    for (const [position, run] of runs.entries()) {
      const { runId, status, startedAt, finishedAt, inputs, out, summary } = run;
      const ended = summary as RunSummary | null; // written by `importMemories`
      listed.push({
        runId,
        status: status === 'running' && !isUnderWay(run, position) ? 'killed' : status,
        startedAt,
        finishedAt,
        durationMs: ended?.durationMs ?? null,
        reasonCode: ended?.reasonCode ?? null,
        inputs: inputs.map((input) => input.path),
        counts: ended?.counts ?? null,
        undone: await undoneOf(run, ledger),
        out,
        hasFiles: existsSync(out),
      });
    }
    return listed;
  } finally {
    await ledger.close();
  }
}

import { UserError } from '../errors.js';
import type { Ledger, RunRecord } from '../ledger/ledger.js';
import type { Clock, ImportEvent } from '../model.js';
import type { ImportOptions } from '../options.js';
import { isRunId } from '../report/run-folder.js';

/** Options of a command that works through the memories of a run: those of an import that decide where and how fast it asks. */
export type AfterRunOptions = Pick<
  ImportOptions,
  'config' | 'baseUrl' | 'apiKey' | 'apiKeyFile' | 'ledger' | 'concurrency' | 'rate' | 'retries' | 'timeout' | 'giveUpAfter' | 'sameAccount'
>;

export interface AfterRunHooks {
  /** Abort it to end gently: what is under way is answered and kept. */
  readonly signal?: AbortSignal;
  /** Requests, pauses, stops, as an import has them. It must not throw. */
  readonly onEvent?: (event: ImportEvent) => void;
  /** Memories done so far, of how many. It must not throw. */
  readonly onProgress?: (progress: { readonly done: number; readonly of: number }) => void;
  /** Default: the process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
}

/** @throws UserError where the ledger knows no such run */
export async function findRun(ledger: Ledger | null, ledgerPath: string, runId: string): Promise<RunRecord> {
  // A run's id becomes part of a path.
  if (!isRunId(runId))
    throw new UserError(`'${runId}' isn't the id of a run; expected one like 20261123T030749Z-4f9a ('memory-import runs' lists them).`);
  const run = (await ledger?.run(runId)) ?? null;
  // One that never came to its folder couldn't start, and created nothing.
  if (run === null || run.out === '')
    throw new UserError(`The ledger ${ledgerPath} knows no run ${runId}; 'memory-import runs' lists them.`);
  return run;
}

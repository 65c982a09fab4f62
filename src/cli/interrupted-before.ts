import type { RunSummary } from '../model.js';
import { newRunId } from '../report/run-folder.js';
import { createTally, summary } from '../report/summary.js';
import type { StopSignal } from './exit-codes.js';

/**
 * What `--json` says of an import that a signal ended before it had started: nothing was read, sent or written. Its run id is in no ledger,
 * and nowhere else.
 * @param before.startedAt epoch milliseconds
 */
export function interruptedBefore(before: {
  readonly inputs: readonly string[];
  readonly startedAt: number;
  readonly signal: StopSignal;
}): RunSummary {
  const { inputs, startedAt, signal } = before;
  const reason = `${signal} before the run had started. Nothing was sent.`;
  return summary({
    runId: newRunId(startedAt, Math.random),
    inputs,
    startedAt,
    finishedAt: Date.now(),
    stop: { reasonCode: 'signal', reason, continues: true },
    files: {},
    tally: createTally(),
  });
}

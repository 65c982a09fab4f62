import type { Ledger, RunRecord, UndoneRun } from '../ledger/ledger.js';

/** What undoing the run has come to; null: nothing of it was undone. */
export async function undoneOf(
  run: Pick<RunRecord, 'runId' | 'undone'>,
  ledger: Pick<Ledger, 'createdTally'>,
): Promise<Omit<UndoneRun, 'at'> | null> {
  if (run.undone === undefined) return null;
  let { at, notes, left } = run.undone;
  if (at === null) {
    // Under way, or killed. It reads all notes, so only here.
    const tally = await ledger.createdTally(run.runId);
    notes = Math.max(notes, tally.undone);
    left = tally.notes;
  }
  return notes === 0 ? null : { notes, left };
}

import { dirname } from 'node:path';
import { realClock } from './clock.js';
import { LedgerHeldError, UserError } from './errors.js';
import type { Ledger, RunRecord, UndoneRun } from './ledger/ledger.js';
import { openLedger, openLedgerToRead } from './ledger/open.js';
import type { Clock } from './model.js';
import type { UndoneNote, UndoOutcome, UndoPreview, UndoSummary } from './model-after-run.js';
import { type ResolvedOptions, resolveOptions } from './options.js';
import { createRunFolder, newRunId } from './report/run-folder.js';
import { openUndoFile } from './report/table-file.js';
import { connect, endingOf } from './run/connection.js';
import { type AfterRunHooks, type AfterRunOptions, findRun } from './run/known-run.js';
import { undoNotes } from './run/undo-notes.js';

export type UndoOptions = AfterRunOptions & {
  /** Delete also what was altered since, or can't be compared with what was sent. */
  readonly force?: boolean;
  /** Only say what would be deleted: nothing is asked for, nothing is changed, no key is needed. */
  readonly dryRun?: boolean;
};

export interface UndoHooks extends AfterRunHooks {
  /** Asked before anything is deleted, where there is something to delete; false ends it. Default: nobody is asked. */
  readonly confirm?: (preview: UndoPreview) => boolean | Promise<boolean>;
}

/**
 * Deletes the memories that the run created or recovered, the newest first; never one that the run only found (`--adopt`), and, without
 * `force`, none that was altered since. The ledger then knows their notes as undone, so that they can be imported again. After anything,
 * the same call goes on.
 *
 * @returns the summary, also where it stopped by itself or was interrupted (`status`)
 * @throws UserError (and OptionsError) where it can't start or wasn't confirmed: nothing was deleted; LedgerHeldError where a run holds
 *   the ledger; LedgerError where the ledger fails before the first delete
 */
export async function undoRun(runId: string, options: UndoOptions = {}, hooks: UndoHooks = {}): Promise<UndoSummary> {
  const clock = hooks.clock ?? realClock;
  const startedAt = clock.now();
  const { force = false, dryRun = false, ...rest } = options;
  const resolved = resolveOptions(rest, hooks.env ?? process.env, { key: !dryRun, inputs: false });
  const { run, preview } = await readPreview(runId, resolved);
  if (dryRun || preview.memories === 0) {
    const ok = preview.memories === 0 && preview.inDoubt === 0;
    const ending = endingOf({ runId: run.runId, startedAt, finishedAt: clock.now(), isAllWell: dryRun || ok, reason: null });
    return { ...ending, dryRun, ok, counts: countsOf(preview, noOutcomes()), contacts: preview.contacts, requests: NO_REQUESTS, files: {} };
  }
  if (hooks.confirm !== undefined && !(await hooks.confirm(preview))) throw new UserError('Not confirmed: nothing was deleted.');
  const ledger = await openLedger({
    address: resolved,
    // It becomes no run of its own: it has no folder, and `runs` doesn't list it.
    runId: newRunId(startedAt, clock.random),
    what: `undo ${run.runId}`,
    target: { baseUrl: resolved.baseUrl.href, apiKey: resolved.apiKey },
    sameAccount: resolved.sameAccount,
    now: clock.now,
    requestTimeoutMs: resolved.timeoutMs,
  });
  try {
    if ((await ledger.shared?.runsUnderWay())?.has(run.runId) === true)
      throw new LedgerHeldError(`The run ${run.runId} is still under way. Nothing was deleted. Wait until it ends, or end it.`);
    return await undo({ run, ledger, options: resolved, force, hooks, clock, startedAt });
  } finally {
    await ledger.close();
  }
}

/** Without the lock: a question may wait long for its answer, and a nightly import shouldn't. */
async function readPreview(runId: string, options: ResolvedOptions): Promise<{ readonly run: RunRecord; readonly preview: UndoPreview }> {
  const { ledger: path, baseUrl, apiKey, sameAccount } = options;
  const ledger = await openLedgerToRead(options, { baseUrl: baseUrl.href, apiKey: apiKey === '' ? null : apiKey, sameAccount });
  try {
    const run = await findRun(ledger, path, runId);
    // Without a ledger there is no run.
    return { run, preview: await previewOf(run, ledger as Ledger, options) };
  } finally {
    await ledger?.close();
  }
}

async function previewOf({ runId }: RunRecord, ledger: Ledger, { baseUrl }: ResolvedOptions): Promise<UndoPreview> {
  const { notes, contacts, inDoubt, undone } = await ledger.createdTally(runId);
  return { runId, baseUrl: baseUrl.href, memories: notes, contacts, inDoubt, undone };
}

interface Undo {
  readonly run: RunRecord;
  readonly ledger: Ledger;
  readonly options: ResolvedOptions;
  readonly force: boolean;
  readonly hooks: UndoHooks;
  readonly clock: Clock;
  readonly startedAt: number;
}

async function undo({ run, ledger, options, force, hooks, clock, startedAt }: Undo): Promise<UndoSummary> {
  const before = await previewOf(run, ledger, options);
  await saveUndone(ledger, run, { at: null, notes: undoneBefore(run, before), left: before.memories });
  const file = await openUndoFile(await createRunFolder(dirname(run.out), run.runId));
  const connection = connect({ options, hooks, ledger, clock });
  try {
    const outcomes = noOutcomes();
    let done = 0;
    hooks.onProgress?.({ done, of: before.memories });
    const onSettled = (notes: readonly UndoneNote[]): void => {
      for (const { outcome } of notes) outcomes[outcome]++;
      done += notes.length;
      hooks.onProgress?.({ done, of: before.memories });
    };
    await undoNotes({ runId: run.runId, ledger, connection, file, concurrency: options.concurrency, force, onSettled });
    const counts = countsOf(before, outcomes);
    const gone = counts.deleted + counts.gone;
    // Where it can't be said, the notes say it.
    const undone = { at: new Date(clock.now()).toISOString(), notes: undoneBefore(run, before) + gone, left: before.memories - gone };
    await saveUndone(ledger, run, undone).catch(() => {});
    const ok = counts.altered + counts.failed + counts.left + counts.inDoubt === 0;
    return {
      ...connection.ending(run.runId, startedAt, ok),
      dryRun: false,
      ok,
      counts,
      contacts: before.contacts,
      requests: connection.requests(),
      files: { undo: file.path },
    };
  } finally {
    await connection.close();
    await file.close().catch(() => {}); // every line that counts was flushed
  }
}

/** Of those that were undone before, some may be another run's by now. */
function undoneBefore(run: RunRecord, { undone }: UndoPreview): number {
  return Math.max(run.undone?.notes ?? 0, undone);
}

async function saveUndone(ledger: Ledger, { runId }: RunRecord, undone: UndoneRun): Promise<void> {
  // Read again: the run may have ended since it was read without the lock.
  const run = await ledger.run(runId);
  if (run !== null) await ledger.saveRun({ ...run, undone });
}

const NO_REQUESTS = { sent: 0, rateLimited: 0 };

function noOutcomes(): Record<UndoOutcome, number> {
  return { deleted: 0, gone: 0, altered: 0, failed: 0 };
}

function countsOf({ memories, inDoubt, undone }: UndoPreview, outcomes: Record<UndoOutcome, number>): UndoSummary['counts'] {
  const { deleted, gone, altered, failed } = outcomes;
  const left = memories - deleted - gone - altered - failed;
  return { toUndo: memories, deleted, gone, altered, failed, left, inDoubt, undoneBefore: undone };
}

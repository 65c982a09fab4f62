// The library: everything that the command line does with notes, without argv, signals or process.exit.

export { LedgerError, LedgerHeldError, OptionsError, UserError } from './errors.js';
export { type ImportHooks, importMemories } from './import.js';
export { checkLedger, type LedgerCheck } from './ledger-check.js';
export { compactLedger, type LedgerCompact } from './ledger-compact.js';
export { exportLedger } from './ledger-export.js';
export { type LedgerRebuild, rebuildLedger } from './ledger-rebuild.js';
export type {
  Clock,
  Counts,
  Draft,
  FailureClass,
  ImportEvent,
  Outcome,
  ReasonCode,
  RowFailure,
  RunFiles,
  RunSummary,
  SettledRow,
  SourceInput,
  SourceRow,
} from './model.js';
export type { UndoPreview, UndoSummary, VerifySummary } from './model-after-run.js';
export type { Finding, FindingName, LargeImport, Plan, ReadAs } from './model-plan.js';
export type { ImportOptions } from './options.js';
export { planImport } from './plan.js';
export { type ListedProfile, listProfiles, showProfile } from './profiles.js';
export { type PrunedRun, type PrunedRuns, type PruneOptions, pruneRuns } from './prune-runs.js';
export { type RewrittenReports, rewriteReports } from './rewrite-reports.js';
export { type ListedRun, listRuns } from './runs.js';
export { type UndoHooks, type UndoOptions, undoRun } from './undo.js';
export { type VerifyOptions, verifyRun } from './verify.js';
export { runWorker, type WorkerEvent, type WorkerHooks, type WorkerOptions } from './worker.js';

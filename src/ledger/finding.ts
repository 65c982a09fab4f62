/** Something that is always true of a ledger, and isn't of this one. */
export interface LedgerFinding {
  readonly code:
    | 'damaged'
    | 'note_invalid'
    | 'record_invalid'
    | 'note_without_run'
    | 'failure_without_run'
    | 'fingerprint_twice'
    | 'memory_twice'
    | 'index_incomplete'
    | 'filter_incomplete'
    | 'filter_damaged'
    | 'no_target';
  readonly message: string;
  /** What to do. */
  readonly advice: string;
}

/** What to do with a ledger that can't be believed. */
export const MEND =
  "Keep a copy of it, restore it from a backup, and add what came later with 'memory-import ledger rebuild'; without a backup, move it away and rebuild it so, or import with --adopt.";

// What is said of a run's memories after it: verify and undo.
import type { RunId, RunSummary } from './model.js';

/** What `verify` says of a note that a run created. */
export const VERIFY_VERDICTS = ['match', 'missing', 'altered', 'twice', 'contact_gone', 'unproven', 'unknown'] as const;
export type VerifyVerdict = (typeof VERIFY_VERDICTS)[number];

/** A line of verify.csv. */
export interface VerifiedNote {
  readonly row: string;
  readonly contactId: string;
  readonly subOrg: string | null;
  /** Where it was found by its content, that memory's id; null where no id is known. */
  readonly memoryId: string | null;
  readonly verdict: VerifyVerdict;
  /** Other memories of the contact with the same content, which answer for no other note. */
  readonly otherIds: readonly string[];
  readonly message: string;
}

/** How a command that works through a run's memories ended: the words of `RunSummary`, with the same meaning. */
export type Ending = Pick<
  RunSummary,
  'runId' | 'status' | 'reasonCode' | 'reason' | 'continues' | 'startedAt' | 'finishedAt' | 'durationMs'
>;

/** What `verify --json` prints. */
export interface VerifySummary extends Ending {
  /** Every note checked is a match, none is in doubt, and the command came to its end. */
  readonly ok: boolean;
  /** `checked` is the sum of the verdicts. */
  readonly counts: {
    readonly checked: number;
    readonly match: number;
    readonly missing: number;
    readonly altered: number;
    readonly twice: number;
    readonly contactGone: number;
    /** The list doesn't show it, and may be one page of more. */
    readonly unproven: number;
    /** The contact's list couldn't be had. */
    readonly unknown: number;
    /** Notes of the run that it never settled: not checked. */
    readonly inDoubt: number;
    /** Notes of the run that were undone since: not checked. */
    readonly undone: number;
  };
  /** Lists, by how they ended: one for each contact and sub organization. */
  readonly contacts: { readonly listed: number; readonly gone: number; readonly failed: number };
  /** null: everything was checked. */
  readonly sample: { readonly contacts: number; readonly ofContacts: number; readonly seed: number } | null;
  readonly requests: { readonly sent: number; readonly rateLimited: number };
  readonly files: { readonly verify?: string };
}

export type UndoOutcome = 'deleted' | 'gone' | 'altered' | 'failed';

/** A line of undo.csv. */
export interface UndoneNote {
  readonly row: string;
  readonly contactId: string;
  readonly subOrg: string | null;
  readonly memoryId: string | null;
  readonly outcome: UndoOutcome;
  readonly message: string;
}

/** What an undo is about to delete, as the ledger knows it. */
export interface UndoPreview {
  readonly runId: RunId;
  readonly baseUrl: string;
  readonly memories: number;
  readonly contacts: number;
  /** Notes of the run that can't be undone, because whether they are there isn't known. */
  readonly inDoubt: number;
  /** Notes of the run that were undone before. */
  readonly undone: number;
}

/** What `undo --json` prints. */
export interface UndoSummary extends Ending {
  /** True: nothing was asked for and nothing was changed. */
  readonly dryRun: boolean;
  /** Nothing that the run created is left, as far as is known. */
  readonly ok: boolean;
  /** `toUndo = deleted + gone + altered + failed + left`. */
  readonly counts: {
    readonly toUndo: number;
    readonly deleted: number;
    readonly gone: number;
    readonly altered: number;
    readonly failed: number;
    /** Not come to: the undo was stopped first, or it is a dry run. */
    readonly left: number;
    readonly inDoubt: number;
    readonly undoneBefore: number;
  };
  readonly contacts: number;
  readonly requests: { readonly sent: number; readonly rateLimited: number };
  readonly files: { readonly undo?: string };
}

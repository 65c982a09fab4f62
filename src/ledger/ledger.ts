import type { FailureClass, Fingerprint, NoteKey, RunId } from '../model.js';

/**
 * What became of every note that was ever claimed: the memory of the import, and the reason why running it again is safe.
 *
 * The port is made of few, large verbs: `lookup` reads, `commit` writes everything that one transaction can hold. What `commit` resolves
 * is durable: it has survived a power cut (as far as the disk tells the truth).
 *
 * Every store passes `test/contract/ledger-contract.ts`.
 */
export interface Ledger {
  /**
   * True if no note was ever created, failed or in doubt here when it was opened. A warning sign: cron in the wrong folder, a container
   * without its volume.
   */
  readonly wasEmpty: boolean;
  /** True if a note of it was created when it was opened: its address and key were right then. */
  readonly hadCreated: boolean;
  /** What several processes that write the same ledger have to ask one another; null: this one has it alone. */
  readonly shared: SharedLedger | null;

  /** What is known of each note, in the order asked; null for a note never claimed. */
  lookup(fingerprints: readonly Fingerprint[]): Promise<readonly (KnownNote | null)[]>;

  /**
   * One durable transaction. Transitions are applied before claims. Answers come in the order of the claims.
   * @throws LedgerError where it can't be made durable; then nobody may act on it, and it may have happened all the same.
   */
  commit(batch: LedgerBatch): Promise<readonly ClaimAnswer[]>;

  /**
   * Takes the word of witnesses that notes are there, in one durable transaction: of a ledger that was lost, the rows of a success.csv. What
   * the ledger knows better stays. Answers come in the order of the witnesses.
   * @throws LedgerError where it can't be made durable, or a run isn't known; then nothing of it happened.
   */
  remember(witnesses: readonly Witness[]): Promise<readonly WitnessAnswer[]>;

  /**
   * What earlier runs left open, oldest first, at most `limit` with a key above `after`. Opening the ledger for writing has made
   * every note that a dead run left `claimed` or `sending` a note in doubt.
   */
  openNotes(page: { readonly after: NoteKey | null; readonly limit: number }): Promise<readonly OpenNote[]>;

  /** The same of notes that this run created and whose closing look is due. */
  closingNotes(page: { readonly after: NoteKey | null; readonly limit: number }): Promise<readonly OpenNote[]>;

  /** What a list of this contact must show, and what in it is known: the ids also of notes that name it by phone number, or by its id. */
  contact(contactId: string, subOrg: string | null): Promise<ContactKnowledge>;

  /** The id of the contact that an address by phone number is known to mean; null: never learnt. */
  contactOf(address: string): Promise<string | null>;

  /** The contact and sub organization with most memories known to be there: its list is the longest we can ask for. */
  largestContact(): Promise<{ readonly contactId: string; readonly subOrg: string | null; readonly memories: number } | null>;

  /** Replaces what is known of the run. */
  saveRun(run: RunRecord): Promise<void>;
  /** Newest first. */
  runs(): Promise<readonly RunRecord[]>;
  run(runId: string): Promise<RunRecord | null>;
  /** Notes whose last word was spoken by this run, by key, at most `limit` above `after`. */
  notesOfRun(runId: RunId, page: { readonly after: NoteKey | null; readonly limit: number }): Promise<readonly RunNote[]>;
  /**
   * The notes that the run created or recovered and that aren't undone, at most `limit` of those that follow `after`; none: that was all.
   * What the run only adopted is not among them. `contact`: those of one contact and sub organization stand together, by key; `after:
   * null` begins anew. `newest`: the highest key first.
   */
  createdNotes(
    runId: RunId,
    page: { readonly order: 'contact' | 'newest'; readonly after: CreatedPosition | null; readonly limit: number },
  ): Promise<readonly CreatedNote[]>;
  /** How many notes that is. */
  createdTally(runId: RunId): Promise<CreatedTally>;
  /** Durable before the first delete of these notes leaves: whoever finds it knows that some may be gone from the API. */
  beginUndo(window: UndoWindow): Promise<void>;
  /** What became of the window's notes is recorded; null: of all of the run's. */
  endUndo(runId: RunId, window: UndoWindow | null): Promise<void>;
  /** Windows that were begun and not ended: an undo was killed, or cut off. */
  openUndos(): Promise<readonly UndoWindow[]>;
  /** Failures of the run, in the order in which they were recorded, at most `limit` with a number above `after`. */
  failuresOfRun(runId: RunId, page: { readonly after: number | null; readonly limit: number }): Promise<readonly RecordedFailure[]>;

  /** Releases the lock. What was committed stays. */
  close(): Promise<void>;
}

/** Notes of a run that an undo deletes together, by their keys, both included. */
export interface UndoWindow {
  readonly runId: RunId;
  readonly from: NoteKey;
  readonly to: NoteKey;
}

export interface LedgerBatch {
  readonly claims: readonly Claim[];
  readonly transitions: readonly Transition[];
  readonly failures: readonly RunFailure[];
  /** Contacts whose id became known, which their notes name by phone number (see `PhoneAddress`). */
  readonly contacts?: readonly LearntContact[];
}

export interface LearntContact {
  /** What stands in the notes' `contactId`. */
  readonly address: string;
  readonly contactId: string;
}

export interface Claim {
  readonly fingerprint: Fingerprint;
  readonly contactId: string;
  readonly subOrg: string | null;
  readonly sentHash: string;
  readonly inputHash: string | null;
  /** The row's label. */
  readonly row: string;
  /** Epoch milliseconds, our clock. */
  readonly claimedAt: number;
  /** How far the server's clock was ahead of ours then, in milliseconds; null: not known yet. Our clock may be another one in the next run. */
  readonly skewMs: number | null;
  /** `--in-doubt resend`: a note in doubt is ours to send again, at the user's risk. */
  readonly takeDoubt: boolean;
}

/** Something beside the ledger that says of a note that it is there. What was sent then isn't known: its `sentHash` is empty. */
export interface Witness {
  readonly fingerprint: Fingerprint;
  readonly contactId: string;
  readonly subOrg: string | null;
  /** The row's label. */
  readonly row: string;
  readonly memoryId: string | null;
  /** The server's time, as it gave it. */
  readonly createdAt: string | null;
  readonly attempts: number;
  /** The run, which `saveRun` has told of, that made the memory; null: not known, so the note counts as adopted by the run that remembers. */
  readonly made: { readonly runId: RunId; readonly how: 'created' | 'recovered' } | null;
}

export type WitnessAnswer =
  | 'added'
  /** It had failed, was in doubt or released: now it is created. */
  | 'settled'
  | 'known'
  /** The ledger knows that it was undone since. */
  | 'undone'
  /** The ledger knows another memory of it. */
  | 'differs';

export type ClaimAnswer =
  /**
   * Ours to send: it was new, released, undone, or failed in an earlier run. `doubtedSince`: an earlier request of this note lost its
   * answer, and it was claimed then (epoch ms, by the clock that `doubtedSkewMs` corrects): a late memory of it may still turn up, so a closing look is due.
   */
  | { readonly kind: 'claimed'; readonly key: NoteKey; readonly doubtedSince: number | null; readonly doubtedSkewMs: number | null }
  | { readonly kind: 'known'; readonly note: KnownNote }
  /** Another living process works on this note, or on another one of its contact: to be asked again. `note`: which; `by`: for a person. */
  | { readonly kind: 'busy'; readonly note: NoteKey | null; readonly by: string };

/**
 * A ledger that several processes write at the same time. A process is alive as long as its heartbeat is acknowledged; what a dead one had
 * claimed is taken over as doubt. Its steps and looks then change nothing any more, save that a memory whose id it learns late is noted.
 */
export interface SharedLedger {
  /** False: the others may think that this process is dead. Nothing may be created then. */
  isAlive(): boolean;
  /** Resolves when it is alive again, or lost for good, or `stopped`. */
  untilAlive(stopped: AbortSignal): Promise<void>;
  /** Calls back once, with a sentence for a person, when this process can't go on. */
  onLost(listener: (why: string) => void): void;
  /**
   * Takes a note in doubt, and its contact, for a look: as if it were claimed, until it is settled or let go. False: it isn't in doubt any
   * more, or another process works on its contact.
   */
  hold(note: Pick<OpenNote, 'key' | 'contactId'>): Promise<boolean>;
  /** It stays in doubt. */
  letGo(key: NoteKey): Promise<void>;
  /** The note, where it is in doubt and nobody works on it; null: it isn't any more. Also one of this run. */
  inDoubt(key: NoteKey): Promise<OpenNote | null>;
  /** The memory of a note that this process has claimed, where one that had it before learnt of it late. */
  lateMemory(key: NoteKey): Promise<LateMemory | null>;
  /** Runs whose processes are alive. */
  runsUnderWay(): Promise<ReadonlySet<string>>;
}

export interface LateMemory {
  readonly id: string;
  /** The server's time, as it gave it. */
  readonly createdAt: string | null;
}

/** A step of a note's life; the README draws it ("A note in the ledger"). */
export type Transition =
  | {
      readonly key: NoteKey;
      readonly to: 'created';
      readonly memoryId: string | null;
      /** The server's time, as it gave it. */
      readonly createdAt: string | null;
      readonly how: 'created' | 'recovered' | 'adopted';
      readonly attempts: number;
      /** It was sent again after a look: a closing look is due, also if we crash before. */
      readonly closingLook: boolean;
    }
  | {
      readonly key: NoteKey;
      readonly to: 'failed';
      readonly class: FailureClass;
      readonly status: number | null;
      /** Without the note's text. */
      readonly message: string;
      readonly attempts: number;
      /** A request of it lost its answer, and looking said that it isn't there. */
      readonly doubted: boolean;
    }
  /** `since`: epoch milliseconds of the loss. */
  | { readonly key: NoteKey; readonly to: 'in_doubt'; readonly since: number; readonly message: string; readonly attempts: number }
  /** Not there: as if it had never been claimed. `doubted` as above. */
  | { readonly key: NoteKey; readonly to: 'released'; readonly doubted: boolean }
  /** The closing look took place. */
  | { readonly key: NoteKey; readonly to: 'closed' }
  /** Its memory was deleted. Only a created note can be undone; it stays the run's that created it, and can be claimed again. */
  | { readonly key: NoteKey; readonly to: 'undone' };

/** `claimed` and `sending` differ for a reader only: after a crash both mean doubt. A note is `sending` when it is sent at the user's risk. */
export type NoteState = 'claimed' | 'sending' | 'created' | 'failed' | 'in_doubt' | 'released' | 'undone';

export interface KnownNote {
  readonly key: NoteKey;
  readonly state: NoteState;
  /** The run that spoke last of it, and the row it was there. */
  readonly runId: RunId;
  readonly row: string;
  readonly memoryId: string | null;
  readonly createdAt: string | null;
  readonly how: 'created' | 'recovered' | 'adopted' | null;
  readonly inputHash: string | null;
  /** Create requests over all runs. */
  readonly attempts: number;
  /** Where the state is `failed`. */
  readonly failure: { readonly class: FailureClass; readonly status: number | null; readonly message: string } | null;
}

export interface OpenNote {
  readonly key: NoteKey;
  readonly fingerprint: Fingerprint;
  /** `closing`: it is created, and its closing look is due. */
  readonly state: 'in_doubt' | 'closing';
  readonly contactId: string;
  readonly subOrg: string | null;
  /** Empty where it isn't known, see `Witness`. */
  readonly sentHash: string;
  readonly row: string;
  readonly runId: RunId;
  readonly memoryId: string | null;
  /** Epoch milliseconds, our clock at the time: its first request left after this. */
  readonly claimedAt: number;
  /** As `Claim.skewMs`, of that claim. */
  readonly skewMs: number | null;
  /**
   * Since when its answer is missing: when this was first noticed, so that a crash loop doesn't start the wait again. In a shared ledger,
   * where it may have left later, a request's time-out after that.
   */
  readonly since: number;
}

export interface ContactKnowledge {
  /** Ids of every memory that the ledger knows of this contact, in any sub organization, undone ones included. */
  readonly memoryIds: ReadonlySet<string>;
  /** The newest memory of it that isn't undone: a list that doesn't show it proves nothing. */
  readonly newest: string | null;
  /** In no order, of each created note of it whose memory's id couldn't be learnt: the hash of what was sent (empty: not known). One memory of a list is that note's. */
  readonly unidentified: readonly string[];
}

/** What was wrong with a row of a run: what `report` needs to write failures.csv again. No text of the note. */
export interface RunFailure {
  readonly input: number;
  readonly row: number;
  /** Which of the contacts that the row names, from 0. */
  readonly target: number;
  readonly class: FailureClass;
  readonly status: number | null;
  readonly message: string;
  readonly attempts: number;
}

export interface RecordedFailure extends RunFailure {
  /** Grows with each failure that the ledger records, of whichever run. */
  readonly number: number;
}

export interface RunNote {
  readonly key: NoteKey;
  readonly fingerprint: Fingerprint;
  readonly contactId: string;
  readonly subOrg: string | null;
  readonly row: string;
  readonly state: NoteState;
  readonly memoryId: string | null;
  readonly createdAt: string | null;
  readonly how: 'created' | 'recovered' | 'adopted' | null;
  readonly attempts: number;
}

/** A memory that a run made, for `verify` and `undo`. */
export interface CreatedNote {
  readonly key: NoteKey;
  readonly contactId: string;
  readonly subOrg: string | null;
  readonly row: string;
  readonly sentHash: string;
  /** null: its id couldn't be learnt. */
  readonly memoryId: string | null;
  /** The server's time, as it gave it. */
  readonly createdAt: string | null;
  readonly how: 'created' | 'recovered';
  /** As in `OpenNote`. */
  readonly claimedAt: number;
  readonly skewMs: number | null;
}

/** Where a page of created notes ended. */
export type CreatedPosition = Pick<CreatedNote, 'contactId' | 'subOrg' | 'key'>;

export interface CreatedTally {
  /** Created or recovered by the run, and not undone. */
  readonly notes: number;
  /** Of how many contacts. */
  readonly contacts: number;
  readonly undone: number;
  /** Sent by the run, perhaps, and never settled: whether they are there isn't known. */
  readonly inDoubt: number;
}

/** Notes that the run made and that were undone since, and those that weren't. */
export interface UndoneRun {
  /** ISO date-time; null: the undo is under way or was killed, and the numbers are from before it. */
  readonly at: string | null;
  readonly notes: number;
  readonly left: number;
}

/** A run, for `runs` and `report`. */
export interface RunRecord {
  readonly runId: RunId;
  /** ISO date-time. */
  readonly startedAt: string;
  readonly finishedAt: string | null;
  /** `running` in a ledger that nobody holds means: it was killed. */
  readonly status: 'running' | 'completed' | 'completed_with_failures' | 'stopped' | 'interrupted';
  readonly inputs: readonly RunInput[];
  /** The run's folder, as reached from where the command was started. */
  readonly out: string;
  /** Options that change what a row means (mapping, encoding …); never the key. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The summary as JSON, once there is one. */
  readonly summary: unknown;
  /** What undoing it has come to, all undos together; absent: nobody has begun to. */
  readonly undone?: UndoneRun;
  /** What report.html shows beside the summary. Only `run` gives it, not `runs`; runs of earlier versions have none. */
  readonly page?: unknown;
}

export interface RunInput {
  readonly path: string;
  /** The zip archive that this is a part of: `bytes` and `sha256` are the archive's. Absent: a file of its own. */
  readonly archive?: string;
  readonly bytes: number | null;
  /** Hex; null until the input was read to its end, and for standard input. */
  readonly sha256: string | null;
  /** The last row that the run took up: what follows is none of its, though an earlier run may have imported it. null: not known, as of a run that was killed. */
  readonly lastRow: number | null;
}

import { LedgerError } from '../errors.js';
import { assertNever } from '../model.js';
import type { Claim, ClaimAnswer, LearntContact, Ledger, LedgerBatch, RunFailure, Transition } from './ledger.js';

/**
 * Gathers what single rows have to say into the ledger's batches, bounded in rows and in milliseconds: a commit costs more than a request.
 * What somebody waits for (a claim, a flush) is in the next one, what only settles goes along with it, or waits a little for others.
 */
export interface LedgerWriter {
  /** Resolves when the claim is durable. @throws LedgerError */
  claim(claim: Claim): Promise<ClaimAnswer>;
  /** Resolves when the step is durable. @throws LedgerError */
  settle(step: Transition): Promise<void>;
  /** Resolves when the failure of a row that was never claimed is durable. @throws LedgerError */
  fail(failure: RunFailure): Promise<void>;
  /** Goes along with the next commit; nobody waits for it. */
  learn(contact: LearntContact): void;
  /** Resolves when everything said so far is durable. @throws LedgerError */
  flush(): Promise<void>;
}

export interface WriterOptions {
  readonly ledger: Ledger;
  /** Most entries of a commit. */
  readonly maxBatch?: number;
  /** How long a commit that nobody waits for waits for company, in milliseconds. */
  readonly maxDelayMs?: number;
  /** Least time between the beginnings of two commits, in milliseconds, unless one is full. Default: 0. */
  readonly gapMs?: number;
  /** The same where nothing is lost by waiting: see `isPressing`. Default: `gapMs`. */
  readonly longGapMs?: number;
  /** Whether requests would soon have nothing to send without the claims that wait. Asked at each end of the gap. Default: they would. */
  readonly isPressing?: () => boolean;
}

type Entry =
  | {
      readonly kind: 'claim';
      readonly claim: Claim;
      readonly resolve: (answer: ClaimAnswer) => void;
      readonly reject: (error: unknown) => void;
    }
  | { readonly kind: 'settle'; readonly step: Transition; readonly resolve: () => void; readonly reject: (error: unknown) => void }
  | { readonly kind: 'fail'; readonly failure: RunFailure; readonly resolve: () => void; readonly reject: (error: unknown) => void }
  | { readonly kind: 'learn'; readonly contact: LearntContact; readonly resolve: () => void; readonly reject: (error: unknown) => void }
  /** Writes nothing: it resolves when all that stands before it is durable. */
  | { readonly kind: 'flush'; readonly resolve: () => void; readonly reject: (error: unknown) => void };

/** How urgent a commit is; a higher one includes the lower ones. */
const NOTHING = 0;
const WITH_OTHERS = 1;
const NEXT = 2;
const AT_ONCE = 3;

export function createLedgerWriter(options: WriterOptions): LedgerWriter {
  const { ledger, maxBatch = 512, maxDelayMs = 10, gapMs = 0, longGapMs = gapMs, isPressing = () => true } = options;
  const entries: Entry[] = [];
  let committing = false;
  /** What a timer has begun to wait for. */
  let planned = NOTHING;
  let cancel = (): void => {};
  let begunAt = Number.NEGATIVE_INFINITY;
  // Once a commit has failed nothing more is written: the order of a note's life would be broken. What is open is looked at by the next run.
  let failure: LedgerError | null = null;

  const commitOne = async (): Promise<void> => {
    begunAt = performance.now();
    const batch = entries.splice(0, maxBatch);
    try {
      if (failure !== null) throw failure;
      resolveAll(batch, await ledger.commit(toLedgerBatch(batch)));
    } catch (error) {
      failure ??= error instanceof LedgerError ? error : new LedgerError('The ledger failed.', { cause: error });
      for (const entry of batch) entry.reject(failure);
    }
  };

  const commit = (): void => {
    planned = NOTHING;
    committing = true;
    void commitOne().finally(() => {
      committing = false;
      endFlushes();
      if (entries.length > 0) plan(entries.length < maxBatch ? NEXT : AT_ONCE);
    });
  };

  /** Those at the head: all that stood before them is durable, or has failed. */
  const endFlushes = (): void => {
    for (let first = entries[0]; first?.kind === 'flush'; first = entries[0]) {
      entries.shift();
      if (failure === null) first.resolve();
      else first.reject(failure);
    }
  };

  const plan = (urgency: number): void => {
    cancel();
    planned = urgency;
    const sinceLastMs = performance.now() - begunAt;
    const waitMs = urgency === AT_ONCE ? 0 : Math.max(gapMs - sinceLastMs, urgency === WITH_OTHERS ? maxDelayMs : 0);
    if (waitMs > 0) wait(waitMs);
    else {
      // Whatever else is ready now shares the commit.
      const immediate = setImmediate(due);
      cancel = () => clearImmediate(immediate);
    }
  };

  const wait = (ms: number): void => {
    const timer = setTimeout(due, ms);
    cancel = () => clearTimeout(timer);
  };

  const due = (): void => {
    const mayWait = planned === NEXT && performance.now() - begunAt < longGapMs && !isPressing();
    if (mayWait) wait(Math.max(1, gapMs));
    else commit();
  };

  const add = (entry: Entry): void => {
    entries.push(entry);
    // The commit that is under way is followed by one of all that came meanwhile.
    if (committing) return;
    const isAwaited = entry.kind === 'claim' || entry.kind === 'flush';
    const urgency = entries.length >= maxBatch ? AT_ONCE : isAwaited ? NEXT : WITH_OTHERS;
    if (urgency > planned) plan(urgency);
  };

  return {
    claim: (claim) => new Promise((resolve, reject) => add({ kind: 'claim', claim, resolve, reject })),
    settle: (step) => new Promise((resolve, reject) => add({ kind: 'settle', step, resolve, reject })),
    learn: (contact) => add({ kind: 'learn', contact, resolve: () => {}, reject: () => {} }),
    fail: (row) => new Promise((resolve, reject) => add({ kind: 'fail', failure: row, resolve, reject })),
    flush() {
      if (entries.length === 0 && !committing) return failure === null ? Promise.resolve() : Promise.reject(failure);
      return new Promise((resolve, reject) => add({ kind: 'flush', resolve, reject }));
    },
  };
}

function toLedgerBatch(batch: readonly Entry[]): LedgerBatch {
  const claims: Claim[] = [];
  const transitions: Transition[] = [];
  const failures: RunFailure[] = [];
  const contacts: LearntContact[] = [];
  for (const entry of batch) {
    if (entry.kind === 'claim') claims.push(entry.claim);
    else if (entry.kind === 'settle') transitions.push(entry.step);
    else if (entry.kind === 'fail') failures.push(entry.failure);
    else if (entry.kind === 'learn') contacts.push(entry.contact);
  }
  return { claims, transitions, failures, contacts };
}

function resolveAll(batch: readonly Entry[], answers: readonly ClaimAnswer[]): void {
  let next = 0;
  for (const entry of batch) {
    switch (entry.kind) {
      case 'claim': {
        const answer = answers[next++];
        if (answer === undefined) entry.reject(new LedgerError('The ledger answered fewer claims than it was asked.'));
        else entry.resolve(answer);
        break;
      }
      case 'settle':
      case 'fail':
      case 'learn':
      case 'flush':
        entry.resolve();
        break;
      default:
        assertNever(entry);
    }
  }
}

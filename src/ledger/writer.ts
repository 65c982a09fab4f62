import { LedgerError } from '../errors.js';
import { assertNever } from '../model.js';
import type { Claim, ClaimAnswer, LearntContact, Ledger, LedgerBatch, RunFailure, Transition } from './ledger.js';

/**
 * Gathers what single rows have to say into the ledger's batches: bounded in rows and in milliseconds. A claim doesn't wait for more to
 * come than what is ready now, since a slot may be idle for it; what only settles waits a little, or goes along with the next claim's commit.
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
  /** Longest that a settlement waits for company, in milliseconds. */
  readonly maxDelayMs?: number;
  /**
   * Least time between the beginnings of two commits, in milliseconds, unless one is full: at a limited rate each claim would have a commit
   * of its own, which costs more than the request. Default: 0.
   */
  readonly gapMs?: number;
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

export function createLedgerWriter({ ledger, maxBatch = 512, maxDelayMs = 10, gapMs = 0 }: WriterOptions): LedgerWriter {
  const entries: Entry[] = [];
  let committing = false;
  let timer: NodeJS.Timeout | null = null;
  /** The next commit is at hand: at the end of this turn of the event loop, or when the gap is over. */
  let next: 'none' | 'this turn' | 'after the gap' = 'none';
  let begunAt = Number.NEGATIVE_INFINITY;
  // Once a commit has failed nothing more is written: the order of a note's life would be broken. What is open is looked at by the next run.
  let failure: LedgerError | null = null;

  const commitOne = async (): Promise<void> => {
    begunAt = performance.now();
    const batch = entries.splice(0, maxBatch);
    try {
      if (failure !== null) throw failure;
      const isWriting = batch.some((entry) => entry.kind !== 'flush');
      resolveAll(batch, isWriting ? await ledger.commit(toLedgerBatch(batch)) : []);
    } catch (error) {
      failure ??= error instanceof LedgerError ? error : new LedgerError('The ledger failed.', { cause: error });
      for (const entry of batch) entry.reject(failure);
    }
  };

  const commit = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    next = 'none';
    if (committing || entries.length === 0) return;
    committing = true;
    void commitOne().finally(() => {
      committing = false;
      if (entries.length === 0) return;
      const waitMs = msUntilNext();
      if (waitMs <= 0) commit();
      else timer ??= setTimeout(commit, waitMs);
    });
  };

  /** Until the next commit may begin. */
  const msUntilNext = (): number => {
    const isUrgent = entries.length >= maxBatch || entries.some(({ kind }) => kind === 'flush');
    return isUrgent ? 0 : begunAt + gapMs - performance.now();
  };

  const add = (entry: Entry): void => {
    entries.push(entry);
    // The commit that is under way is followed by one of all that came meanwhile.
    if (committing || next === 'this turn') return;
    const isFull = entries.length >= maxBatch;
    if (next === 'after the gap' && !isFull) return;
    if (entry.kind !== 'claim' && !isFull) {
      timer ??= setTimeout(commit, maxDelayMs);
      return;
    }
    const waitMs = msUntilNext();
    if (waitMs > 0) {
      next = 'after the gap';
      setTimeout(commit, waitMs);
    } else {
      next = 'this turn';
      // Whatever else is ready now shares the commit.
      setImmediate(commit);
    }
  };

  return {
    claim: (claim) => new Promise((resolve, reject) => add({ kind: 'claim', claim, resolve, reject })),
    settle: (step) => new Promise((resolve, reject) => add({ kind: 'settle', step, resolve, reject })),
    learn: (contact) => add({ kind: 'learn', contact, resolve: () => {}, reject: () => {} }),
    fail: (row) => new Promise((resolve, reject) => add({ kind: 'fail', failure: row, resolve, reject })),
    flush: () =>
      new Promise((resolve, reject) => {
        entries.push({ kind: 'flush', resolve, reject });
        commit();
      }),
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

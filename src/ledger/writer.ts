import { LedgerError } from '../errors.js';
import { assertNever } from '../model.js';
import type { Claim, ClaimAnswer, LearntContact, Ledger, LedgerBatch, RunFailure, Transition } from './ledger.js';

/**
 * Gathers what single rows have to say into the ledger's batches: bounded in rows and in milliseconds. A claim doesn't wait for more to
 * come than what is ready now, since a slot may be idle for it, and a flush as little; what only settles waits a little, or goes along with
 * the next commit.
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
   * Least time between the beginnings of two commits, in milliseconds: at a limited rate each claim would have a commit of its own, which
   * costs more than the request. Default: 0.
   */
  readonly gapMs?: number;
  /** So many claims don't wait for the end of the gap: slots would soon be idle. Default: as many as fit into a commit. */
  readonly enoughClaims?: number;
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

/** What an entry, or the number of them, asks for; a higher one includes the lower ones. */
const NOTHING = 0;
/** In `maxDelayMs`: nobody waits for it. */
const WITH_OTHERS = 1;
/** Now, together with whatever else is ready, but not before the gap is over. */
const NEXT = 2;
const AT_ONCE = 3;

export function createLedgerWriter({
  ledger,
  maxBatch = 512,
  maxDelayMs = 10,
  gapMs = 0,
  enoughClaims = maxBatch,
}: WriterOptions): LedgerWriter {
  const entries: Entry[] = [];
  /** Claims among them. */
  let claims = 0;
  let committing = false;
  /** How urgent the next commit is that a timer has begun to wait for. */
  let planned = NOTHING;
  let cancel = (): void => {};
  let begunAt = Number.NEGATIVE_INFINITY;
  // Once a commit has failed nothing more is written: the order of a note's life would be broken. What is open is looked at by the next run.
  let failure: LedgerError | null = null;

  const commitOne = async (): Promise<void> => {
    begunAt = performance.now();
    const batch = entries.splice(0, maxBatch);
    for (const { kind } of batch) if (kind === 'claim') claims--;
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
    planned = NOTHING;
    committing = true;
    void commitOne().finally(() => {
      committing = false;
      if (entries.length > 0) plan(isEnough() ? AT_ONCE : NEXT);
    });
  };

  const plan = (urgency: number): void => {
    cancel();
    planned = urgency;
    const sinceLastMs = urgency === AT_ONCE ? gapMs : performance.now() - begunAt;
    const waitMs = Math.max(gapMs - sinceLastMs, urgency === WITH_OTHERS ? maxDelayMs : 0);
    if (waitMs > 0) {
      const timer = setTimeout(commit, waitMs);
      cancel = () => clearTimeout(timer);
    } else {
      // Whatever else is ready now shares the commit.
      const immediate = setImmediate(commit);
      cancel = () => clearImmediate(immediate);
    }
  };

  const isEnough = (): boolean => entries.length >= maxBatch || claims >= enoughClaims;

  const add = (entry: Entry): void => {
    entries.push(entry);
    if (entry.kind === 'claim') claims++;
    // The commit that is under way is followed by one of all that came meanwhile.
    if (committing) return;
    const isAwaited = entry.kind === 'claim' || entry.kind === 'flush';
    const urgency = isEnough() ? AT_ONCE : isAwaited ? NEXT : WITH_OTHERS;
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

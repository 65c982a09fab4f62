import type { CreateAnswer } from '../callers/api.js';
import type { LateMemory } from '../ledger/ledger.js';
import type { Clock, Draft, Emit, RowFailure } from '../model.js';
import { assertNever } from '../model.js';
import type { Gate } from './gate.js';
import type { Doubt, Finding, Looker } from './look.js';
import { backoffMs, TryAgain, withRetries } from './retry.js';

/** How the sending of one claimed note ended. */
export type Delivery =
  | {
      readonly kind: 'created' | 'recovered';
      readonly memoryId: string | null;
      readonly createdAt: string | null;
      readonly attempts: number;
      /** It was sent again after a look: copies may turn up late. */
      readonly sentAgain: boolean;
      readonly surplus: readonly string[];
    }
  /** `doubted`: a request of it lost its answer, and looking said that nothing is there. */
  | { readonly kind: 'failed'; readonly failure: RowFailure; readonly doubted: boolean }
  | { readonly kind: 'in_doubt'; readonly since: number; readonly message: string; readonly attempts: number }
  /** The run stopped first. `since`: the answer of a request is missing since then; null: certainly not there. */
  | { readonly kind: 'abandoned'; readonly since: number | null; readonly attempts: number; readonly doubted: boolean };

export interface DeliverOptions {
  readonly gate: Gate;
  readonly looker: Looker;
  readonly clock: Clock;
  readonly stopped: AbortSignal;
  readonly emit: Emit;
  readonly retries: number;
  readonly giveUpAfterMs: number;
  readonly inDoubt: 'reconcile' | 'resend' | 'report';
}

export interface NoteToDeliver {
  readonly draft: Draft;
  readonly label: string;
  readonly claimedAt: number;
  /** Of the claim's clock, see `Doubt`. */
  readonly skewMs: Doubt['skewMs'];
  readonly doubtedBefore: boolean;
  /** Asked before it is sent again: what another process, which had claimed it before, has learnt of it since. */
  readonly lateMemory: () => Promise<LateMemory | null>;
  /** Called when the first request has ended or will never leave. */
  readonly onFirstAnswer: () => void;
}

const NONE: readonly string[] = [];

interface Loss {
  readonly since: number;
  readonly class: 'server_error' | 'network';
  readonly status: number | null;
  readonly message: string;
}

/**
 * Sends one note until it is known to be there, known not to be, or in doubt. Retried only where that can't make a second memory: after a
 * lost answer the contact's list is asked first.
 */
export async function deliver(note: NoteToDeliver, options: DeliverOptions): Promise<Delivery> {
  if (note.doubtedBefore) return goOn(note, options, null);
  // Hot: almost every note is created by its first request. What a failure needs is made ready only where there is one.
  const first = await options.gate.create(note.draft, false);
  const memory = first?.verdict.kind === 'created' ? first.verdict.memory : null;
  if (first === null || memory === null) return goOn(note, options, { answer: first });
  note.onFirstAnswer();
  return { kind: 'created', memoryId: memory.id, createdAt: memory.createdAt, attempts: 1, sentAgain: false, surplus: NONE };
}

/** @param first what came of the first request; null: it hasn't been sent */
async function goOn(
  note: NoteToDeliver,
  options: DeliverOptions,
  first: { readonly answer: CreateAnswer | null } | null,
): Promise<Delivery> {
  const { gate, looker, clock, stopped } = options;
  const { draft } = note;
  let attempts = 0;
  let loss: Loss | null = null;
  /** Since when an answer is missing that nobody looked for (`--in-doubt resend`): whatever follows, no failure is known to be one. */
  let unlooked: number | null = note.doubtedBefore && options.inDoubt === 'resend' ? clock.now() : null;
  let failedAlone = false;
  let doubted = note.doubtedBefore;
  let lastFailure: RowFailure | null = null;
  let given = first;
  /** Told when the row really was sent again: a look may find that it needn't be, or no connection may be had. */
  let announceRetry: (() => void) | null = null;

  const fail = (part: Pick<RowFailure, 'class' | 'status' | 'message'>, details: unknown = null): RowFailure => {
    const { class: failureClass, status, message } = part;
    return { kind: 'failed', class: failureClass, status, message, details, attempts };
  };

  /** The row's tries ended without a word on the note itself. */
  const ended = (failure: RowFailure): Delivery =>
    unlooked === null
      ? { kind: 'failed', failure, doubted }
      : { kind: 'in_doubt', since: unlooked, message: `${failure.message}; not looked for (--in-doubt resend)`, attempts };

  const doubt = (since: number): Doubt => ({ ...draft, row: note.label, claimedAt: note.claimedAt, skewMs: note.skewMs, since });

  const recovered = ({ memory, surplus }: Extract<Finding, { kind: 'present' }>): Delivery => ({
    kind: 'recovered',
    memoryId: memory.id,
    createdAt: memory.createdAtText,
    attempts,
    sentAgain: attempts > 1 || note.doubtedBefore,
    surplus: surplus.map(({ id }) => id),
  });

  /** It was looked for and not there, perhaps hours ago: what turned up since needn't be made again. Other findings take nothing back. */
  const turnedUp = async (): Promise<Delivery | null> => {
    if (options.inDoubt !== 'reconcile') return null;
    const finding = await looker.once(doubt(note.claimedAt));
    return finding.kind === 'present' ? recovered(finding) : null;
  };

  /** Asks whether the lost request made the memory. null: it did not, or may be sent again at the user's risk: go on. */
  const lookFor = async ({ since, message }: Loss): Promise<Delivery | null> => {
    doubted = true;
    if (options.inDoubt === 'resend') {
      unlooked = since;
      return null;
    }
    const finding = await looker.settle(doubt(since));
    switch (finding.kind) {
      case 'present':
        return recovered(finding);
      case 'absent':
        return null;
      case 'unproven':
        return { kind: 'in_doubt', since, message: `${message}; ${finding.why}`, attempts };
      case 'stopped':
        return { kind: 'abandoned', since, attempts, doubted };
      default:
        return assertNever(finding);
    }
  };

  /** One try of those that `--retries` counts. What the whole run suffers from (429, an outage) is waited for inside. */
  const attempt = async (): Promise<Delivery> => {
    let refusedSince: number | null = null;
    for (let refusals = 1; ; ) {
      if (loss !== null) {
        const settled = await lookFor(loss);
        if (settled !== null) return settled;
        loss = null;
      }
      const late = note.doubtedBefore ? await note.lateMemory() : null;
      if (late !== null)
        return { kind: 'recovered', memoryId: late.id, createdAt: late.createdAt, attempts, sentAgain: attempts > 0, surplus: [] };
      const answer = given === null ? await gate.create(draft, failedAlone) : given.answer;
      given = null;
      if (answer === null) return { kind: 'abandoned', since: unlooked, attempts, doubted };
      const { verdict } = answer;
      if (verdict.kind !== 'not_sent') {
        attempts++;
        announceRetry?.();
        announceRetry = null;
      }
      note.onFirstAnswer();
      switch (verdict.kind) {
        case 'created':
          return verdict.memory === null ? await unidentified() : createdAs(verdict.memory.id, verdict.memory.createdAt);
        case 'refused':
          return ended(fail(verdict, verdict.details));
        case 'unauthorized':
          return { kind: 'abandoned', since: unlooked, attempts, doubted };
        case 'rate_limited': {
          const now = clock.now();
          refusedSince ??= now;
          const patience = refusedSince + options.giveUpAfterMs - now;
          lastFailure = fail({ class: 'rate_limited', status: verdict.status, message: verdict.message });
          const wait = verdict.retryAfterMs ?? backoffMs(refusals++, clock.random());
          // Not asked again before the time that the API named.
          await clock.sleep(Math.min(wait, patience), stopped);
          if (gate.outOfPatience() || (wait >= patience && !stopped.aborted)) return ended(lastFailure);
          if (stopped.aborted) return { kind: 'abandoned', since: unlooked, attempts, doubted };
          break;
        }
        case 'not_sent': {
          lastFailure = fail({ class: 'network', status: null, message: verdict.message });
          if ((await gate.creates.decide(clock.now())) !== 'outage') throw new TryAgain(verdict.message);
          break;
        }
        case 'doubt': {
          loss = { since: clock.now(), class: verdict.class, status: verdict.status, message: verdict.message };
          lastFailure = fail(loss);
          if (options.inDoubt === 'report') {
            const message = `${loss.message}; not looked for (--in-doubt report)`;
            return { kind: 'in_doubt', since: loss.since, message, attempts };
          }
          const fault = await gate.creates.decide(loss.since);
          if (fault === 'outage') break;
          failedAlone ||= fault === 'row';
          throw new TryAgain(verdict.message);
        }
        default:
          assertNever(verdict);
      }
    }
  };

  const createdAs = (memoryId: string | null, createdAt: string | null): Delivery => ({
    kind: 'created',
    memoryId,
    createdAt,
    attempts,
    sentAgain: doubted && (attempts > 1 || note.doubtedBefore),
    surplus: NONE,
  });

  /** A 201 is created whatever its body; an id that can't be read is learnt by looking. */
  const unidentified = async (): Promise<Delivery> => {
    const finding = options.inDoubt === 'report' ? null : await looker.settle(doubt(clock.now()));
    if (finding?.kind !== 'present') return createdAs(null, null);
    return createdAs(finding.memory.id, finding.memory.createdAtText);
  };

  try {
    const late = note.doubtedBefore ? await turnedUp() : null;
    if (late !== null) return late;
    return await withRetries(attempt, {
      retries: options.retries,
      clock,
      stopped,
      onRetry: (number, delayMs, message) => {
        announceRetry = () => options.emit({ type: 'retry', row: note.label, attempt: number, delayMs, message });
      },
    });
  } catch (error) {
    if (!(error instanceof TryAgain) || lastFailure === null) throw error;
    // The retries are used up. `loss` was set inside `attempt`, which the compiler doesn't follow.
    const open = loss as Loss | null;
    const settled = open === null ? null : await lookFor(open);
    return settled ?? ended(lastFailure);
  } finally {
    note.onFirstAnswer();
  }
}

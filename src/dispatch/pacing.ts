import { createRateSearch } from './rate-search.js';

/**
 * When the next request may leave: a pure controller over events, all times in milliseconds of one clock.
 *
 * Pace is a rate, not a width: requests leave evenly, at the user's rate or at the one that `createRateSearch` finds. Only where nothing
 * but refusals come back do all requests wait.
 */
export interface Pace {
  /** Milliseconds until the next request may leave; 0: now. */
  delayMs(now: number): number;
  /** A request leaves. What is returned comes back with its answer. */
  left(now: number): PaceTicket;
  /** An answer other than 429 came. */
  delivered(now: number): void;
  /** A 429 came. `retryAfterMs`: what it asks for, if it does. */
  refused(now: number, refusal: { readonly ticket: PaceTicket; readonly retryAfterMs: number | null }): void;
  /** RateLimit headers of an answer that wasn't a 429. */
  hinted(now: number, hint: { readonly remaining: number | null; readonly resetMs: number | null }): void;
  /** Requests a second; null: no bound. */
  readonly ratePerSecond: number | null;
  /** Everything waits until then, since everything was refused. */
  readonly heldUntil: number;
  /** Since when nothing but 429s have come back; null where something else did. */
  readonly refusedSince: number | null;
}

/** The pace at which a request left. */
export type PaceTicket = number;

export interface PaceOptions {
  /** The user's bound in requests a second; null: none. */
  readonly rate: number | null;
  /** 429s in a row, with no other answer between them, that mean "everything is refused". */
  readonly refusalsThatStop: number;
}

/** What a late timer may catch up, so that a rate is really reached. */
const CATCH_UP_MS = 50;
const MAX_HINTED_HOLD_MS = 60_000;
const FIRST_HOLD_MS = 1000;
const MAX_HOLD_MS = 60_000;
/** A limit of so many a second lets nothing through for the rest of its second: that is no reason to wait for more. */
const SILENT_MS = 1200;

export function createPace({ rate, refusalsThatStop }: PaceOptions): Pace {
  const search = createRateSearch();
  const ownBound = rate === null ? null : createSendWindow(rate);
  let nextAt = Number.NEGATIVE_INFINITY;
  let heldUntil = Number.NEGATIVE_INFINITY;
  let lastDelivered = Number.NEGATIVE_INFINITY;
  let refusalsInARow = 0;
  let shortestRetryAfterMs: number | null = null;
  let holds = 0;
  let refusedSince: number | null = null;
  let lastHinted = false;

  const bound = (): number | null => {
    const { allowed } = search;
    if (allowed === null) return rate;
    return rate === null ? allowed : Math.min(rate, allowed);
  };

  return {
    delayMs(now) {
      return Math.max(0, heldUntil - now, bound() === null ? 0 : nextAt - now, ownBound === null ? 0 : ownBound.fullUntil - now);
    },
    left(now) {
      ownBound?.left(now);
      const perSecond = bound();
      if (perSecond !== null) {
        const interval = 1000 / perSecond;
        nextAt = Math.max(nextAt, now - Math.min(CATCH_UP_MS, interval * 8)) + interval;
      }
      return search.epoch;
    },
    delivered(now) {
      lastDelivered = now;
      refusalsInARow = 0;
      refusedSince = null;
      holds = 0;
      search.accepted(now);
    },
    refused(now, { ticket, retryAfterMs }) {
      if (refusalsInARow++ === 0) shortestRetryAfterMs = retryAfterMs;
      // One absurd value among many holds nobody but its own request.
      else if (retryAfterMs !== null) shortestRetryAfterMs = Math.min(retryAfterMs, shortestRetryAfterMs ?? retryAfterMs);
      refusedSince ??= now;
      const { epoch } = search;
      search.refused(now, ticket);
      const perSecond = bound();
      if (search.epoch !== epoch && perSecond !== null) nextAt = Math.max(nextAt, now + 1000 / perSecond);
      if (refusalsInARow < refusalsThatStop || heldUntil > now || now - lastDelivered < SILENT_MS) return;
      heldUntil = now + (shortestRetryAfterMs ?? Math.min(MAX_HOLD_MS, FIRST_HOLD_MS * 2 ** holds));
      holds++;
    },
    hinted(now, { remaining, resetMs }) {
      const exhausted = remaining === 0 && resetMs !== null && resetMs > 0;
      // A server that says "none left" and goes on answering doesn't mean it: believed once, not twice in a row.
      if (exhausted && !lastHinted) heldUntil = Math.max(heldUntil, now + Math.min(resetMs, MAX_HINTED_HOLD_MS));
      lastHinted = exhausted;
    },
    get ratePerSecond() {
      return bound();
    },
    get heldUntil() {
      return heldUntil;
    },
    get refusedSince() {
      return refusedSince;
    },
  };
}

/** As long as a request may be late on its way, so that no more of them arrive within a second than left within one. */
const WINDOW_SLACK = 1.005;
const MOST_IN_WINDOW = 1 << 16;

/**
 * The user's bound, kept exactly: in any second leave no more requests than that, though a late timer catches up. An API that counts
 * sliding seconds refuses each one above it, and where it is refused a run slows down.
 */
function createSendWindow(rate: number): { readonly fullUntil: number; left(now: number): void } {
  const size = Math.min(MOST_IN_WINDOW, Math.max(1, Math.ceil(rate)));
  const windowMs = (size / rate) * 1000 * WINDOW_SLACK;
  /** When the last ones left, the oldest at `oldest`. */
  const times = new Float64Array(size).fill(Number.NEGATIVE_INFINITY);
  let oldest = 0;
  return {
    get fullUntil() {
      return times[oldest]! + windowMs;
    },
    left(now) {
      times[oldest] = now;
      oldest = (oldest + 1) % size;
    },
  };
}

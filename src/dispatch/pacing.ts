/**
 * How fast requests may leave: a pure controller over events, all times in milliseconds of one clock.
 *
 * Pace is a rate, not a width: when 429s start, what still comes through is what the API allows. The pace goes just under the measured
 * delivery rate and creeps up again while nothing is refused. Only where nothing but refusals come back do all requests wait.
 */
export interface Pace {
  /** Milliseconds until the next request may leave; 0: now. */
  delayMs(now: number): number;
  /** A request leaves. */
  left(now: number): void;
  /** An answer other than 429 came. */
  delivered(now: number): void;
  /** A 429 came. `retryAfterMs`: what it asks for, if it does. */
  refused(now: number, retryAfterMs: number | null): void;
  /** RateLimit headers of an answer that wasn't a 429. */
  hinted(now: number, hint: { readonly remaining: number | null; readonly resetMs: number | null }): void;
  /** Requests a second; null: no bound. */
  readonly ratePerSecond: number | null;
  /** Since when nothing but 429s have come back; null where something else did. */
  readonly refusedSince: number | null;
}

export interface PaceOptions {
  /** The user's bound in requests a second; null: none. */
  readonly rate: number | null;
  /** 429s in a row, with no other answer between them, that mean "everything is refused". */
  readonly refusalsThatStop: number;
}

/** One cut answers all the refusals of requests that were under way when the first came. */
const CUT_INTERVAL_MS = 1000;
const CUT_TO = 0.9;
const RAISE_AFTER_MS = 2000;
const RAISE_BY = 1.08;
const LOWEST_RATE = 0.2;
/**
 * A server that refuses some requests at random refuses them at any pace, and would bring the run to a crawl. So no pace goes below this
 * share of the best that was delivered.
 */
const LOWEST_SHARE_OF_BEST = 0.1;
const BEST_FROM_MS = 1000;
/** A bound that is so far above what is used holds nobody: it is lifted. */
const LIFT_ABOVE = 4;
const WINDOW_MS = 3000;
const BUCKET_MS = 100;
/** What a late timer may catch up, so that a rate is really reached. */
const CATCH_UP_MS = 50;
const MAX_HINTED_HOLD_MS = 60_000;
const FIRST_HOLD_MS = 1000;
const MAX_HOLD_MS = 60_000;

export function createPace({ rate, refusalsThatStop }: PaceOptions): Pace {
  const deliveries = createCounter();
  let allowed: number | null = null;
  let nextAt = Number.NEGATIVE_INFINITY;
  let heldUntil = Number.NEGATIVE_INFINITY;
  let lastCut = Number.NEGATIVE_INFINITY;
  let lastRaise = Number.NEGATIVE_INFINITY;
  let refusalsInARow = 0;
  let holds = 0;
  let refusedSince: number | null = null;
  let lastHinted = false;
  let firstDelivery: number | null = null;
  let best = 0;

  const effective = (): number | null => {
    if (allowed === null) return rate;
    return rate === null ? allowed : Math.min(rate, allowed);
  };

  return {
    delayMs(now) {
      const held = heldUntil - now;
      const spaced = effective() === null ? 0 : nextAt - now;
      return Math.max(0, held, spaced);
    },
    left(now) {
      const bound = effective();
      if (bound === null) return;
      const interval = 1000 / bound;
      nextAt = Math.max(nextAt, now - Math.min(CATCH_UP_MS, interval * 8)) + interval;
    },
    delivered(now) {
      deliveries.add(now);
      firstDelivery ??= now;
      refusalsInARow = 0;
      refusedSince = null;
      holds = 0;
      if (allowed === null || now - lastCut < RAISE_AFTER_MS || now - lastRaise < CUT_INTERVAL_MS) return;
      lastRaise = now;
      allowed *= RAISE_BY;
      if (allowed > LIFT_ABOVE * Math.max(1, deliveries.perSecond(now))) allowed = null;
    },
    refused(now, retryAfterMs) {
      refusalsInARow++;
      refusedSince ??= now;
      if (now - lastCut >= CUT_INTERVAL_MS) {
        lastCut = now;
        const measured = deliveries.perSecond(now);
        const before = effective();
        const basis = measured > 0 ? measured : (before ?? 2) / 2;
        // The first moments say little: a bucket's burst looks like a rate.
        if (firstDelivery !== null && now - firstDelivery >= BEST_FROM_MS) best = Math.max(best, measured);
        const lowest = Math.max(LOWEST_RATE, best * LOWEST_SHARE_OF_BEST);
        allowed = Math.min(before ?? Number.POSITIVE_INFINITY, Math.max(lowest, basis * CUT_TO));
        nextAt = Math.max(nextAt, now + 1000 / allowed);
      }
      if (refusalsInARow >= refusalsThatStop && heldUntil <= now) {
        heldUntil = now + (retryAfterMs ?? Math.min(MAX_HOLD_MS, FIRST_HOLD_MS * 2 ** holds));
        holds++;
      }
    },
    hinted(now, { remaining, resetMs }) {
      const exhausted = remaining === 0 && resetMs !== null && resetMs > 0;
      // A server that says "none left" and goes on answering doesn't mean it: believed once, not twice in a row.
      if (exhausted && !lastHinted) heldUntil = Math.max(heldUntil, now + Math.min(resetMs, MAX_HINTED_HOLD_MS));
      lastHinted = exhausted;
    },
    get ratePerSecond() {
      return effective();
    },
    get refusedSince() {
      return refusedSince;
    },
  };
}

/** Events a second over the last three seconds, or since the first one where that is less. */
function createCounter() {
  const buckets = new Float64Array(WINDOW_MS / BUCKET_MS);
  let first: number | null = null;
  let last = 0; // number of the newest bucket
  const advance = (now: number): void => {
    const current = Math.floor(now / BUCKET_MS);
    if (first === null) {
      first = now;
      last = current;
    }
    for (let i = Math.max(last + 1, current - buckets.length + 1); i <= current; i++) buckets[i % buckets.length] = 0;
    last = Math.max(last, current);
  };
  return {
    add(now: number): void {
      advance(now);
      buckets[last % buckets.length]! += 1;
    },
    perSecond(now: number): number {
      advance(now);
      const seconds = Math.min(WINDOW_MS, Math.max(BUCKET_MS, now - (first ?? now))) / 1000;
      return buckets.reduce((sum, n) => sum + n, 0) / seconds;
    },
  };
}

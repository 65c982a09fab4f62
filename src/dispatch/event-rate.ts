/** How many events there were lately, in constant memory: one number for each 50 ms of three seconds. Times are milliseconds of one clock. */
export interface EventRate {
  add(now: number): void;
  /** Events of the last `ms`, the present moment included. At most 3000. */
  count(now: number, ms: number): number;
  /** Events a second over the last three seconds, or since the first one where that is less. */
  perSecond(now: number): number;
}

const WINDOW_MS = 3000;
const BUCKET_MS = 50;
const BUCKETS = WINDOW_MS / BUCKET_MS + 1; // the newest is still being filled

export function createEventRate(): EventRate {
  const buckets = new Float64Array(BUCKETS);
  let first: number | null = null;
  let newest = 0;

  const advance = (now: number): void => {
    const current = Math.floor(now / BUCKET_MS);
    if (first === null) {
      first = now;
      newest = current;
    }
    for (let i = Math.max(newest + 1, current - BUCKETS + 1); i <= current; i++) buckets[i % BUCKETS] = 0;
    newest = Math.max(newest, current);
  };

  const sum = (ms: number, newestIncluded: boolean): number => {
    const from = newestIncluded ? 0 : 1;
    let events = 0;
    for (let i = from; i < ms / BUCKET_MS + from; i++) events += buckets[(newest - i + 2 * BUCKETS) % BUCKETS]!;
    return events;
  };

  return {
    add(now) {
      advance(now);
      buckets[newest % BUCKETS]! += 1;
    },
    count(now, ms) {
      advance(now);
      return sum(ms, true);
    },
    perSecond(now) {
      advance(now);
      const elapsed = Math.min(WINDOW_MS, Math.max(BUCKET_MS, now - (first ?? now)));
      return (sum(WINDOW_MS, false) * 1000) / elapsed;
    },
  };
}

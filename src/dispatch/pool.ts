import pLimit from 'p-limit';

/** The bounded pool: at most `concurrency` requests are under way. */
export interface Pool {
  /** Runs `request` once a slot is free. Its queue is bounded by the window: each waiting row has a permit. */
  run<T>(request: () => Promise<T>): Promise<T>;
  /** Requests that wait for a slot. */
  readonly waiting: number;
}

export function createPool(concurrency: number): Pool {
  const limit = pLimit(concurrency);
  return {
    run: (request) => limit(request),
    get waiting() {
      return limit.pendingCount;
    },
  };
}

import pRetry from 'p-retry';
import type { Clock } from '../model.js';

/** Thrown by an attempt that may be repeated; anything else that is thrown is a bug and isn't. */
export class TryAgain extends Error {
  override readonly name = 'TryAgain';
}

export interface RetryOptions {
  /** Tries after the first. */
  readonly retries: number;
  readonly clock: Clock;
  /** Ends the waiting; an attempt under way is never cut off. */
  readonly stopped: AbortSignal;
  readonly onRetry: (attempt: number, delayMs: number, message: string) => void;
}

const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 30_000;

/**
 * Runs `attempt` until it returns, throws something else than `TryAgain`, or the retries are used up (then the last `TryAgain` is thrown).
 * The shutdown signal isn't given to p-retry: it would reject a success that came during the shutdown, and a created memory would be called failed.
 */
export async function withRetries<T>(attempt: () => Promise<T>, { retries, clock, stopped, onRetry }: RetryOptions): Promise<T> {
  let first: TryAgain | null;
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof TryAgain)) throw error;
    first = error;
  }
  // What failed was the first of its attempts: almost no row needs a second one, and each would pay for p-retry's bookkeeping.
  const next = (): Promise<T> => {
    if (first === null) return attempt();
    const failed = Promise.reject(first);
    first = null;
    return failed;
  };
  return pRetry(next, {
    retries,
    factor: 1,
    minTimeout: 0,
    maxTimeout: 0,
    maxRetryTime: Number.POSITIVE_INFINITY,
    randomize: false,
    unref: false,
    shouldConsumeRetry: () => true,
    shouldRetry: ({ error }) => error instanceof TryAgain,
    // p-retry's own delays have no full jitter and can't be ended early, so the wait is here.
    async onFailedAttempt({ error, attemptNumber, retriesLeft }) {
      if (!(error instanceof TryAgain) || retriesLeft === 0) return;
      const delayMs = backoffMs(attemptNumber, clock.random());
      onRetry(attemptNumber, delayMs, error.message);
      await clock.sleep(delayMs, stopped);
    },
  });
}

/** Exponential, capped, with full jitter: anything between nothing and the step, so that rows that failed together don't return together. */
export function backoffMs(attempt: number, random: number): number {
  return Math.round(random * Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (attempt - 1)));
}

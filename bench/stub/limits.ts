import { rateLimiter } from '../../src/sandbox/rate-limit.js';

export const LIMIT_KINDS = ['token bucket', 'fixed window', 'sliding window'] as const;
export type LimitKind = (typeof LIMIT_KINDS)[number];

/** A limit as real APIs have them. */
export interface RateLimit {
  readonly kind: LimitKind;
  readonly perSecond: number;
  /** Requests that a full bucket lets through at once; a token bucket's alone. Default: a second's worth. */
  readonly burst?: number;
}

/** Whether a request that arrives now is let through. `now` in milliseconds, never falling. */
export type Admits = (now: number) => boolean;

export function openLimit(limit: RateLimit, startedAt: number): Admits {
  switch (limit.kind) {
    case 'token bucket':
      return tokenBucket(limit.perSecond, limit.burst ?? limit.perSecond, startedAt);
    case 'fixed window':
      return fixedWindow(limit.perSecond);
    case 'sliding window': {
      const limiter = rateLimiter(limit.perSecond);
      return (now) => limiter.admit(now).admitted;
    }
  }
}

/** Refills evenly, holds at most `burst`. */
function tokenBucket(perSecond: number, burst: number, startedAt: number): Admits {
  let tokens = burst;
  let filledAt = startedAt;
  return (now) => {
    tokens = Math.min(burst, tokens + ((now - filledAt) * perSecond) / 1000);
    filledAt = now;
    if (tokens < 1) return false;
    tokens--;
    return true;
  };
}

/** So many in each second of the clock. */
function fixedWindow(perSecond: number): Admits {
  let second = Number.NEGATIVE_INFINITY;
  let used = 0;
  return (now) => {
    const current = Math.floor(now / 1000);
    if (current !== second) {
      second = current;
      used = 0;
    }
    if (used >= perSecond) return false;
    used++;
    return true;
  };
}

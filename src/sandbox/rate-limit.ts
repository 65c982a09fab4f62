/** Says of each request whether it is within the limit, and what the headers tell the client. */
export interface RateLimiter {
  admit(now: number): { readonly admitted: boolean; readonly headers: Readonly<Record<string, string>> };
}

/**
 * A sliding window: never more than `perSecond` requests within any second (below one a second: one in `1 / perSecond` seconds).
 * Refused requests don't count. Headers: `RateLimit-Limit`, `-Remaining` and `-Reset` in seconds, and `Retry-After` with a refusal.
 * @throws RangeError for a rate that isn't above 0.
 */
export function rateLimiter(perSecond: number): RateLimiter {
  if (!(perSecond > 0 && Number.isFinite(perSecond)))
    throw new RangeError(`expected a rate limit above 0 requests a second; found ${perSecond}`);
  const limit = Math.max(1, Math.floor(perSecond));
  const windowMs = (limit / perSecond) * 1000;
  // The admitted requests' times in a ring: `oldest` is where the oldest one stands, `used` how many are in the window.
  const times = new Float64Array(limit);
  let oldest = 0;
  let used = 0;
  return {
    admit(now) {
      while (used > 0 && times[oldest]! + windowMs <= now) {
        oldest = (oldest + 1) % limit;
        used -= 1;
      }
      const admitted = used < limit;
      if (admitted) {
        times[(oldest + used) % limit] = now;
        used += 1;
      }
      const seconds = String(Math.max(1, Math.ceil((times[oldest]! + windowMs - now) / 1000)));
      const headers = { 'ratelimit-limit': String(limit), 'ratelimit-remaining': String(limit - used), 'ratelimit-reset': seconds };
      return { admitted, headers: admitted ? headers : { ...headers, 'retry-after': seconds } };
    },
  };
}

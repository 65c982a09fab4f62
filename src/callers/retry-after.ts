import type { PacingHint } from './api.js';
import { headerValue, httpDateMs, type ResponseHeaders } from './headers.js';

/**
 * How long the API asks to wait, in milliseconds, at most {@link MAX_RETRY_AFTER_MS}; null where it doesn't say, or says
 * nothing that makes sense. Seconds (decimals too) or an HTTP date, RFC 9110 section 10.2.3. A date is read against the
 * answer's own `Date`, because the server's clock may differ from ours; `receivedAt` (epoch ms) stands in where it is missing.
 */
export function retryAfterMs(headers: ResponseHeaders, receivedAt: number): number | null {
  const value = headerValue(headers, 'retry-after');
  if (value === null) return null;
  const ms = waitMs(value, serverNow(headers, receivedAt));
  return ms === null ? null : Math.min(ms, MAX_RETRY_AFTER_MS);
}

/** The wait for a 429: `Retry-After`, or else when the RateLimit headers say that the window starts again. */
export function refusalWaitMs(headers: ResponseHeaders, receivedAt: number): number | null {
  const asked = retryAfterMs(headers, receivedAt);
  if (asked !== null) return asked;
  const { resetMs } = pacingHint(headers, receivedAt);
  return resetMs === null ? null : Math.min(resetMs, MAX_RETRY_AFTER_MS);
}

/**
 * What the RateLimit headers say of the next requests: `RateLimit-*`, `X-RateLimit-*`, and the IETF's `RateLimit`
 * (draft-ietf-httpapi-ratelimit-headers: `"default";r=0;t=12`, earlier `limit=10, remaining=0, reset=12`).
 */
export function pacingHint(headers: ResponseHeaders, receivedAt: number): PacingHint {
  const remaining = headers['ratelimit-remaining'] ?? headers['x-ratelimit-remaining'];
  const reset = headers['ratelimit-reset'] ?? headers['x-ratelimit-reset'];
  if (remaining === undefined && reset === undefined) {
    const structured = headerValues(headers.ratelimit);
    return structured === null ? NO_PACING : tightestPolicy(structured);
  }
  return {
    remaining: leadingCount(headerValues(remaining)),
    resetMs: sensibleReset(headerValues(reset), serverNow(headers, receivedAt)),
  };
}

/** No word about the next requests. */
export const NO_PACING: PacingHint = { remaining: null, resetMs: null };

/** A longer wait than this is not believed: a typing error of a server must not put an unattended run to sleep for a day. */
export const MAX_RETRY_AFTER_MS = 5 * 60_000;

function serverNow(headers: ResponseHeaders, receivedAt: number): number {
  return httpDateMs(headerValue(headers, 'date')) ?? receivedAt;
}

/** Seconds from now, a moment in epoch seconds or milliseconds, or a date. What is past is 0; nonsense is null. */
function waitMs(value: string, now: number): number | null {
  if (NUMBER.test(value)) {
    const amount = Number(value);
    if (amount >= EPOCH_MS_FROM) return Math.max(0, amount - now);
    if (amount >= EPOCH_SECONDS_FROM) return Math.max(0, amount * 1000 - now);
    return Math.ceil(amount * 1000);
  }
  const moment = httpDateMs(value);
  return moment === null ? null : Math.max(0, moment - now);
}

const NUMBER = /^(?:\d+(?:\.\d*)?|\.\d+)$/;
/** Three years as a wait, 1973 as a moment: certainly a moment. */
const EPOCH_SECONDS_FROM = 1e8;
const EPOCH_MS_FROM = 1e11;

function sensibleReset(value: string | null, now: number): number | null {
  if (value === null) return null;
  const ms = waitMs(value, now);
  return ms === null || ms > LONGEST_WINDOW_MS ? null : ms;
}

const LONGEST_WINDOW_MS = 24 * 3_600_000;

/** `12` and `12, 12;w=60` are both in use. */
function leadingCount(value: string | null): number | null {
  const digits = value === null ? null : /^\d{1,15}/.exec(value);
  return digits === null ? null : Number(digits[0]);
}

/** Several policies hold at once; the one with least left is the one to mind. */
function tightestPolicy(value: string): PacingHint {
  const draft7 = /\bremaining=(\d{1,15})/.exec(value);
  if (draft7) return { remaining: Number(draft7[1]), resetMs: sensibleReset(/\breset=(\d{1,15})/.exec(value)?.[1] ?? null, 0) };
  let tightest = NO_PACING;
  for (const policy of value.split(',')) {
    const remaining = /;\s*r=(\d{1,15})/.exec(policy);
    if (remaining === null || Number(remaining[1]) >= (tightest.remaining ?? Number.POSITIVE_INFINITY)) continue;
    tightest = { remaining: Number(remaining[1]), resetMs: sensibleReset(/;\s*t=(\d{1,15})/.exec(policy)?.[1] ?? null, 0) };
  }
  return tightest;
}

/** A list-valued header may be sent as several lines (RFC 9110 section 5.3). */
function headerValues(found: string | readonly string[] | undefined): string | null {
  const value = typeof found === 'string' ? found.trim() : (found?.join(', ').trim() ?? '');
  return value === '' ? null : value;
}

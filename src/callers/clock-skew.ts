import { httpDateMs } from './headers.js';

/** How far the server's clock is ahead of ours, at least. */
interface ClockSkew {
  /** `sentAt` and `receivedAt`: our clock when the request left and when the answer's headers were read, epoch ms. */
  observe(date: string | null, sentAt: number, receivedAt: number): void;
  /** Milliseconds; null before the first `Date` header. */
  lowestMs(): number | null;
}

/**
 * A lower bound, not an estimate: it decides whether a memory was made after a claim, and a memory that is wrongly called older would be
 * made a second time. The server may have written `Date` at any moment of the exchange, so all that is certain is that its clock was not
 * behind `Date − receivedAt`. Of the last answers the lowest counts: several servers may answer, each by its own clock.
 */
export function createClockSkew(): ClockSkew {
  // Two windows of answers, so that what is old is forgotten without a list of it.
  let current = Number.POSITIVE_INFINITY;
  let previous = Number.POSITIVE_INFINITY;
  let count = 0;
  // Thousands of answers share one second's header: it is parsed once.
  let lastDate: string | null = null;
  let lastDateMs: number | null = null;

  return {
    observe(date, sentAt, receivedAt) {
      if (date === null) return;
      if (date !== lastDate) {
        lastDate = date;
        lastDateMs = httpDateMs(date);
      }
      if (lastDateMs === null || receivedAt < sentAt) return;
      current = Math.min(current, lastDateMs - receivedAt);
      count++;
      if (count < WINDOW) return;
      previous = current;
      current = Number.POSITIVE_INFINITY;
      count = 0;
    },
    lowestMs() {
      const lowest = Math.min(current, previous);
      return Number.isFinite(lowest) ? lowest : null;
    },
  };
}

/** Answers that are remembered at least; twice as many at most. */
const WINDOW = 128;

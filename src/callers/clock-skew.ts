import { httpDateMs } from './headers.js';

/** A running estimate of how far the server's clock is ahead of ours. */
interface ClockSkew {
  /** `sentAt` and `receivedAt`: our clock when the request left and when the answer's headers were read, epoch ms. */
  observe(date: string | null, sentAt: number, receivedAt: number): void;
  /** Milliseconds; null before the first `Date` header. */
  estimateMs(): number | null;
}

/**
 * A weighted mean that forgets slowly: the answers of the last moments count, one odd answer (a cache's, a proxy's) moves it
 * little. An answer that took long says little, since it may have been made at any moment of the exchange.
 */
export function createClockSkew(): ClockSkew {
  let sum = 0;
  let weight = 0;
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
      const sample = lastDateMs + HALF_A_SECOND - (sentAt + receivedAt) / 2;
      const sampleWeight = 1000 / (1000 + receivedAt - sentAt);
      sum = sum * MEMORY + sample * sampleWeight;
      weight = weight * MEMORY + sampleWeight;
    },
    estimateMs: () => (weight === 0 ? null : sum / weight),
  };
}

/** `Date` has whole seconds, rounded down: on average it is half a second behind. */
const HALF_A_SECOND = 500;
/** The weight that an estimate keeps from one answer to the next: some 50 answers are remembered. */
const MEMORY = 0.98;

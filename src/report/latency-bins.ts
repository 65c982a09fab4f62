/** Bins of a logarithmic histogram of milliseconds: eight to an octave, so that a quantile is off by 5% at most. From 1/8 ms to over four hours. */
export const LATENCY_BINS = 208;

const PER_OCTAVE = 8;
/** log2 of 1/8 ms. */
const LOWEST = -3;

/** The bin of a duration; durations outside of the range are in the first or the last one. */
export function latencyBin(ms: number): number {
  const bin = Math.floor((Math.log2(ms) - LOWEST) * PER_OCTAVE);
  return bin > 0 ? Math.min(bin, LATENCY_BINS - 1) : 0; // also for 0 and for what is no number
}

/**
 * The quantile of the histogram that begins at `from`, in milliseconds; null where it is empty.
 * @param share 0 < share ≤ 1
 */
export function latencyQuantile(bins: ArrayLike<number>, from: number, share: number): number | null {
  let total = 0;
  for (let i = 0; i < LATENCY_BINS; i++) total += bins[from + i] ?? 0;
  if (total === 0) return null;
  let seen = 0;
  for (let i = 0; i < LATENCY_BINS; i++) {
    seen += bins[from + i] ?? 0;
    // The middle of the bin, on its own scale.
    if (seen >= share * total) return rounded(2 ** ((i + 0.5) / PER_OCTAVE + LOWEST));
  }
  return null;
}

function rounded(ms: number): number {
  return ms < 100 ? Math.round(ms * 10) / 10 : Math.round(ms);
}

import type { TimelineRecord } from './timeline.js';

/** The same timeline with at most so many buckets: neighbours are put together, as many as it takes. */
export function coarser(timeline: TimelineRecord, mostBuckets: number): TimelineRecord {
  const together = Math.ceil(timeline.created.length / mostBuckets);
  if (together <= 1) return timeline;
  const starts = Array.from({ length: Math.ceil(timeline.created.length / together) }, (_, i) => i * together);
  const sums = (counts: readonly number[]) =>
    starts.map((from) => counts.slice(from, from + together).reduce((sum, count) => sum + count, 0));
  return {
    ...timeline,
    bucketMs: timeline.bucketMs * together,
    created: sums(timeline.created),
    known: sums(timeline.known),
    failed: sums(timeline.failed),
    requests: sums(timeline.requests),
    refused: sums(timeline.refused),
    // Quantiles can't be added: the typical one is about the mean, and no bucket was slower than the slowest.
    p50: starts.map((from) => weightedMean(timeline.p50.slice(from, from + together), timeline.requests.slice(from, from + together))),
    p95: starts.map((from) => greatest(timeline.p95.slice(from, from + together))),
  };
}

/** How long a bucket was, in seconds: the last one may not have been over. */
export function secondsOf({ bucketMs, durationMs }: TimelineRecord, bucket: number): number {
  // A sliver at the end would make a peak of one row.
  return Math.max(bucketMs / 2, Math.min(bucketMs, durationMs - bucket * bucketMs)) / 1000;
}

function weightedMean(values: readonly (number | null)[], weights: readonly number[]): number | null {
  let total = 0;
  let weight = 0;
  for (const [i, value] of values.entries()) {
    if (value === null) continue;
    total += value * weights[i]!;
    weight += weights[i]!;
  }
  return weight === 0 ? null : total / weight;
}

function greatest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}

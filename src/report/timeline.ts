import type { ImportEvent } from '../model.js';
import { LATENCY_BINS, latencyBin, latencyQuantile } from './latency-bins.js';

/** What happened when, in bounded memory: a run of a second and one of a week both have at most 240 buckets. */
export interface Timeline {
  consume(event: ImportEvent): void;
  /** What it knows at this moment. */
  record(): TimelineRecord;
}

/** A timeline as the ledger keeps it. Every list has an entry for each bucket. */
export interface TimelineRecord {
  /** How long a bucket is. The first begins with the run. */
  readonly bucketMs: number;
  /** Of the whole run so far. The last bucket may reach beyond it. */
  readonly durationMs: number;
  /** Rows settled: created now, or found after a lost answer. */
  readonly created: readonly number[];
  /** Rows settled without a request: imported before, duplicates, filtered. */
  readonly known: readonly number[];
  readonly failed: readonly number[];
  /** Creates and lists that were answered, or ended without an answer. */
  readonly requests: readonly number[];
  /** Answers that asked for patience. */
  readonly refused: readonly number[];
  /** Of creates, in milliseconds; null where none ended. */
  readonly p50: readonly (number | null)[];
  readonly p95: readonly (number | null)[];
  readonly pauses: readonly Pause[];
}

export interface Pause {
  /** `outage`: nobody could be reached; `looking`: for what earlier runs left in doubt; `patience`: 429s, and nothing else came through. */
  readonly kind: 'outage' | 'looking' | 'patience';
  /** Milliseconds since the run began. */
  readonly fromMs: number;
  readonly toMs: number;
}

export const MOST_BUCKETS = 240;
const MOST_PAUSES = 100;
const FIRST_BUCKET_MS = 100;
/** What is shorter isn't a pause. */
const SHORTEST_PATIENCE_MS = 1000;

const CREATED = 0;
const KNOWN = 1;
const FAILED = 2;
const REQUESTS = 3;
const REFUSED = 4;
const COUNTERS = 5;

/**
 * Buckets of 100 ms at first; when all are full, neighbours become one, and the next ones are twice as long. Nothing is allocated for an
 * event, since there is one for each request.
 *
 * @param clock.startedAt epoch milliseconds, as `now`
 */
export function createTimeline({ now, startedAt }: { readonly now: () => number; readonly startedAt: number }): Timeline {
  const counters = new Float64Array(MOST_BUCKETS * COUNTERS);
  const latency = new Uint32Array(MOST_BUCKETS * LATENCY_BINS);
  const pauses: Pause[] = [];
  let bucketMs = FIRST_BUCKET_MS;
  let lastMs = 0;
  /** The pause that is under way, and of how many reasons: creates and lists are held up each for themselves. */
  let paused: Pick<Pause, 'kind' | 'fromMs'> | null = null;
  let reasons = 0;
  /** Since the last answer that was no 429, or the last row: the first 429, and until when patience is asked for. */
  let patienceFrom = -1;
  let patienceUntil = -1;

  /** A clock that was set back stands still. */
  function elapsed(): number {
    lastMs = Math.max(lastMs, now() - startedAt);
    return lastMs;
  }

  function bucketAt(ms: number): number {
    while (ms >= bucketMs * MOST_BUCKETS) {
      fold(counters, COUNTERS);
      fold(latency, LATENCY_BINS);
      bucketMs *= 2;
    }
    return Math.floor(ms / bucketMs);
  }

  function endPatience(ms: number): void {
    if (patienceFrom >= 0) keepPatience(pauses, patienceFrom, Math.min(ms, patienceUntil));
    patienceFrom = -1;
  }

  function countRequest(event: Extract<ImportEvent, { readonly type: 'request' }>): void {
    const ms = elapsed();
    const bucket = bucketAt(ms);
    counters[bucket * COUNTERS + REQUESTS]! += 1;
    if (event.verb === 'create' && event.sent) latency[bucket * LATENCY_BINS + latencyBin(event.durationMs)]! += 1;
    if (event.status !== 429 && event.status !== 503) endPatience(ms);
  }

  function countRows(event: Extract<ImportEvent, { readonly type: 'rows_settled' }>): void {
    const at = bucketAt(elapsed()) * COUNTERS;
    for (const { outcome } of event.rows) {
      if (outcome.kind === 'created' || outcome.kind === 'recovered') counters[at + CREATED]! += 1;
      else if (outcome.kind === 'failed') counters[at + FAILED]! += 1;
      else counters[at + KNOWN]! += 1;
    }
  }

  return {
    consume(event) {
      switch (event.type) {
        case 'request':
          countRequest(event);
          return;
        case 'rows_settled':
          countRows(event);
          return;
        case 'rate_limited': {
          const ms = elapsed();
          counters[bucketAt(ms) * COUNTERS + REFUSED]! += 1;
          // A pause that ran out long before this answer came is another one.
          if (patienceFrom >= 0 && ms > patienceUntil + SHORTEST_PATIENCE_MS) endPatience(ms);
          if (patienceFrom < 0) patienceFrom = ms;
          patienceUntil = Math.max(patienceUntil, ms + event.waitMs);
          return;
        }
        case 'paused':
          reasons++;
          paused ??= { kind: event.cause === 'old_doubts' ? 'looking' : 'outage', fromMs: elapsed() };
          return;
        case 'resumed':
          reasons = Math.max(0, reasons - 1);
          if (paused === null || reasons > 0) return;
          keep(pauses, { ...paused, toMs: elapsed() });
          paused = null;
          return;
        default: // other events have no place in it
      }
    },
    record() {
      const durationMs = elapsed();
      const length = bucketAt(durationMs) + 1;
      const open = [...pauses];
      if (paused !== null) keep(open, { ...paused, toMs: durationMs });
      if (patienceFrom >= 0) keepPatience(open, patienceFrom, Math.min(durationMs, patienceUntil));
      const column = (counter: number) => Array.from({ length }, (_, bucket) => counters[bucket * COUNTERS + counter]!);
      const quantiles = (share: number) => Array.from({ length }, (_, bucket) => latencyQuantile(latency, bucket * LATENCY_BINS, share));
      return {
        bucketMs,
        durationMs,
        created: column(CREATED),
        known: column(KNOWN),
        failed: column(FAILED),
        requests: column(REQUESTS),
        refused: column(REFUSED),
        p50: quantiles(0.5),
        p95: quantiles(0.95),
        pauses: open.sort((a, b) => a.fromMs - b.fromMs),
      };
    },
  };
}

/** Adds each two neighbours of `size` numbers; the second half is free then. */
function fold(numbers: Float64Array | Uint32Array, size: number): void {
  const half = MOST_BUCKETS / 2;
  for (let bucket = 0; bucket < half; bucket++) {
    for (let i = 0; i < size; i++) {
      numbers[bucket * size + i] = numbers[2 * bucket * size + i]! + numbers[(2 * bucket + 1) * size + i]!;
    }
  }
  numbers.fill(0, half * size);
}

function keepPatience(pauses: Pause[], fromMs: number, toMs: number): void {
  if (toMs - fromMs >= SHORTEST_PATIENCE_MS) keep(pauses, { kind: 'patience', fromMs, toMs });
}

/** When there are too many, the last of the same kind goes on to the end of the new one: rather a pause too long than none. */
function keep(pauses: Pause[], pause: Pause): void {
  const last = pauses.findLastIndex(({ kind }) => kind === pause.kind);
  if (pauses.length < MOST_PAUSES || last < 0) pauses.push(pause);
  else pauses[last] = { ...pauses[last]!, toMs: pause.toMs };
}

import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createHistogram } from 'node:perf_hooks';
import type { Counts, FailureClass, FailureCountName, ImportEvent, ReasonCode, RunFiles, RunId, RunSummary, SettledRow } from '../model.js';
import { assertNever, FAILURE_CLASSES, FAILURE_COUNT_NAMES } from '../model.js';
import { publicMessage } from './public-message.js';
import { createReasons, type Reason } from './reasons.js';

/** The numbers of a run. They come from its events and from nothing else, so they are those of the ledger. */
export interface Tally {
  consume(event: ImportEvent): void;
  counts(): Counts;
  requests(): RunSummary['requests'];
  surplus(): RunSummary['surplus'];
  /** Why rows of this class failed, most frequent first; fit to leave the process. */
  topReasons(failureClass: FailureClass, count: number): readonly Reason[];
  /** Epoch milliseconds when a row was last settled; null before. */
  lastSettledAt(): number | null;
}

/** @param now epoch milliseconds, as `Clock.now` */
export function createTally(now: () => number = Date.now): Tally {
  const counts = emptyCounts();
  const requests = { sent: 0, retried: 0, rateLimited: 0, reconciled: 0 };
  // Microseconds, up to an hour: a create has a deadline.
  const latency = createHistogram({ lowest: 1, highest: 3_600_000_000, figures: 3 });
  const reasons = createReasons();
  const surplus: { readonly contactId: string; readonly memoryIds: readonly string[] }[] = [];
  let settledAt: number | null = null;
  /** Comparing a message with a long note takes time, and most failures have one of a few messages. */
  const shownMessages = new Map<string, string>();

  /** A message that came before, word for word, for another note echoes nothing of this one. */
  function shownMessage(message: string, draft: SettledRow['draft']): string {
    const known = shownMessages.get(message);
    if (known !== undefined) return known;
    const shown = publicMessage(message, draft);
    if (shownMessages.size < 1000 && message.length <= 500) shownMessages.set(message, shown);
    return shown;
  }

  function countRow({ outcome, draft }: SettledRow): void {
    counts.rows++;
    switch (outcome.kind) {
      case 'created':
        counts.created++;
        return;
      case 'recovered':
        counts.recovered++;
        return;
      case 'already_imported':
        counts.alreadyImported++;
        if (outcome.changed) counts.changed++;
        return;
      case 'duplicate':
        counts.duplicate++;
        return;
      case 'filtered':
        counts.filtered++;
        return;
      case 'failed':
        counts.failed++;
        counts.failures[FAILURE_COUNT_NAMES[outcome.class]]++;
        reasons.add({ class: outcome.class, message: shownMessage(outcome.message, draft) });
        return;
      default:
        assertNever(outcome);
    }
  }

  /** Identical notes of a contact each find the same copies. */
  function addSurplus({ contactId, memoryIds }: { readonly contactId: string; readonly memoryIds: readonly string[] }): void {
    const told = surplus.filter((known) => known.contactId === contactId).flatMap((known) => known.memoryIds);
    const news = memoryIds.filter((id) => !told.includes(id));
    if (news.length > 0) surplus.push({ contactId, memoryIds: news });
  }

  return {
    consume(event) {
      switch (event.type) {
        case 'rows_settled':
          event.rows.forEach(countRow);
          if (event.rows.length > 0) settledAt = now();
          return;
        case 'request':
          if (event.verb !== 'create' || !event.sent) return;
          requests.sent++;
          latency.record(Math.min(3_600_000_000, Math.max(1, Math.round(event.durationMs * 1000))));
          return;
        case 'retry':
          requests.retried++;
          return;
        case 'rate_limited':
          requests.rateLimited++;
          return;
        case 'looked':
          requests.reconciled++;
          return;
        case 'surplus':
          addSurplus(event);
          return;
        default: // other events have nothing to count
      }
    },
    counts: () => ({ ...counts, failures: { ...counts.failures } }),
    requests: () => ({
      ...requests,
      latencyMs: { p50: percentileMs(latency, 50), p95: percentileMs(latency, 95), p99: percentileMs(latency, 99) },
    }),
    surplus: () => [...surplus],
    topReasons: (failureClass, count) => reasons.top(failureClass, count),
    lastSettledAt: () => settledAt,
  };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type MutableCounts = Mutable<Omit<Counts, 'failures'>> & { failures: Record<FailureCountName, number> };

export function emptyCounts(): MutableCounts {
  const failures = Object.fromEntries(FAILURE_CLASSES.map((name) => [FAILURE_COUNT_NAMES[name], 0]));
  return {
    rows: 0,
    created: 0,
    recovered: 0,
    alreadyImported: 0,
    duplicate: 0,
    filtered: 0,
    changed: 0,
    failed: 0,
    failures: failures as Record<FailureCountName, number>, // one entry for each class
  };
}

/** Milliseconds with one decimal; 0 where nothing was sent. */
function percentileMs(latency: { readonly count: number | bigint; percentile(percent: number): number }, percent: number): number {
  return Number(latency.count) === 0 ? 0 : Math.round(latency.percentile(percent) / 100) / 10;
}

/** What the tally can't know of a run. Times are epoch milliseconds. */
export interface RunFacts {
  readonly runId: RunId;
  readonly inputs: readonly string[];
  /** When the command started. */
  readonly startedAt: number;
  readonly finishedAt: number;
  /** Why the run ended before its input did; null if it didn't. */
  readonly stop: { readonly reasonCode: ReasonCode; readonly reason: string; readonly continues: boolean } | null;
  readonly files: RunFiles;
  readonly tally: Tally;
}

/** Builds what `--json` prints. Surplus memories make a run `completed_with_failures`, as failed rows do: somebody has to look. */
export function summary({ runId, inputs, startedAt, finishedAt, stop, files, tally }: RunFacts): RunSummary {
  const counts = tally.counts();
  const surplus = tally.surplus();
  const durationMs = Math.max(0, Math.round((tally.lastSettledAt() ?? finishedAt) - startedAt));
  return {
    runId,
    status: statusOf(stop?.reasonCode ?? null, counts.failed > 0 || surplus.length > 0),
    reasonCode: stop?.reasonCode ?? null,
    reason: stop === null ? null : publicMessage(stop.reason, null, 1000),
    continues: stop?.continues ?? true,
    inputs,
    startedAt: new Date(startedAt).toISOString(),
    finishedAt: new Date(finishedAt).toISOString(),
    durationMs,
    counts,
    requests: tally.requests(),
    rowsPerSecond: durationMs === 0 ? 0 : Math.round((counts.rows * 10_000) / durationMs) / 10,
    files,
    surplus,
  };
}

function statusOf(reasonCode: ReasonCode | null, hasFailures: boolean): RunSummary['status'] {
  if (reasonCode === 'signal') return 'interrupted';
  if (reasonCode !== null) return 'stopped';
  return hasFailures ? 'completed_with_failures' : 'completed';
}

/**
 * Writes `summary.json`, readable by the owner only: whole or not at all, also through a power cut.
 *
 * @returns the file's path
 */
export async function writeSummary(folder: string, run: RunSummary): Promise<string> {
  const path = join(folder, 'summary.json');
  const temporary = join(folder, `.summary-${process.pid}.tmp`);
  await rm(temporary, { force: true });
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(run, null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new Error(`can't write ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  return path;
}

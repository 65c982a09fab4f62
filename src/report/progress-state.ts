import type { FailureClass, ImportEvent, LookingFor } from '../model.js';
import { formatCount, formatDuration } from './format.js';
import { formatBytes } from './format-bytes.js';
import type { ProgressState } from './progress-frame.js';
import { cleanLine } from './public-message.js';
import { createSpeedometer } from './speedometer.js';

/** What a bar shows, gathered from the events of a run. Times are milliseconds of one clock. */
export interface ProgressTracker {
  consume(event: ImportEvent, now: number): void;
  /** Of a command that works through memories, whose number is known from the start: no rows are read then. */
  advance(progress: { readonly done: number; readonly of: number }): void;
  at(now: number): ProgressState;
}

/** A shorter patience is over before it is read. */
const TOLD_PATIENCE_MS = 1000;

export function trackProgress(startedAt: number): ProgressTracker {
  const speed = { rows: createSpeedometer(startedAt), share: createSpeedometer(startedAt) };
  const failures = new Map<FailureClass, number>();
  const looking: Record<LookingFor, number> = { lost_answers: 0, contact_lists: 0, surplus: 0 };
  const read = { bytes: 0, rows: 0 };
  let [totalBytes, limit]: [number | null, number | null] = [null, null];
  let [rows, requests, share] = [0, 0, 0];
  let opening: string | null = null;
  let paused: string | null = null;
  let stopping: string | null = null;
  let patientUntil = 0;
  let isStarted = false;
  let counting: ProgressState['counting'] = 'rows';

  /**
   * Of the bytes that were read, as much is done as rows of them are settled: what was only read still waits for its turn. Never backwards,
   * since a part of what was read may stand in no row yet.
   */
  function advanceShare(): void {
    const settledOfRead = read.rows === 0 ? 0 : Math.min(1, rows / read.rows);
    const ofBytes = totalBytes === null || totalBytes === 0 ? 0 : Math.min(1, read.bytes / totalBytes) * settledOfRead;
    share = Math.max(share, ofBytes, limit === null ? 0 : Math.min(1, rows / limit));
  }

  function take(event: ImportEvent, now: number): void {
    switch (event.type) {
      case 'opening_ledger':
        opening = `opening the ledger (${formatBytes(event.bytes)})`;
        return;
      case 'reading_contacts':
        opening = `reading the list of contacts (${countOf(event.contacts, 'contact')})`;
        return;
      case 'run_started':
        isStarted = true;
        opening = null;
        totalBytes = event.totalBytes;
        limit = event.limit ?? null;
        return;
      case 'bytes_read':
        [read.bytes, read.rows] = [event.bytes, event.rows];
        return;
      case 'rows_settled':
        rows += event.rows.length;
        for (const { outcome } of event.rows) {
          if (outcome.kind === 'failed') failures.set(outcome.class, (failures.get(outcome.class) ?? 0) + 1);
        }
        return;
      case 'under_way':
        requests = event.requests;
        return;
      case 'looking':
        looking[event.why] = event.count;
        return;
      case 'rate_limited':
        patientUntil = Math.max(patientUntil, now + event.waitMs);
        return;
      case 'paused':
        paused = `waiting: ${cleanLine(event.why)}`;
        return;
      case 'resumed':
        paused = null;
        return;
      case 'stopping':
        stopping = `stopping, finishing what is under way${event.reasonCode === 'signal' ? '' : `: ${cleanLine(event.reason)}`}`;
        return;
      default: // other events don't change what the bar shows
    }
  }

  function waitingFor(now: number): string | null {
    const patience = patientUntil - now;
    const asked = patience < TOLD_PATIENCE_MS ? null : `the API asks for ${formatDuration(patience)} of patience (429)`;
    return stopping ?? paused ?? asked ?? opening;
  }

  return {
    consume: take,
    advance({ done, of }) {
      isStarted = true;
      counting = 'memories';
      rows = done;
      share = of === 0 ? 1 : Math.min(1, done / of);
    },
    at(now) {
      advanceShare();
      const rowsPerSecond = speed.rows(rows, now);
      const sharePerSecond = speed.share(share, now);
      const isKnown = counting === 'memories' || totalBytes !== null || limit !== null;
      const isMoving = isKnown && sharePerSecond > 0 && paused === null && stopping === null;
      return {
        elapsedMs: now - startedAt,
        bytes: isStarted ? read.bytes : null,
        share: isKnown ? share : null,
        leftMs: isMoving ? ((1 - share) * 1000) / sharePerSecond : null,
        counting,
        rows,
        rowsPerSecond,
        failures,
        requests,
        lookingFor: lookingText(looking),
        waitingFor: waitingFor(now),
      };
    },
  };
}

function lookingText({ lost_answers: lost, contact_lists: lists, surplus }: Readonly<Record<LookingFor, number>>): string | null {
  const parts = [
    ...(lost > 0 ? [`looking for ${countOf(lost, 'lost answer')}`] : []),
    ...(lists > 0 ? [`listing ${countOf(lists, 'contact')}`] : []),
    ...(surplus > 0 ? [`last looks at ${countOf(surplus, 'note')}`] : []),
  ];
  return parts.length === 0 ? null : parts.join(', ');
}

function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

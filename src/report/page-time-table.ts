import { latencyLabel, rateLabel } from './chart-axis.js';
import { formatCount, formatDuration } from './format.js';
import { type Html, html } from './html.js';
import type { TimelineRecord } from './timeline.js';

const MOST_LINES = 30;

/** The charts in numbers: for who can't see them, or wants to know it exactly. */
export function timeTable(timeline: TimelineRecord): Html {
  const together = Math.ceil(timeline.created.length / MOST_LINES);
  const lines = Array.from({ length: Math.ceil(timeline.created.length / together) }, (_, i) => lineOf(timeline, i * together, together));
  return html`<details>
<summary>The same as a table</summary>
<div class="scroll" role="region" aria-labelledby="course-table" tabindex="0">
<table>
<caption id="course-table">The course of the run in numbers</caption>
<thead><tr><th scope="col">From</th><th scope="col" class="number">Rows/s</th><th scope="col" class="number">Created</th><th scope="col" class="number">Known</th><th scope="col" class="number">Failed</th><th scope="col" class="number">Requests</th><th scope="col" class="number">429</th><th scope="col" class="number">p50, about</th><th scope="col" class="number">p95, at most</th></tr></thead>
<tbody>${lines}</tbody>
</table>
</div>
</details>`;
}

function lineOf(timeline: TimelineRecord, from: number, length: number): Html {
  const { bucketMs, durationMs } = timeline;
  const sum = (counts: readonly number[]) => counts.slice(from, from + length).reduce((total, count) => total + count, 0);
  const [created, known, failed] = [sum(timeline.created), sum(timeline.known), sum(timeline.failed)];
  const seconds = Math.max(bucketMs / 2, Math.min(length * bucketMs, durationMs - from * bucketMs)) / 1000;
  const known95 = timeline.p95.slice(from, from + length).filter((ms) => ms !== null);
  const typical = weightedMean(timeline.p50.slice(from, from + length), timeline.requests.slice(from, from + length));
  return html`<tr><th scope="row">${formatDuration(from * bucketMs)}</th><td class="number">${rateLabel((created + known + failed) / seconds)}</td>${[
    created,
    known,
    failed,
    sum(timeline.requests),
    sum(timeline.refused),
  ].map(
    (count) => html`<td class="number">${formatCount(count)}</td>`,
  )}<td class="number">${typical === null ? '—' : latencyLabel(typical)}</td><td class="number">${known95.length === 0 ? '—' : latencyLabel(Math.max(...known95))}</td></tr>`;
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

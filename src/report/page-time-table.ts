import { latencyLabel, rateLabel } from './chart-axis.js';
import { coarser, secondsOf } from './coarser-timeline.js';
import { formatCount, formatDuration } from './format.js';
import { type Html, html } from './html.js';
import type { Pause, TimelineRecord } from './timeline.js';

const MOST_LINES = 30;

/** The charts in numbers: for who can't see them, or wants to know it exactly. */
export function timeTable(precise: TimelineRecord): Html {
  const timeline = coarser(precise, MOST_LINES);
  return html`<details>
<summary>The same as a table</summary>
<div class="scroll" role="region" aria-labelledby="course-table" tabindex="0">
<table>
<caption id="course-table">The course of the run in numbers</caption>
<thead><tr><th scope="col">From</th><th scope="col" class="number">Rows/s</th><th scope="col" class="number">Created</th><th scope="col" class="number">Known</th><th scope="col" class="number">Failed</th><th scope="col" class="number">Requests</th><th scope="col" class="number">429</th><th scope="col" class="number">p50, about</th><th scope="col" class="number">p95, at most</th></tr></thead>
<tbody>${timeline.created.map((_, bucket) => line(timeline, bucket))}</tbody>
</table>
</div>
</details>`;
}

function line(timeline: TimelineRecord, i: number): Html {
  const [created, known, failed] = [timeline.created[i]!, timeline.known[i]!, timeline.failed[i]!];
  const cells = [
    rateLabel((created + known + failed) / secondsOf(timeline, i)),
    ...[created, known, failed, timeline.requests[i]!, timeline.refused[i]!].map(formatCount),
    ...[timeline.p50[i] ?? null, timeline.p95[i] ?? null].map((ms) => (ms === null ? '—' : latencyLabel(ms))),
  ];
  return html`<tr><th scope="row">${formatDuration(i * timeline.bucketMs)}</th>${cells.map((cell) => html`<td class="number">${cell}</td>`)}</tr>`;
}

const WHY = {
  outage: 'The API could not be reached, or failed for everyone',
  patience: 'The API asked for patience (429), and nothing else came through',
  looking: 'Looking for what earlier runs left in doubt',
} as const;

/** Why nothing went on, how often and for how long; each pause by itself can be unfolded. */
export function pausesTable(pauses: readonly Pause[]): Html {
  const kinds = (['outage', 'patience', 'looking'] as const).flatMap((kind) => {
    const lengths = pauses.filter((pause) => pause.kind === kind).map(({ fromMs, toMs }) => toMs - fromMs);
    return lengths.length === 0 ? [] : [{ kind, lengths }];
  });
  return html`<table class="pauses">
<caption class="shown">Pauses</caption>
<thead><tr><th scope="col">Why</th><th scope="col" class="number">Times</th><th scope="col" class="number">In all</th><th scope="col" class="number">Longest</th></tr></thead>
<tbody>${kinds.map(
    ({ kind, lengths }) =>
      html`<tr><th scope="row">${WHY[kind]}</th><td class="number">${formatCount(lengths.length)}</td><td class="number">${formatDuration(lengths.reduce((sum, ms) => sum + ms, 0))}</td><td class="number">${formatDuration(Math.max(...lengths))}</td></tr>`,
  )}</tbody>
</table>
<details>
<summary>Each pause</summary>
<table>
<caption>Pauses in the order of time</caption>
<thead><tr><th scope="col">After</th><th scope="col" class="number">For</th><th scope="col">Why</th></tr></thead>
<tbody>${pauses.map(
    ({ kind, fromMs, toMs }) =>
      html`<tr><th scope="row">${formatDuration(fromMs)}</th><td class="number">${formatDuration(toMs - fromMs)}</td><td>${WHY[kind]}</td></tr>`,
  )}</tbody>
</table>
</details>`;
}

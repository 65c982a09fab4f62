import { type Chart, loadCharts } from './chart.js';
import { latencyLabel, rateLabel, timeLabel } from './chart-axis.js';
import { formatCount, formatDuration } from './format.js';
import { Html, html } from './html.js';
import { timeTable } from './page-time-table.js';
import type { Pause, TimelineRecord } from './timeline.js';

/** What is shorter says nothing as a picture. */
const SHORTEST_MS = 2000;

/** Throughput, refusals and answer times over the run, with its pauses. */
export async function timeSection(timeline: TimelineRecord | null): Promise<Html | null> {
  if (timeline === null) return section(html`<p class="note">The ledger has no course of this run: it was made by an earlier version.</p>`);
  const { durationMs, created, known, failed, pauses } = timeline;
  const settled = [...created, ...known, ...failed].some((count) => count > 0);
  if (!settled && pauses.length === 0) return null;
  if (durationMs < SHORTEST_MS)
    return section(html`<p class="note">The run took ${formatDuration(durationMs)}: too short for a picture of its course.</p>`);
  const draw = await loadCharts();
  return section(html`${rowsFigure(timeline, draw)}
${timeline.refused.some((count) => count > 0) ? refusedFigure(timeline, draw) : null}
${timeline.p50.some((ms) => ms !== null) ? latencyFigure(timeline, draw) : null}
${pauses.length > 0 ? pausesTable(pauses) : null}
${timeTable(timeline)}`);
}

function section(content: Html): Html {
  return html`<section aria-labelledby="course">
<h2 id="course">The course of the run</h2>
${content}
</section>`;
}

type Draw = (chart: Chart) => string;

function rowsFigure(timeline: TimelineRecord, draw: Draw): Html {
  const { created, known, failed, pauses } = timeline;
  const rates = created.map((count, i) => (count + known[i]! + failed[i]!) / secondsOf(timeline, i));
  const series = [
    { color: 'created', name: 'created or recovered', values: created },
    { color: 'known', name: 'imported before, duplicate or filtered', values: known },
    { color: 'failed', name: 'failed', values: failed },
  ] as const;
  const present = series.filter(({ values }) => values.some((count) => count > 0));
  const fastest = rates.reduce((best, rate, i) => (rate > rates[best]! ? i : best), 0);
  return figure({
    title: 'Rows a second',
    legend: [...present.map(({ color, name }) => [color, name] as const), ...bandLegend(pauses)],
    caption: `Fastest ${timeLabel(fastest * timeline.bucketMs)} after the start, with ${rateLabel(rates[fastest] ?? 0)} rows/s.${pauses.length === 0 ? ' There were no pauses.' : ''}`,
    draw,
    chart: {
      ...frameOf(timeline),
      kind: 'stacked',
      series: present.map(({ color, values }) => ({ color, values: values.map((count, i) => count / secondsOf(timeline, i)) })),
      label: rateLabel,
    },
    height: 190,
  });
}

function refusedFigure(timeline: TimelineRecord, draw: Draw): Html {
  const { refused } = timeline;
  const total = refused.reduce((sum, count) => sum + count, 0);
  return figure({
    title: 'Answers a second that asked for patience (429)',
    legend: [],
    caption: `${total === 1 ? 'One' : formatCount(total)} in all. They cost no row a retry.`,
    draw,
    chart: {
      ...frameOf(timeline),
      kind: 'stacked',
      series: [{ color: 'refused', values: refused.map((count, i) => count / secondsOf(timeline, i)) }],
      label: rateLabel,
    },
    height: 90,
  });
}

function latencyFigure(timeline: TimelineRecord, draw: Draw): Html {
  const { p50, p95 } = timeline;
  const slowest = Math.max(...p95.map((ms) => ms ?? 0));
  return figure({
    title: 'Answer time of creates',
    legend: [
      ['typical', 'half of them within (p50)'],
      ['slow', '95 of 100 within (p95)'],
    ],
    caption: `At the slowest moment 95 of 100 were answered within ${latencyLabel(slowest)}.`,
    draw,
    chart: {
      ...frameOf(timeline),
      kind: 'lines',
      series: [
        { color: 'slow', values: p95 },
        { color: 'typical', values: p50 },
      ],
      label: latencyLabel,
    },
    height: 150,
  });
}

/** The last bucket may not be over yet. */
function secondsOf({ bucketMs, durationMs }: TimelineRecord, bucket: number): number {
  // A sliver at the end would make a peak of one row.
  return Math.max(bucketMs / 2, Math.min(bucketMs, durationMs - bucket * bucketMs)) / 1000;
}

function frameOf({ bucketMs, durationMs, pauses }: TimelineRecord): Pick<Chart, 'rangeMs' | 'bucketMs' | 'bands'> {
  return { rangeMs: durationMs, bucketMs, bands: pauses.map(({ kind, fromMs, toMs }) => ({ color: kind, fromMs, toMs })) };
}

interface Figure {
  readonly title: string;
  readonly legend: readonly (readonly [color: string, name: string])[];
  readonly caption: string;
  readonly draw: Draw;
  readonly chart: Omit<Chart, 'width' | 'height'>;
  readonly height: number;
}

/** Drawn twice: a picture made smaller for a phone would have letters that nobody can read. */
function figure({ title, legend, caption, draw, chart, height }: Figure): Html {
  const picture = (width: number, name: string) =>
    new Html(draw({ ...chart, width, height }).replace('<svg', `<svg class="chart ${name}"`));
  return html`<figure>
<figcaption><h3>${title}</h3>${legend.length > 0 ? html`<ul class="legend">${legend.map(([color, name]) => html`<li><span class="swatch ${color}"></span>${name}</li>`)}</ul>` : null}</figcaption>
${picture(720, 'broad')}${picture(340, 'narrow')}
<p class="note">${caption}</p>
</figure>`;
}

const PAUSES = {
  outage: ['outage', 'The API could not be reached, or failed for everyone'],
  patience: ['pause for 429s', 'The API asked for patience, and nothing else came through'],
  looking: ['looking', 'Looking for what earlier runs left in doubt'],
} as const;

function bandLegend(pauses: readonly Pause[]): readonly (readonly [string, string])[] {
  const kinds = new Set(pauses.map(({ kind }) => kind));
  return (['outage', 'patience', 'looking'] as const).filter((kind) => kinds.has(kind)).map((kind) => [`band ${kind}`, PAUSES[kind][0]]);
}

function pausesTable(pauses: readonly Pause[]): Html {
  return html`<table class="pauses">
<caption class="shown">Pauses</caption>
<thead><tr><th scope="col">After</th><th scope="col" class="number">For</th><th scope="col">Why</th></tr></thead>
<tbody>${pauses.map(
    ({ kind, fromMs, toMs }) =>
      html`<tr><th scope="row">${formatDuration(fromMs)}</th><td class="number">${formatDuration(toMs - fromMs)}</td><td>${PAUSES[kind][1]}</td></tr>`,
  )}</tbody>
</table>`;
}

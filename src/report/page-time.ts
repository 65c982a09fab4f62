import { type Chart, type ChartColor, loadCharts } from './chart.js';
import { latencyLabel, rateLabel, timeLabel } from './chart-axis.js';
import { coarser, secondsOf } from './coarser-timeline.js';
import { formatCount } from './format.js';
import { Html, html } from './html.js';
import { pausesTable, timeTable } from './page-time-table.js';
import type { Pause, TimelineRecord } from './timeline.js';

/** What is shorter says nothing as a picture. */
const SHORTEST_MS = 2000;

/** Throughput, refusals and answer times over the run, with its pauses. */
export async function timeSection(timeline: TimelineRecord | null): Promise<Html | null> {
  if (timeline === null) return section(html`<p class="note">The ledger has no course of this run: it was made by an earlier version.</p>`);
  const { durationMs, created, known, failed, pauses } = timeline;
  const settled = [...created, ...known, ...failed].some((count) => count > 0);
  if (!settled && pauses.length === 0) return null;
  if (durationMs < SHORTEST_MS) return section(html`<p class="note">The run was too short for a picture of its course.</p>`);
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

function rowsFigure(precise: TimelineRecord, draw: Draw): Html {
  const { pauses } = precise;
  const perSecond = (name: 'created' | 'known' | 'failed') => (timeline: TimelineRecord) =>
    timeline[name].map((count, i) => count / secondsOf(timeline, i));
  const series = [
    { color: 'created', name: 'created or recovered', values: perSecond('created') },
    { color: 'known', name: 'imported before, duplicate or filtered', values: perSecond('known') },
    { color: 'failed', name: 'failed', values: perSecond('failed') },
  ] as const;
  const present = series.filter(({ color }, i) => i === 0 || precise[color].some((count) => count > 0));
  const timeline = coarser(precise, DETAIL.broad);
  const rates = timeline.created.map((count, i) => (count + timeline.known[i]! + timeline.failed[i]!) / secondsOf(timeline, i));
  const fastest = rates.reduce((best, rate, i) => (rate > rates[best]! ? i : best), 0);
  return figure({
    title: 'Rows a second',
    legend: [...present.map(({ color, name }) => [color, name] as const), ...bandLegend(pauses)],
    caption: `Fastest ${fastest === 0 ? 'at the start' : `${timeLabel(fastest * timeline.bucketMs)} after the start`}, with ${rateLabel(rates[fastest] ?? 0)} rows/s.${pauses.length === 0 ? ' There were no pauses.' : ''}`,
    timeline: precise,
    draw,
    chart: { kind: 'stacked', label: rateLabel, height: 190 },
    series: present,
  });
}

function refusedFigure(timeline: TimelineRecord, draw: Draw): Html {
  const total = timeline.refused.reduce((sum, count) => sum + count, 0);
  return figure({
    title: 'Answers a second that asked for patience (429)',
    legend: [],
    caption: `${total === 1 ? 'One' : formatCount(total)} in all. They cost no row a retry.`,
    timeline,
    draw,
    chart: { kind: 'stacked', label: rateLabel, height: 90 },
    series: [{ color: 'refused', values: (shown) => shown.refused.map((count, i) => count / secondsOf(shown, i)) }],
  });
}

function latencyFigure(timeline: TimelineRecord, draw: Draw): Html {
  const slowest = Math.max(...timeline.p95.map((ms) => ms ?? 0));
  return figure({
    title: 'Answer time of creates',
    legend: [
      ['typical', 'half of them within (p50)'],
      ['slow', '95 of 100 within (p95)'],
    ],
    caption: `At the slowest moment 95 of 100 were answered within ${latencyLabel(slowest)}.`,
    timeline,
    draw,
    chart: { kind: 'lines', label: latencyLabel, height: 150 },
    series: [
      { color: 'slow', values: ({ p95 }) => p95 },
      { color: 'typical', values: ({ p50 }) => p50 },
    ],
  });
}

interface Figure {
  readonly title: string;
  readonly legend: readonly (readonly [color: string, name: string])[];
  readonly caption: string;
  readonly timeline: TimelineRecord;
  readonly draw: Draw;
  readonly chart: Pick<Chart, 'kind' | 'label' | 'height'>;
  readonly series: readonly { readonly color: ChartColor; readonly values: (timeline: TimelineRecord) => readonly (number | null)[] }[];
}

/** Widths in pixels, and how many buckets can be told apart there. */
const WIDTH = { broad: 720, narrow: 340 } as const;
const DETAIL = { broad: 120, narrow: 60 } as const;

/** Drawn twice: a picture made smaller for a phone would have letters that nobody can read. */
function figure({ title, legend, caption, timeline: precise, draw, chart, series }: Figure): Html {
  const picture = (size: 'broad' | 'narrow') => {
    const timeline = coarser(precise, DETAIL[size]);
    const { bucketMs, durationMs, pauses } = timeline;
    const svg = draw({
      ...chart,
      width: WIDTH[size],
      bucketMs,
      rangeMs: durationMs,
      bands: pauses.map(({ kind, fromMs, toMs }) => ({ color: kind, fromMs, toMs })),
      series: series.map(({ color, values }) => ({ color, values: values(timeline) })),
    });
    return new Html(svg.replace('<svg', `<svg class="chart ${size}"`));
  };
  return html`<figure>
<figcaption><h3>${title}</h3>${legend.length > 0 ? html`<ul class="legend">${legend.map(([color, name]) => html`<li><span class="swatch ${color}"></span>${name}</li>`)}</ul>` : null}</figcaption>
${picture('broad')}${picture('narrow')}
<p class="note">${caption}</p>
</figure>`;
}

const BANDS = { outage: 'outage', patience: 'pause for 429s', looking: 'looking for old doubts' } as const;

function bandLegend(pauses: readonly Pause[]): readonly (readonly [string, string])[] {
  const kinds = new Set(pauses.map(({ kind }) => kind));
  return (['outage', 'patience', 'looking'] as const).filter((kind) => kinds.has(kind)).map((kind) => [`band ${kind}`, BANDS[kind]]);
}

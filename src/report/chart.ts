import { timeLabel, timeStep } from './chart-axis.js';
import { styleByClasses } from './chart-svg.js';

/** A picture of something over the time of a run. */
export interface Chart {
  /** Of the time axis, in milliseconds since the run began. */
  readonly rangeMs: number;
  readonly bucketMs: number;
  readonly kind: 'stacked' | 'lines';
  readonly series: readonly { readonly color: ChartColor; readonly values: readonly (number | null)[] }[];
  readonly bands: readonly { readonly color: ChartColor; readonly fromMs: number; readonly toMs: number }[];
  readonly label: (value: number) => string;
  readonly width: number;
  readonly height: number;
}

/** Names of classes: the page's style sheet knows what they look like, in both themes. */
export type ChartColor = 'created' | 'known' | 'failed' | 'refused' | 'typical' | 'slow' | 'outage' | 'looking' | 'patience';

/** Draws charts as SVG, without a browser. Heavy, so it is loaded when it is needed and not before. */
export async function loadCharts(): Promise<(chart: Chart) => string> {
  // The package as one file: a sixth of the time that its modules take.
  // @ts-expect-error it has no types of its own; they are the package's
  const echarts = (await import('echarts/dist/echarts.esm.min.mjs')) as typeof import('echarts');
  return (chart) => {
    const { width, height } = chart;
    const instance = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
    try {
      instance.setOption(optionOf(chart));
      return styleByClasses(instance.renderToSVGString());
    } finally {
      // Its timers would keep the process alive.
      instance.dispose();
    }
  };
}

type Option = Parameters<ReturnType<typeof import('echarts').init>['setOption']>[0];

function optionOf({ rangeMs, bucketMs, kind, series, bands, label, width, height }: Chart): Option {
  const step = timeStep(rangeMs, width < 500 ? 4 : 9);
  const text = { fontFamily: 'system-ui, sans-serif', fontSize: 12, color: 'axis-text' };
  return {
    animation: false,
    grid: { left: 52, right: 14, top: 10, bottom: 26, containLabel: false },
    xAxis: {
      type: 'value',
      min: 0,
      max: rangeMs,
      interval: step,
      axisLine: { lineStyle: { color: 'axis-line' } },
      axisTick: { lineStyle: { color: 'axis-line' } },
      splitLine: { show: false },
      // The end of the range is no tick of its own.
      axisLabel: { ...text, formatter: (ms: number) => (ms % step === 0 ? timeLabel(ms) : '') },
    },
    yAxis: {
      type: 'value',
      splitNumber: height < 130 ? 1 : 3,
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { lineStyle: { color: 'axis-grid' } },
      axisLabel: { ...text, formatter: label },
    },
    series: series.map(({ color, values }, i) => ({
      type: 'line' as const,
      symbol: 'none',
      silent: true,
      ...(kind === 'stacked'
        ? { step: 'end' as const, stack: 'all', areaStyle: { color, opacity: 1 }, lineStyle: { width: 0, color } }
        : { connectNulls: false, lineStyle: { width: 2, color } }),
      data: kind === 'stacked' ? stepPoints(values, bucketMs, rangeMs) : middlePoints(values, bucketMs, rangeMs),
      ...(i === 0 && bands.length > 0
        ? {
            markArea: {
              silent: true,
              data: bands.map(({ color: bandColor, fromMs, toMs }): [object, object] => [
                { xAxis: fromMs, itemStyle: { color: bandColor } },
                // Never so narrow that nobody sees it.
                { xAxis: Math.min(rangeMs, Math.max(toMs, fromMs + rangeMs / 200)) },
              ]),
            },
          }
        : {}),
    })),
  };
}

/** A bucket's value holds from its beginning to its end. */
function stepPoints(values: readonly (number | null)[], bucketMs: number, rangeMs: number): [number, number | null][] {
  const points = values.map((value, i): [number, number | null] => [i * bucketMs, value ?? 0]);
  return [...points, [rangeMs, values.at(-1) ?? 0]];
}

function middlePoints(values: readonly (number | null)[], bucketMs: number, rangeMs: number): [number, number | null][] {
  return values.map((value, i) => [Math.min(rangeMs, (i + 0.5) * bucketMs), value]);
}

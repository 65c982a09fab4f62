import { whole } from '../format.js';
import type { ScenarioResult } from '../results.js';
import { escapeXml, svg } from './svg.js';

const WIDTH = 760;
const LABELS = 170;
const VALUES = 70;
const BAR = 22;
const GAP = 8;
const HEAD = 34;

/** Rows a second of each contender as bars, the median of the rounds, with a whisker from the slowest to the fastest; one panel a scenario. */
export function ratesChart(results: readonly ScenarioResult[]): string {
  const body: string[] = [];
  let y = 0;
  for (const { title, lines } of results) {
    const most = Math.max(...lines.map(({ rowsPerSecond }) => rowsPerSecond.max));
    const scale = (WIDTH - LABELS - VALUES) / most;
    body.push(`<text class="h" x="0" y="${y + 20}">${escapeXml(title)}: rows a second</text>`);
    y += HEAD;
    for (const { contender, rowsPerSecond } of [...lines].sort((a, b) => b.rowsPerSecond.median - a.rowsPerSecond.median)) {
      const { median, min, max } = rowsPerSecond;
      const middle = y + BAR / 2;
      const end = LABELS + max * scale;
      body.push(
        `<text x="${LABELS - 8}" y="${middle + 4}" text-anchor="end">${escapeXml(contender)}</text>`,
        `<rect class="${contender.startsWith('memory-import') ? 'a' : 'b'}" x="${LABELS}" y="${y}" width="${round(Math.max(1, median * scale))}" height="${BAR}"/>`,
        `<line class="w" x1="${round(LABELS + min * scale)}" x2="${round(end)}" y1="${middle}" y2="${middle}"/>`,
        `<text class="m" x="${round(end + 8)}" y="${middle + 4}">${whole(median)}</text>`,
      );
      y += BAR + GAP;
    }
    y += GAP;
  }
  return svg({ width: WIDTH, height: y, says: 'Rows a second of each contender' }, body);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

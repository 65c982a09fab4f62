import { whole } from '../format.js';
import type { ScenarioResult } from '../results.js';
import { escapeXml, svg } from './svg.js';

const WIDTH = 760;
const PANEL = 130;
const LEFT = 50;
const HEAD = 30;

/** What came through in each second under limits that nobody told, and what was refused; one panel a limit. */
export function limitsChart(seconds: NonNullable<ScenarioResult['seconds']>): string {
  const body: string[] = [];
  seconds.forEach(({ name, limit, created, refused }, index) => {
    const top = index * (PANEL + HEAD) + HEAD;
    const most = Math.max(limit * 1.1, ...created, ...refused);
    const x = (second: number) => round(LEFT + (second * (WIDTH - LEFT - 10)) / Math.max(1, created.length - 1));
    const y = (count: number) => round(top + PANEL - 20 - (count * (PANEL - 30)) / most);
    const path = (values: readonly number[]) =>
      values.map((count, second) => `${second === 0 ? 'M' : 'L'}${x(second)} ${y(count)}`).join('');
    body.push(
      `<text class="h" x="0" y="${top - 10}">${escapeXml(name)}: created (blue) and refused with 429 (red) in each second</text>`,
      `<line class="g" x1="${LEFT}" x2="${WIDTH - 10}" y1="${y(limit)}" y2="${y(limit)}"/>`,
      `<text class="m" x="${LEFT - 8}" y="${y(limit) + 4}" text-anchor="end">${whole(limit)}</text>`,
      `<text class="m" x="${LEFT - 8}" y="${y(0) + 4}" text-anchor="end">0</text>`,
      `<line class="g" x1="${LEFT}" x2="${WIDTH - 10}" y1="${y(0)}" y2="${y(0)}"/>`,
      `<path class="r" d="${path(created.map((_, second) => refused[second] ?? 0))}"/>`,
      `<path class="l" d="${path(created)}"/>`,
      `<text class="m" x="${WIDTH - 10}" y="${y(0) + 16}" text-anchor="end">${created.length} s</text>`,
    );
  });
  return svg(
    { width: WIDTH, height: seconds.length * (PANEL + HEAD), says: 'Creates and refusals in each second under unknown limits' },
    body,
  );
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

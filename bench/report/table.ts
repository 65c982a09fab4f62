import { ratio, spread, whole } from '../format.js';
import type { Line, ScenarioResult, Target } from '../results.js';

type Cells = readonly string[];

/** For a terminal: columns of equal width. */
export function textTable(head: Cells, rows: readonly Cells[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((cells) => cells[column]?.length ?? 0)));
  return all
    .map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function markdownTable(head: Cells, rows: readonly Cells[]): string {
  const line = (cells: Cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

export function lineHead(result: Pick<ScenarioResult, 'base'>): Cells {
  const against = result.base === null ? [] : [`rows/s against ${result.base}`];
  return ['', 'rows', 'rows/s', 'CPU µs a row', 'peak MB', ...against];
}

export function lineCells(line: Line, base: string | null): Cells {
  const cells = [
    line.contender,
    whole(line.rows),
    spread(line.rowsPerSecond, whole),
    spread(line.cpuPerRow, whole),
    spread(line.peakMb, whole),
  ];
  return base === null ? cells : [...cells, line.ratio === null ? '' : spread(line.ratio, ratio)];
}

export const TARGET_HEAD: Cells = ['target', 'at least, or at most', 'measured', 'met'];

export function targetCells({ what, wanted, measured, met }: Target): Cells {
  return [what, wanted, measured, met ? 'yes' : '**no**'];
}

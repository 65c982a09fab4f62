import type { FailureClass } from '../model.js';
import { FAILURE_CLASSES } from '../model.js';
import { displayWidth, fitToWidth } from './display-width.js';
import { formatCount, formatDuration, formatRate } from './format.js';

/** What a bar shows. */
export interface ProgressState {
  readonly elapsedMs: number;
  readonly bytes: number;
  /** null for standard input: no percentage then, and no end in sight. */
  readonly totalBytes: number | null;
  readonly rows: number;
  readonly failures: Map<FailureClass, number>;
  readonly requests: number;
  /** What the run waits for, or that it is stopping: for a person. Otherwise null. */
  readonly waitingFor: string | null;
  readonly rowsPerSecond: number;
  readonly bytesPerSecond: number;
}

/** Two lines, a third while the run waits; none is wider than `columns`. */
export function progressLines(state: ProgressState, screen: { readonly columns: number; readonly color: boolean }): readonly string[] {
  const { columns, color } = screen;
  const lines = [firstLine(state, columns), fitToWidth(detailLine(state), columns)];
  const failed = state.failures.size > 0;
  return [
    lines[0] ?? '',
    style(lines[1] ?? '', color, failed ? RED : DIM),
    ...(state.waitingFor === null ? [] : [style(fitToWidth(state.waitingFor, columns), color, YELLOW)]),
  ];
}

/** Bar and percentage, as far as there is room; the rows before all. */
function firstLine(state: ProgressState, columns: number): string {
  const share = shareOf(state);
  const parts = [`${formatCount(state.rows)} rows`, `${formatRate(state.rowsPerSecond)}/s`, timeLeft(state, share)];
  const numbers = parts.join('  ');
  if (share === null) return fitToWidth(numbers, columns);
  const percent = `${Math.floor(share * 100)} %`.padStart(5);
  const barWidth = Math.min(30, columns - displayWidth(numbers) - displayWidth(percent) - 3);
  if (barWidth < 5) return fitToWidth(`${percent.trim()}  ${numbers}`, columns);
  const full = Math.round(share * barWidth);
  return `${'█'.repeat(full)}${'░'.repeat(barWidth - full)} ${percent}  ${numbers}`;
}

function shareOf({ bytes, totalBytes }: ProgressState): number | null {
  if (totalBytes === null || totalBytes <= 0) return null;
  return Math.min(1, bytes / totalBytes);
}

/** Reading is ahead of sending by the window's rows, so this is a little short near the end. */
function timeLeft(state: ProgressState, share: number | null): string {
  if (share === null || state.totalBytes === null || state.bytesPerSecond <= 0) return formatDuration(state.elapsedMs);
  if (state.waitingFor !== null) return 'ETA ?';
  return `ETA ${formatDuration(((1 - share) * state.totalBytes * 1000) / state.bytesPerSecond)}`;
}

function detailLine({ requests, failures }: ProgressState): string {
  const underWay = `${requests} under way`;
  if (failures.size === 0) return `${underWay}, none failed`;
  const byClass = FAILURE_CLASSES.flatMap((name) => {
    const count = failures.get(name);
    return count === undefined ? [] : [`${formatCount(count)} ${name}`];
  });
  return `${underWay}, failed: ${byClass.join(', ')}`;
}

const RED = 31;
const YELLOW = 33;
const DIM = 2;

function style(line: string, color: boolean, code: number): string {
  return color ? `\u001b[${code}m${line}\u001b[0m` : line;
}

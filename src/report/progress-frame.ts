import type { FailureClass } from '../model.js';
import { FAILURE_CLASSES } from '../model.js';
import { displayWidth, fitToWidth } from './display-width.js';
import { formatCount, formatDuration, formatRate } from './format.js';
import { formatBytes } from './format-bytes.js';

/** What a bar shows. */
export interface ProgressState {
  readonly elapsedMs: number;
  /** Of the inputs, read so far; null before the run. */
  readonly bytes: number | null;
  /** What is settled, from 0 to 1; null for standard input: no percentage then, and no end in sight. */
  readonly share: number | null;
  /** Until the last row is settled, at this pace; null where that can't be told. */
  readonly leftMs: number | null;
  /** What `rows` are; how memories fare isn't said. */
  readonly counting: 'rows' | 'memories';
  readonly rows: number;
  readonly rowsPerSecond: number;
  readonly failures: ReadonlyMap<FailureClass, number>;
  readonly requests: number;
  /** What is looked for beside what is sent, such as `looking for 2 lost answers`; null: nothing. */
  readonly lookingFor: string | null;
  /** What the run waits for, or that it is stopping: for a person. Otherwise null. */
  readonly waitingFor: string | null;
}

/** Two lines, a third while the run waits; before the run only what it waits for. None is wider than `columns`. */
export function progressLines(state: ProgressState, screen: { readonly columns: number; readonly color: boolean }): readonly string[] {
  const { columns, color } = screen;
  const waiting = state.waitingFor === null ? [] : [style(fitToWidth(state.waitingFor, columns), color, YELLOW)];
  if (state.bytes === null) return waiting;
  return [firstLine(state, columns), style(fitToWidth(detailLine(state), columns), color, state.failures.size > 0 ? RED : DIM), ...waiting];
}

/** Bar and percentage, as far as there is room; the rows before all. */
function firstLine(state: ProgressState, columns: number): string {
  const { share, bytes, counting, rows, rowsPerSecond } = state;
  const pace = [`${formatCount(rows)} ${counting}`, `${formatRate(rowsPerSecond)}/s`];
  if (share === null) return fitToWidth([...pace, formatDuration(state.elapsedMs), `${formatBytes(bytes ?? 0)} read`].join('  '), columns);
  const numbers = [...pace, timeLeft(state, share)].join('  ');
  const percent = `${Math.floor(share * 100)} %`.padStart(5);
  const barWidth = Math.min(30, columns - displayWidth(numbers) - displayWidth(percent) - 3);
  if (barWidth < 5) return fitToWidth(`${percent.trim()}  ${numbers}`, columns);
  const full = Math.floor(share * barWidth);
  return `${'█'.repeat(full)}${'░'.repeat(barWidth - full)} ${percent}  ${numbers}`;
}

function timeLeft({ leftMs, elapsedMs }: ProgressState, share: number): string {
  if (share === 1) return formatDuration(elapsedMs);
  return leftMs === null ? 'ETA ?' : `ETA ${formatDuration(leftMs)}`;
}

function detailLine({ counting, requests, failures, lookingFor }: ProgressState): string {
  const now = [`${requests} under way`, ...(lookingFor === null ? [] : [lookingFor])].join(', ');
  if (counting === 'memories') return now;
  if (failures.size === 0) return `${now}, none failed`;
  const byClass = FAILURE_CLASSES.flatMap((name) => {
    const count = failures.get(name);
    return count === undefined ? [] : [`${formatCount(count)} ${name}`];
  });
  return `${now}, failed: ${byClass.join(', ')}`;
}

const RED = 31;
const YELLOW = 33;
const DIM = 2;

function style(line: string, color: boolean, code: number): string {
  return color && line !== '' ? `\u001b[${code}m${line}\u001b[0m` : line;
}

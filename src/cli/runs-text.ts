import { displayWidth, fitToWidth } from '../report/display-width.js';
import { formatCount, formatDuration } from '../report/format.js';
import { cleanLine } from '../report/public-message.js';
import type { ListedRun } from '../runs.js';

/**
 * One line for each run.
 * @param columns of the terminal; null: there is none, and nothing is cut
 */
export function runsText(runs: readonly ListedRun[], columns: number | null): string {
  if (runs.length === 0) return 'The ledger knows no runs yet.\n';
  const full = linesOf(runs.map(wideCells));
  if (columns === null || full.every((line) => displayWidth(line) <= columns)) return textOf(full);
  // What doesn't fit even then is cut at the end, where the inputs are.
  return textOf(linesOf(runs.map(narrowCells)).map((line) => fitToWidth(line, columns)));
}

interface Cell {
  readonly text: string;
  readonly isNumber?: boolean;
}

function wideCells({ runId, status, startedAt, durationMs, counts, inputs, reasonCode, undone, hasFiles }: ListedRun): readonly Cell[] {
  const notes = [
    reasonCode === 'signal' ? null : reasonCode,
    undone === null ? null : undone.left === 0 ? 'undone' : `partly undone, ${formatCount(undone.left)} left`,
    hasFiles ? null : 'no files',
    inputs.map(cleanLine).join(', '),
  ];
  return [
    { text: runId },
    { text: minuteOf(startedAt) },
    { text: STATUS_WORDS[status] },
    { text: durationMs === null ? '' : formatDuration(durationMs), isNumber: true },
    { text: counts === null ? '' : `${formatCount(counts.rows)} rows`, isNumber: true },
    { text: counts === null ? '' : `${formatCount(counts.created + counts.recovered)} created`, isNumber: true },
    { text: counts === null || counts.failed === 0 ? '' : `${formatCount(counts.failed)} failed`, isNumber: true },
    { text: notes.filter((note) => note !== null && note !== '').join(' · ') },
  ];
}

/** The id has the start in it, what was created says more than what was read, and why it stopped more than that it did. */
function narrowCells(run: ListedRun): readonly Cell[] {
  const [id, , status, took, , created, failed, notes] = wideCells({ ...run, reasonCode: null });
  const why = run.status === 'stopped' && run.reasonCode !== null ? { text: run.reasonCode } : status;
  return [id, why, took, created, failed, notes].filter((cell) => cell !== undefined);
}

/** Short: the counts beside it say the rest. */
const STATUS_WORDS: Readonly<Record<ListedRun['status'], string>> = {
  running: 'running',
  completed: 'completed',
  completed_with_failures: 'some failed',
  stopped: 'stopped',
  interrupted: 'interrupted',
  killed: 'killed',
};

/** By the clock on the wall, in the time zone of who reads it. */
function minuteOf(iso: string): string {
  const at = new Date(iso);
  const two = (part: number) => String(part).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

function linesOf(table: readonly (readonly Cell[])[]): readonly string[] {
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((cells) => displayWidth(cells[column]?.text ?? ''))));
  // A column that is empty everywhere takes no room.
  return table.map((cells) =>
    cells
      .flatMap(({ text, isNumber }, column) => {
        const width = widths[column] ?? 0;
        const space = ' '.repeat(Math.max(0, width - displayWidth(text)));
        return width === 0 ? [] : [isNumber ? space + text : text + space];
      })
      .join('  ')
      .trimEnd(),
  );
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

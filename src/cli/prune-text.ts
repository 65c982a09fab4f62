import type { PrunedRun, PrunedRuns } from '../prune-runs.js';
import { formatCount } from '../report/format.js';
import { cleanLine } from '../report/public-message.js';

/** What `runs --prune` did, or would do, for a person or a cron mail. */
export function pruneText({ dryRun, before, pruned, files, bytes, kept, elsewhere, unknown }: PrunedRuns): string {
  const time = `${before.slice(0, 16).replace('T', ' ')} UTC`;
  const keeps = kept === 0 ? '' : ` ${countOf(kept, 'run')} ${kept === 1 ? 'keeps its' : 'keep their'} files.`;
  const head =
    pruned.length === 0
      ? `Nothing to remove: no run that ended before ${time} has files.${keeps}`
      : `${dryRun ? 'Would remove' : 'Removed'} ${countOf(files, 'file')} of ${countOf(pruned.length, 'run')} that ended before ${time}, ${sizeOf(bytes)} in all.${keeps}`;
  const lines = [
    head,
    ...pruned.map((run) => `  ${run.runId}  ${countOf(run.files, 'file')}, ${sizeOf(run.bytes)}${remarks(run)}`),
    ...group(elsewhere, 'not in this --out, and so left alone (name their folder with --out)'),
    ...group(unknown, "of no run that this ledger knows, and so left alone (another ledger's, or a lost one's)"),
  ];
  return `${lines.join('\n')}\n`;
}

function remarks({ left, problem }: PrunedRun): string {
  const shown = left.slice(0, 3).map(cleanLine).join(', ');
  const more = left.length > 3 ? ` and ${left.length - 3} more` : '';
  return [
    left.length === 0 ? '' : `; left what is not a report: ${shown}${more}`,
    problem === null ? '' : `; could not remove all: ${cleanLine(problem)}`,
  ].join('');
}

const SHOWN = 10;

function group(folders: readonly string[], why: string): readonly string[] {
  if (folders.length === 0) return [];
  const more = folders.length > SHOWN ? [`  and ${formatCount(folders.length - SHOWN)} more`] : [];
  return [`${countOf(folders.length, 'folder')} ${why}:`, ...folders.slice(0, SHOWN).map((path) => `  ${cleanLine(path)}`), ...more];
}

function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function sizeOf(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

import type { RunSummary } from '../model.js';
import { countOf, formatCount } from './format.js';

/** Did it work? In one sentence, and in one word with its tone. */
export interface Verdict {
  readonly badge: { readonly word: string; readonly tone: 'good' | 'mixed' | 'bad' };
  readonly sentence: string;
}

export function verdict(run: RunSummary): Verdict {
  const { counts, surplus } = run;
  const rows = countOf(counts.rows, 'row');
  const there = counts.created + counts.recovered + counts.alreadyImported + counts.duplicate;
  const failed = counts.failed === 0 ? '' : `, ${formatCount(counts.failed)} of them failed`;
  switch (run.status) {
    case 'completed':
      return { badge: { word: 'Done', tone: 'good' }, sentence: allThere(run) };
    case 'completed_with_failures':
      return {
        badge: { word: counts.failed > 0 ? 'Done, with failures' : 'Done, with surplus', tone: 'mixed' },
        sentence:
          counts.failed > 0
            ? `${formatCount(there)} of ${rows} ${there === 1 ? 'is' : 'are'} in Callers, ${formatCount(counts.failed)} failed.`
            : `Every row is in Callers, and ${countOf(surplus.length, 'contact')} ${surplus.length === 1 ? 'has' : 'have'} surplus memories.`,
      };
    case 'stopped':
      return {
        badge: { word: 'Stopped', tone: 'bad' },
        sentence:
          counts.rows === 0 ? 'It stopped before the first row.' : `It stopped early: ${settled(counts.rows)} before that${failed}.`,
      };
    case 'interrupted':
      return {
        badge: { word: 'Interrupted', tone: 'mixed' },
        sentence:
          counts.rows === 0
            ? 'It was interrupted before the first row.'
            : `It was interrupted: ${settled(counts.rows)} before that${failed}.`,
      };
  }
}

/** Of a run that was undone since, whatever it had come to. */
export function undoneVerdict({ notes, left }: { readonly notes: number; readonly left: number }): Verdict {
  const deleted = `${countOf(notes, 'note')} of it ${notes === 1 ? 'was' : 'were'} deleted again`;
  if (left === 0) return { badge: { word: 'Undone', tone: 'mixed' }, sentence: `Undone: ${deleted}.` };
  return {
    badge: { word: 'Partly undone', tone: 'mixed' },
    sentence: `Partly undone: ${deleted}, ${formatCount(left)} ${left === 1 ? 'is' : 'are'} left.`,
  };
}

function allThere({ counts }: RunSummary): string {
  const { rows, filtered } = counts;
  if (rows === 0) return 'The input has no rows.';
  if (filtered === rows) return `All ${countOf(rows, 'row')} ${rows === 1 ? 'was' : 'were'} left out.`;
  if (filtered > 0) return `Every row taken is in Callers; ${formatCount(filtered)} of ${formatCount(rows)} were left out.`;
  return rows === 1 ? 'The one row is in Callers.' : `All ${formatCount(rows)} rows are in Callers.`;
}

function settled(rows: number): string {
  return `${countOf(rows, 'row')} ${rows === 1 ? 'was' : 'were'} settled`;
}

import type { Ending, UndoPreview, UndoSummary, VerifySummary } from '../model-after-run.js';
import { formatCount, formatDuration } from './format.js';

// What `verify` and `undo` say to a person: what came out, what each number means and what to do about it, where the lines are.

/** Plain text of several lines, the last one with its line end. */
export function verifyText(summary: VerifySummary): string {
  const { counts, contacts, sample, files, durationMs } = summary;
  const lists = contacts.listed + contacts.gone + contacts.failed;
  const what = `${countOf(counts.checked, 'memory', 'memories')} in ${countOf(lists, 'list')}`;
  const open: readonly Line[] = [
    ['missing', counts.missing, 'not in the API any more, and the ledger counts them as imported. To have them again: import the same'],
    ['', null, 'file with --adopt and a new --ledger, which creates only what is not there'],
    ['altered', counts.altered, 'there, with another name or text: changed in Callers since?'],
    ['twice', counts.twice, 'the same content under several ids: delete the surplus by hand (otherIds)'],
    ['contact gone', counts.contactGone, 'the API knows no such contact any more'],
    ['unproven', counts.unproven, 'not in a list that may be cut off at a page: look at the contact in Callers'],
    ['unknown', counts.unknown, "the contact's list couldn't be had: verify again"],
    ['in doubt', counts.inDoubt, 'sent, and never settled, so not checked: the next import looks for them'],
    ['undone', counts.undone, 'deleted by `undo`, so not checked'],
  ];
  return paragraphs([
    [
      ...stopLines(summary, 'Verified'),
      ...(counts.checked === 0 && summary.status === 'completed'
        ? [`Nothing to verify: run ${summary.runId} created no memory that is still its own.`]
        : [`Checked ${what} (${formatDuration(durationMs)}).${summary.ok ? ' Every one is there, as it was sent.' : ''}`]),
      ...(sample === null
        ? []
        : [`A sample: ${countOf(sample.contacts, 'contact')} of ${formatCount(sample.ofContacts)}, chosen with --seed ${sample.seed}.`]),
    ],
    table([['match', counts.match, ''], ...open]),
    files.verify === undefined || counts.checked === 0 ? [] : ['Files', `  verify  ${files.verify}`],
    nextLines(summary, 'Verify again: it begins anew.'),
  ]);
}

/** What is about to be deleted, and the question. */
export function undoPreviewText(preview: UndoPreview): { readonly facts: string; readonly question: string } {
  const { runId, baseUrl, memories, contacts } = preview;
  const what = `${countOf(memories, 'memory', 'memories')} on ${countOf(contacts, 'contact')}`;
  return {
    facts: [`Run ${runId} created ${what} at ${baseUrl}.`, ...doubtLines(preview.inDoubt)].join('\n'),
    question: `Delete ${memories === 1 ? 'it' : `these ${formatCount(memories)} memories`}? They can't be brought back.`,
  };
}

/** Plain text of several lines, the last one with its line end. */
export function undoText(summary: UndoSummary): string {
  const { runId, counts, contacts, files, durationMs, dryRun } = summary;
  const what = `${countOf(counts.toUndo, 'memory', 'memories')} on ${countOf(contacts, 'contact')}`;
  const before = counts.undoneBefore > 0 ? ` ${formatCount(counts.undoneBefore)} were undone before.` : '';
  if (counts.toUndo === 0)
    return paragraphs([[`Nothing to undo: run ${runId} created no memory that is still its own.${before}`, ...doubtLines(counts.inDoubt)]]);
  if (dryRun)
    return paragraphs([[`Nothing was deleted. An undo of run ${runId} would delete ${what}.${before}`, ...doubtLines(counts.inDoubt)]]);
  const left = counts.altered + counts.failed + counts.left;
  return paragraphs([
    [
      ...stopLines(summary, 'Undone'),
      `Of ${what}, ${left === 0 ? 'none is left' : `${formatCount(left)} ${left === 1 ? 'is' : 'are'} left`} (${formatDuration(durationMs)}).`,
    ],
    table([
      ['deleted', counts.deleted, ''],
      ['gone already', counts.gone, 'deleted before, by whomever'],
      ['altered', counts.altered, 'changed since, and left alone with all parts: --force deletes them'],
      ['failed', counts.failed, 'not deleted: see the messages in the file; the same command tries again'],
      ['left', counts.left, 'not come to'],
    ]),
    doubtLines(counts.inDoubt),
    files.undo === undefined ? [] : ['Files', `  undo  ${files.undo}`],
    nextLines(summary, 'Run the same command again: it goes on from here.'),
  ]);
}

function doubtLines(inDoubt: number): readonly string[] {
  if (inDoubt === 0) return [];
  return [
    `${countOf(inDoubt, 'note')} of it ${inDoubt === 1 ? 'is' : 'are'} in doubt: sent, perhaps, and not to be undone before that is settled. Any import settles it,`,
    'also one of a file with nothing but a header; what it finds is then undone with that run.',
  ];
}

function stopLines({ status, reason }: Ending, done: string): readonly string[] {
  if (status === 'stopped') return [`Stopped: ${reason ?? 'no reason given'}`];
  return status === 'interrupted' ? [`Interrupted. ${done} as far as it came:`] : [];
}

function nextLines({ status, continues }: Ending, again: string): readonly string[] {
  if (status !== 'stopped' && status !== 'interrupted') return [];
  return ['Next', `  ${continues ? again : `Mend what stopped it (see above). ${again}`}`];
}

/** Name, count, meaning; null: goes on from the line before. */
type Line = readonly [name: string, count: number | null, meaning: string];

function table(lines: readonly Line[]): readonly string[] {
  let isShown = false;
  const shown = lines.filter(([, count]) => {
    if (count !== null) isShown = count > 0;
    return isShown;
  });
  const names = Math.max(0, ...shown.map(([name]) => name.length));
  const numbers = Math.max(0, ...shown.map(([, count]) => (count === null ? 0 : formatCount(count).length)));
  return shown.map(([name, count, meaning]) =>
    `  ${name.padEnd(names)}  ${(count === null ? '' : formatCount(count)).padStart(numbers)}  ${meaning}`.trimEnd(),
  );
}

function paragraphs(parts: readonly (readonly string[])[]): string {
  const filled = parts.filter((lines) => lines.length > 0);
  return `${filled.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}

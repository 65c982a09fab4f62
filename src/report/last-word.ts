import type { FailureClass, RunSummary } from '../model.js';
import { FAILURE_CLASSES, FAILURE_COUNT_NAMES } from '../model.js';
import { formatCount, formatDuration, formatRate } from './format.js';
import { cleanLine, publicMessage } from './public-message.js';
import type { Reason } from './reasons.js';
import type { Tally } from './summary.js';

/**
 * The last word on the terminal, for a person to act on: what happened, what failed and why, which files, which command next. Plain text of
 * several lines, the last one with its line end.
 *
 * @param more.files other files of the run: `failures-2.csv` …
 * @param more.options the options to repeat in a command, ready for a shell; without them the text says to repeat them
 */
export function lastWord(
  run: RunSummary,
  tally: Pick<Tally, 'topReasons'>,
  more: { readonly files?: readonly string[]; readonly options?: string } = {},
): string {
  const paragraphs = [
    headline(run),
    countLines(run),
    failureLines(run, tally),
    surplusLines(run),
    fileLines(run, more.files ?? []),
    nextLines(run, more),
  ];
  return `${paragraphs
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function headline({ status, reason, counts, durationMs, rowsPerSecond, surplus }: RunSummary): readonly string[] {
  const measure = `${formatDuration(durationMs)}${rowsPerSecond > 0 ? `, ${formatRate(rowsPerSecond)} rows/s` : ''}`;
  const rows = countOf(counts.rows, 'row');
  const failed = counts.failed === 0 ? '' : `, ${formatCount(counts.failed)} of them failed`;
  switch (status) {
    case 'completed':
      if (counts.rows === 0) return ['Done: the input has no rows.'];
      return [`Done: ${rows} in ${measure}. ${counts.filtered > 0 ? 'Every row taken' : 'Every one'} is in the API.`];
    case 'completed_with_failures':
      if (counts.failed === 0) return [`Done: ${rows} in ${measure}; ${countOf(surplus.length, 'contact')} with surplus memories.`];
      return [`Finished, and ${formatCount(counts.failed)} of ${rows} failed (${measure}).`];
    case 'stopped':
      return [`Stopped: ${reason ?? 'no reason given'}`, `${capital(rows)} settled before that${failed} (${measure}).`];
    case 'interrupted':
      return [`Interrupted; what was under way was finished. ${capital(rows)} settled${failed} (${measure}).`];
  }
}

function countLines({ counts }: RunSummary): readonly string[] {
  const lines = [
    ['created', counts.created],
    ['recovered', counts.recovered, 'created; their answers had been lost'],
    [
      'imported before',
      counts.alreadyImported,
      counts.changed > 0 ? `${formatCount(counts.changed)} changed since, and were not sent` : '',
    ],
    ['duplicates', counts.duplicate, 'the same note as an earlier row'],
    ['filtered', counts.filtered, 'left out, as asked'],
    ['failed', counts.failed],
  ] as const;
  const present = lines.filter(([, count]) => count > 0);
  const width = Math.max(0, ...present.map(([, count]) => formatCount(count).length));
  return present.map(([name, count, note]) => `  ${name.padEnd(15)}  ${formatCount(count).padStart(width)}${note ? `  ${note}` : ''}`);
}

/** What a class means, and what to do about it. */
const ADVICE: Readonly<Record<FailureClass, string>> = {
  malformed: 'not a readable CSV record: mend it in malformed.csv and import that',
  invalid: "against the API's limits: mend the cells",
  bad_request: 'refused by the API as wrong: see _message and _details',
  not_found: 'no such contact: mend the contactId, or add the contact first',
  forbidden: "not allowed: is the sub organization the key's own?",
  rejected: 'refused for good: see _status and _message',
  rate_limited: 'the API still asked for patience when time was up',
  server_error: 'the server failed, again and again',
  network: 'no answer could be had',
  in_doubt: "sent, and can't be proved to be there or not: the next run looks again",
  held: 'not sent, to keep the order behind an earlier note of the contact',
};

/** The same command again is all they need. */
const PASSING: readonly FailureClass[] = ['rate_limited', 'server_error', 'network', 'in_doubt', 'held'];

function failureLines({ counts }: RunSummary, tally: Pick<Tally, 'topReasons'>): readonly string[] {
  const present = presentClasses(counts);
  if (present.length === 0) return [];
  const names = Math.max(...present.map((name) => name.length));
  const numbers = Math.max(...present.map((name) => formatCount(failuresOf(counts, name)).length));
  const indent = ' '.repeat(2 + names + 2);
  return [
    'What failed',
    ...present.flatMap((name) => [
      `  ${name.padEnd(names)}  ${formatCount(failuresOf(counts, name)).padStart(numbers)}  ${ADVICE[name]}`,
      ...tally.topReasons(name, 3).map((reason) => `${indent}${formatCount(reason.count).padStart(numbers)}  - ${reasonText(reason)}`),
    ]),
  ];
}

/** An example stands for messages that differ from it in their numbers. */
function reasonText({ message, count, isExample }: Reason): string {
  return `${publicMessage(message, null, 110)}${isExample ? `; ${formatCount(count - 1)} more alike` : ''}`;
}

function presentClasses(counts: RunSummary['counts']): readonly FailureClass[] {
  return FAILURE_CLASSES.filter((name) => failuresOf(counts, name) > 0);
}

function failuresOf(counts: RunSummary['counts'], name: FailureClass): number {
  return counts.failures[FAILURE_COUNT_NAMES[name]];
}

function surplusLines({ surplus }: RunSummary): readonly string[] {
  if (surplus.length === 0) return [];
  const shown = surplus
    .slice(0, 3)
    .map(({ contactId, memoryIds }) => `  contact ${cleanLine(contactId)}: ${memoryIds.map(cleanLine).join(', ')}`);
  return [
    'Surplus memories: a request that was given up reached the API after all. Delete these by hand:',
    ...shown,
    ...(surplus.length > shown.length ? [`  and ${countOf(surplus.length - shown.length, 'contact')} more: see summary.json`] : []),
  ];
}

/** Where all is well nobody needs a file by name. */
function fileLines({ files, counts }: RunSummary, more: readonly string[]): readonly string[] {
  const lines = [
    ['failures', counts.failed > 0 ? files.failures : undefined],
    ['malformed', files.malformed],
    ...more.map((path) => ['', path] as const),
    ['success', files.success],
    ['report', files.report],
  ] as const;
  const present = lines.filter(([, path]) => path !== undefined);
  return present.length === 0 ? [] : ['Files', ...present.map(([name, path]) => `  ${name.padEnd(9)}  ${path}`)];
}

function nextLines(run: RunSummary, more: { readonly files?: readonly string[]; readonly options?: string }): readonly string[] {
  const present = presentClasses(run.counts);
  const toMend = present.filter((name) => !PASSING.includes(name));
  const stoppedEarly = run.status === 'stopped' || run.status === 'interrupted';
  if (!stoppedEarly && present.length === 0) return [];

  const steps: string[] = [];
  if (stoppedEarly) {
    steps.push(
      run.continues
        ? '  Run the same command again: it goes on from here.'
        : '  Mend what stopped it (see above), then import again: what is there already is not sent twice.',
    );
  }
  if (toMend.length > 0) {
    const readable = toMend.some((name) => name !== 'malformed');
    const inputs = [
      ...(readable ? [run.files.failures] : []),
      ...(toMend.includes('malformed') ? [run.files.malformed] : []),
      ...(more.files ?? []),
    ];
    const options = more.options === undefined || more.options === '' ? '' : ` ${more.options}`;
    steps.push(
      `  Mend the rows in ${inputs.length === 1 ? 'this file' : 'these files'}, then${more.options === undefined ? ', with the same options' : ''}:`,
    );
    for (const path of inputs) if (path !== undefined) steps.push(`    memory-import import ${quoteForShell(path)}${options}`);
  }
  const passing = present.filter((name) => PASSING.includes(name));
  if (passing.length > 0 && !stoppedEarly) steps.push(`  For ${passing.join(', ')} there is nothing to mend: run the same command again.`);
  if (passing.includes('in_doubt') && !stoppedEarly) {
    steps.push('  If a note stays in_doubt, look at its contact in Callers: if it is not there, --in-doubt resend sends it again.');
  }
  return ['Next', ...steps];
}

function quoteForShell(path: string): string {
  return /^[\w./:@%+=-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

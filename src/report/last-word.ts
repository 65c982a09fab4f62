import type { RunSummary } from '../model.js';
import { ADVICE, failuresOf, presentClasses } from './failure-advice.js';
import { countOf, formatCount, formatDuration, formatRate } from './format.js';
import { nextSteps } from './next-steps.js';
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
    ['filtered', counts.filtered, 'left out by a condition, a profile or --accept'],
    ['failed', counts.failed],
  ] as const;
  const present = lines.filter(([, count]) => count > 0);
  const width = Math.max(0, ...present.map(([, count]) => formatCount(count).length));
  return present.map(([name, count, note]) => `  ${name.padEnd(15)}  ${formatCount(count).padStart(width)}${note ? `  ${note}` : ''}`);
}

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
    ['unknown', files.unknownContacts],
    ['success', files.success],
    ['report', files.report],
  ] as const;
  const present = lines.filter(([, path]) => path !== undefined);
  return present.length === 0 ? [] : ['Files', ...present.map(([name, path]) => `  ${name.padEnd(9)}  ${path}`)];
}

function nextLines(run: RunSummary, more: Parameters<typeof nextSteps>[1]): readonly string[] {
  const steps = nextSteps(run, more).flatMap(({ text, commands }) => [`  ${text}`, ...commands.map((command) => `    ${command}`)]);
  return steps.length === 0 ? [] : ['Next', ...steps];
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

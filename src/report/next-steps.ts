import type { RunSummary } from '../model.js';
import { quoteForShell } from '../shell-quote.js';
import { PASSING, presentClasses } from './failure-advice.js';

/** What a person does next: a sentence, and the commands for it, ready for a shell. */
export interface NextStep {
  readonly text: string;
  readonly commands: readonly string[];
}

/**
 * @param more.files other files of the run: `failures-2.csv` …
 * @param more.options the options to repeat in a command, ready for a shell; without them the text says to repeat them
 * @param more.command the command of this run, word for word, where it is known and not on the screen anyway
 */
export function nextSteps(
  run: RunSummary,
  more: { readonly files?: readonly string[]; readonly options?: string; readonly command?: string },
): readonly NextStep[] {
  const present = presentClasses(run.counts);
  const toMend = present.filter((name) => !PASSING.includes(name));
  const stoppedEarly = run.status === 'stopped' || run.status === 'interrupted';
  const same = more.command === undefined ? [] : [more.command];
  const steps: NextStep[] = [];
  if (stoppedEarly) {
    steps.push(
      run.continues
        ? { text: 'Run the same command again: it goes on from here.', commands: same }
        : { text: 'Mend what stopped it (see above), then import again: what is there already is not sent twice.', commands: same },
    );
  }
  if (run.files.unknownContacts !== undefined) {
    const text = `${run.files.unknownContacts} has the ids that the list of contacts lacks: put them there, or fill in its column contactId and give it as --contacts.`;
    steps.push({ text, commands: [] });
  }
  if (toMend.length > 0) {
    const readable = toMend.some((name) => name !== 'malformed');
    const inputs = [
      ...(readable ? [run.files.failures] : []),
      ...(toMend.includes('malformed') ? [run.files.malformed] : []),
      ...(more.files ?? []),
    ];
    const options = more.options === undefined || more.options === '' ? '' : ` ${more.options}`;
    steps.push({
      text: `Mend the rows in ${inputs.length === 1 ? 'this file' : 'these files'}, then${more.options === undefined ? ', with the same options' : ''}:`,
      commands: inputs.flatMap((path) => (path === undefined ? [] : [`memory-import import ${quoteForShell(path)}${options}`])),
    });
  }
  const passing = present.filter((name) => PASSING.includes(name));
  if (passing.length > 0 && !stoppedEarly) {
    steps.push({ text: `For ${passing.join(', ')} there is nothing to mend: run the same command again.`, commands: same });
  }
  if (passing.includes('in_doubt') && !stoppedEarly) {
    const text = 'If a note stays in_doubt, look at its contact in Callers: if it is not there, --in-doubt resend sends it again.';
    steps.push({ text, commands: [] });
  }
  return steps;
}

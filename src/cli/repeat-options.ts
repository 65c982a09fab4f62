import { shownLedger } from '../ledger-address.js';
import type { Repeat } from '../report/page-facts.js';
import { quoteForShell } from '../shell-quote.js';
import type { Call } from './io.js';
import { type OptionSpec, optionsOf } from './option-specs.js';

/** The options of this command, to be given again with a failures file; ready for a shell. What only suited this one call is left out. */
export function repeatOptions(values: Readonly<Record<string, unknown>>): string {
  return wordsWithout(ONCE, withoutPassword(values)).join(' ');
}

/** The command for others to see: the whole of it, and its options alone. Without credentials, and with … where a note's name or text may stand. */
export function repeatForPage({ args, values }: Pick<Call, 'args' | 'values'>): Repeat {
  const shown = Object.fromEntries(
    Object.entries(withoutPassword(values)).map(([name, value]) => [
      name,
      withoutSecrets(name === 'set' && value !== undefined ? withoutTexts(value) : value),
    ]),
  );
  return {
    command: ['memory-import import', ...args.map(quoteForShell), ...wordsWithout(NOT_SHOWN, shown)].join(' '),
    options: repeatOptions(shown),
  };
}

/** Of no interest to a reader of the page, or not for everybody's eyes: a hook's address may hold a token. */
const NOT_SHOWN: readonly string[] = ['dryRun', 'detach', 'json', 'progress', 'logLevel', 'yes', 'onFinish'];
const ONCE: readonly string[] = ['limit', 'maxDuration', 'metricsFile', 'only', 'adopt', 'sameAccount', ...NOT_SHOWN];

function wordsWithout(names: readonly string[], values: Readonly<Record<string, unknown>>): readonly string[] {
  return optionsOf('import')
    .filter((spec) => !names.includes(spec.name))
    .flatMap((spec) => words(spec, values[spec.name]));
}

/** A ledger's address may hold a password. */
function withoutPassword(values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return typeof values.ledger === 'string' ? { ...values, ledger: shownLedger(values.ledger) } : values;
}

function withoutTexts(set: unknown): unknown {
  return [set].flat().map((pair) => String(pair).replace(/^(\s*(?:name|text)\s*=).*$/is, '$1…'));
}

function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  return typeof value === 'string' ? value.replace(/:\/\/[^/@\s]*@/, '://…@') : value;
}

function words({ flags }: OptionSpec, value: unknown): readonly string[] {
  const flag = flags.split(' ', 1)[0] ?? '';
  if (value === undefined || value === false) return [];
  if (value === true) return [flag];
  return [value].flat().map((one) => `${flag} ${quoteForShell(String(one))}`);
}

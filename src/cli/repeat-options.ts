import { type OptionSpec, optionsOf } from './option-specs.js';

/** The options of this command, to be given again with a failures file; ready for a shell. What only suited this one call is left out. */
export function repeatOptions(values: Readonly<Record<string, unknown>>): string {
  return optionsOf('import')
    .filter((spec) => !ONCE.includes(spec.name))
    .flatMap((spec) => words(spec, values[spec.name]))
    .join(' ');
}

const ONCE: readonly string[] = [
  'limit',
  'maxDuration',
  'metricsFile',
  'only',
  'adopt',
  'sameAccount',
  'dryRun',
  'json',
  'progress',
  'logLevel',
  'onFinish',
  'yes',
];

function words({ flags }: OptionSpec, value: unknown): readonly string[] {
  const flag = flags.split(' ', 1)[0] ?? '';
  if (value === undefined || value === false) return [];
  if (value === true) return [flag];
  return [value].flat().map((one) => `${flag} ${quoteForShell(String(one))}`);
}

function quoteForShell(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

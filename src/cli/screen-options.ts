import { OptionsError } from '../errors.js';
import { near, readConfig } from '../options.js';
import type { Call } from './io.js';
import { OPTION_SPECS } from './option-specs.js';

/** How a command shows what happens: the options that a library call doesn't have. */
export interface ScreenOptions {
  readonly json: boolean;
  /** null: what suits the screen. */
  readonly logLevel: LogLevel | null;
  readonly progress: boolean;
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The command line wins over the config file. @throws OptionsError */
export function resolveScreenOptions(values: Call['values']): ScreenOptions {
  const config = typeof values.config === 'string' ? readConfig(values.config) : {};
  const problems: string[] = [];
  const choose = <T>(name: string, fallback: T, accept: (found: unknown) => T | undefined, expected: string): T => {
    // Commander sets `progress` whether `--no-progress` was given or not; only `false` is somebody's word.
    const given = name === 'progress' && values[name] === true ? undefined : values[name];
    const found = given ?? config[name];
    const accepted = found === undefined ? fallback : accept(found);
    if (accepted === undefined) {
      const where = given === undefined ? `"${name}" in ${values.config}` : flagOf(name);
      problems.push(`${where}: expected ${expected}, found ${JSON.stringify(found)}${near(String(found), LOG_LEVELS)}`);
    }
    return accepted ?? fallback;
  };
  const yesOrNo = (found: unknown) => (typeof found === 'boolean' ? found : undefined);
  const options = {
    json: choose('json', false, yesOrNo, 'true or false'),
    progress: choose('progress', true, yesOrNo, 'true or false'),
    logLevel: choose<LogLevel | null>(
      'logLevel',
      null,
      (found) => LOG_LEVELS.find((level) => level === found),
      `one of ${LOG_LEVELS.join(', ')}`,
    ),
  };
  if (problems.length > 0) throw new OptionsError(problems);
  return options;
}

function flagOf(name: string): string {
  return OPTION_SPECS.find((spec) => spec.name === name)?.flags.split(' ', 1)[0] ?? name;
}

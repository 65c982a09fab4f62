import type { ImportOptions } from '../options.js';
import type { Call } from './io.js';

/** What the command line asks of the import, unchecked: `resolveOptions` does that. What is the screen's business is left out. */
export function toImportOptions({ args, values }: Pick<Call, 'args' | 'values'>): ImportOptions {
  const {
    detach: _detach,
    dryRun: _dryRun,
    json: _json,
    logLevel: _logLevel,
    metricsFile: _metricsFile,
    onFinish: _onFinish,
    progress: _progress,
    yes: _yes,
    ...options
  } = values;
  // Untrusted on purpose: every value is checked behind `resolveOptions`.
  return (args.length > 0 ? { ...options, inputs: args } : options) as ImportOptions;
}

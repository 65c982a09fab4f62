import type { Halt } from '../dispatch/halt.js';
import { StoppedError } from '../errors.js';
import type { ResolvedOptions } from '../options.js';
import type { Tally } from '../report/summary.js';

/** With a percentage: not before so many rows are settled. */
const PERCENT_FROM_ROWS = 100;

export interface FailureLimit {
  readonly tally: Pick<Tally, 'counts'>;
  readonly options: Pick<ResolvedOptions, 'maxFailures'>;
  readonly halt: Pick<Halt, 'stop'>;
}

/** `--max-failures`: asked whenever rows were settled. */
export function stopAtTooManyFailures({ tally, options, halt }: FailureLimit): void {
  if (options.maxFailures === null) return;
  const { failed, rows } = tally.counts();
  const reached =
    'rows' in options.maxFailures
      ? failed >= options.maxFailures.rows
      : rows >= PERCENT_FROM_ROWS && failed * 100 >= options.maxFailures.percent * rows;
  if (!reached) return;
  const limit = 'rows' in options.maxFailures ? `${options.maxFailures.rows}` : `${options.maxFailures.percent}%`;
  halt.stop(
    new StoppedError(
      'too_many_failures',
      `${failed} of ${rows} rows failed, and --max-failures is ${limit}. See failures.csv; the same command goes on from here.`,
      true,
    ),
  );
}

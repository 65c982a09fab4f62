import type { Halt } from '../dispatch/halt.js';
import { StoppedError, UserError } from '../errors.js';
import type { Clock } from '../model.js';
import { formatDuration } from '../report/format.js';
import type { Intake } from './intake.js';

export interface MaxDuration {
  /** null: as long as it takes. */
  readonly maxDurationMs: number | null;
  /** Epoch milliseconds: when the command started. Whatever it waits for counts too: outages, 429s, an input that is slow to come. */
  readonly startedAt: number;
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
  readonly halt: Pick<Halt, 'stop'>;
}

/** `--max-duration`: a soft stop. @returns what takes the limit away, once nothing is left that it could stop */
export function stopAtMaxDuration({ maxDurationMs, startedAt, clock, halt }: MaxDuration): () => void {
  const lifted = new AbortController();
  if (maxDurationMs !== null) void stopWhenOver(startedAt + maxDurationMs);
  return () => lifted.abort();

  async function stopWhenOver(end: number): Promise<void> {
    // More than once: a timer may come early, by a millisecond or because it can't be set that far ahead.
    while (clock.now() < end && !lifted.signal.aborted) await clock.sleep(end - clock.now(), lifted.signal);
    if (lifted.signal.aborted) return;
    const limit = formatDuration(maxDurationMs ?? 0);
    const message = `The run has taken ${limit}, which is its --max-duration. The same command goes on from here.`;
    halt.stop(new StoppedError('max_duration', message, true));
  }
}

/**
 * Standard input may never give its header, and then there is no run yet that could be stopped.
 * @throws UserError where it takes longer than the run may
 */
export async function openedInTime(opening: Promise<Intake>, limit: Omit<MaxDuration, 'halt'>): Promise<Intake> {
  return await new Promise((resolve, reject) => {
    const lift = stopAtMaxDuration({
      ...limit,
      halt: {
        stop() {
          const time = formatDuration(limit.maxDurationMs ?? 0);
          reject(new UserError(`The input gave no header within the --max-duration of ${time}. Nothing was sent.`));
          void opening.then((late) => late.close()).catch(() => {});
        },
      },
    });
    opening.then(resolve, reject).finally(lift);
  });
}

import type { Halt } from '../dispatch/halt.js';
import { StoppedError } from '../errors.js';
import type { Clock } from '../model.js';
import { formatDuration } from '../report/format.js';

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

import type { Emit, RunSummary } from '../model.js';
import { lastWord } from '../report/last-word.js';
import { logEvents } from '../report/log.js';
import { createTally } from '../report/summary.js';
import type { Io } from './io.js';
import type { ScreenOptions } from './screen-options.js';
import { openStderr } from './stderr.js';

/** What a person or a log collector sees of a run on stderr. Results on stdout are the command's own business. */
export interface Screen {
  readonly onEvent: Emit;
  /** Tells something that no event tells. */
  readonly say: (message: string) => void;
  readonly lastWord: (summary: RunSummary, options: string) => string;
  /** Takes the progress bar away, and ends the lines of progress. */
  readonly close: () => void;
}

/**
 * On a terminal a progress bar, and a pretty log of what matters; otherwise JSON lines.
 * @param secrets what must never be seen
 */
export async function openScreen({
  io,
  options,
  secrets,
}: {
  readonly io: Io;
  readonly options: ScreenOptions;
  readonly secrets: readonly string[];
}): Promise<Screen> {
  const { logger, withBar, startBar, bar, stopBar } = await openStderr({ io, options, secrets });
  const log = logEvents(logger, { progress: !withBar });
  // Only the last word needs its reasons.
  const tally = options.json ? null : createTally();

  return {
    onEvent(event) {
      // Not before: what keeps a run from starting is said, or asked, without a bar beside it. A long list is read before that.
      const begins = event.type === 'reading_contacts' || event.type === 'opening_ledger' || event.type === 'run_started';
      if (begins) startBar();
      bar()?.consume(event);
      tally?.consume(event);
      log.consume(event);
    },
    say: (message) => logger.warn({ event: 'signal' }, message),
    lastWord: (summary, repeated) => lastWord(summary, tally ?? createTally(), { options: repeated }),
    close() {
      log.stop();
      stopBar();
    },
  };
}

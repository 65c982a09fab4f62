import type { Emit } from '../model.js';
import { formatCount } from '../report/format.js';
import { logEvents } from '../report/log.js';
import type { Io } from './io.js';
import type { ScreenOptions } from './screen-options.js';
import { openStderr } from './stderr.js';

/** What a person or a log collector sees on stderr of a command that works through a run's memories. */
export interface LogScreen {
  readonly onEvent: Emit;
  readonly onProgress: (progress: { readonly done: number; readonly of: number }) => void;
  /** Tells something that no event tells. */
  readonly say: (message: string) => void;
  /** Takes the bar away. */
  readonly close: () => void;
}

const INTERVAL_MS = 5000;

/**
 * On a terminal a bar, and a pretty log of what matters; otherwise a log, with a line of progress now and then.
 * @param doing for the lines of progress: `checked`, `undone`
 */
export async function openLogScreen(screen: {
  readonly io: Io;
  readonly options: ScreenOptions;
  readonly secrets: readonly string[];
  readonly doing: string;
}): Promise<LogScreen> {
  const { logger, withBar, startBar, bar, stopBar } = await openStderr(screen);
  const log = logEvents(logger, { progress: false });
  let toldAt = performance.now();
  return {
    onEvent(event) {
      bar()?.consume(event);
      log.consume(event);
    },
    onProgress(progress) {
      // Not before: what keeps the command from starting is said, or asked, without a bar beside it.
      startBar();
      bar()?.advance(progress);
      if (withBar || performance.now() - toldAt < INTERVAL_MS) return;
      toldAt = performance.now();
      const { done, of } = progress;
      logger.info({ event: 'progress', done, of }, `${formatCount(done)} of ${formatCount(of)} memories ${screen.doing}`);
    },
    say: (message) => logger.warn({ event: 'signal' }, message),
    close: stopBar,
  };
}

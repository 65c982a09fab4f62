import { realClock } from '../clock.js';
import { createLogger } from '../report/log.js';
import type { Progress } from '../report/progress.js';
import type { Io } from './io.js';
import type { ScreenOptions } from './screen-options.js';

/** Who writes to stderr while a command is at work: a log, and on a terminal a bar that stays below its lines. */
export interface Stderr {
  readonly logger: ReturnType<typeof createLogger>;
  /** There is a terminal for a bar, and one is wanted: the log tells only what matters then. */
  readonly withBar: boolean;
  /** Where there may be a bar: it is there from now on. Once is enough. */
  startBar(): void;
  /** null while there is none. */
  bar(): Progress | null;
  /** Takes the bar away. */
  stopBar(): void;
}

/** @param secrets what must never be seen */
export async function openStderr({
  io,
  options,
  secrets,
}: {
  readonly io: Io;
  readonly options: ScreenOptions;
  readonly secrets: readonly string[];
}): Promise<Stderr> {
  const isTerminal = io.stderr.isTTY === true;
  const isDumb = io.env.TERM === 'dumb';
  const withBar = isTerminal && !isDumb && !isContinuousIntegration(io.env.CI) && options.progress;
  const color = isTerminal && !isDumb && !io.env.NO_COLOR;
  // What only a terminal needs takes a fifth of the start: cron does without it.
  const prettify = isTerminal ? (await import('../report/pretty-log.js')).createPrettifier({ color }) : null;
  const startProgress = withBar ? (await import('../report/progress.js')).startProgress : null;
  let bar: Progress | null = null;

  const logger = createLogger({
    level: options.logLevel ?? (withBar ? 'warn' : 'info'),
    prettify,
    secrets,
    stream: {
      write(text) {
        const write = () => void io.stderr.write(text);
        if (bar) bar.interrupt(write);
        else write();
      },
    },
  });
  return {
    logger,
    withBar,
    startBar() {
      if (startProgress !== null) bar ??= startProgress({ stream: io.stderr, clock: realClock, color });
    },
    bar: () => bar,
    stopBar() {
      bar?.stop();
      bar = null;
    },
  };
}

/** Some give their jobs a terminal; what is drawn on it again and again fills the job's log. */
function isContinuousIntegration(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false'].includes(value);
}

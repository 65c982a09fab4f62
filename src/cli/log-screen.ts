import type { Emit } from '../model.js';
import { formatCount } from '../report/format.js';
import { createLogger, logEvents } from '../report/log.js';
import type { Io } from './io.js';
import type { ScreenOptions } from './screen-options.js';

/** What a person or a log collector sees on stderr of a command that works through a run's memories: a log, and a line of progress now and then. */
export interface LogScreen {
  readonly onEvent: Emit;
  readonly onProgress: (progress: { readonly done: number; readonly of: number }) => void;
  /** Tells something that no event tells. */
  readonly say: (message: string) => void;
}

const INTERVAL_MS = 5000;

/** @param doing for the lines of progress: `checked`, `undone` */
export function openLogScreen(screen: {
  readonly io: Io;
  readonly options: ScreenOptions;
  readonly secrets: readonly string[];
  readonly doing: string;
}): LogScreen {
  const { io, options, secrets, doing } = screen;
  const isTerminal = io.stderr.isTTY === true;
  const color = isTerminal && !io.env.NO_COLOR && io.env.TERM !== 'dumb';
  const stream = { write: (text: string) => void io.stderr.write(text) };
  const logger = createLogger({ level: options.logLevel ?? 'info', pretty: isTerminal, color, secrets, stream });
  const log = logEvents(logger, { progress: false });
  let toldAt = performance.now();
  return {
    onEvent: log.consume,
    onProgress({ done, of }) {
      if (performance.now() - toldAt < INTERVAL_MS) return;
      toldAt = performance.now();
      logger.info({ event: 'progress', done, of }, `${formatCount(done)} of ${formatCount(of)} memories ${doing}`);
    },
    say: (message) => logger.warn({ event: 'signal' }, message),
  };
}

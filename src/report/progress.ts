import type { WriteStream } from 'node:tty';
import { stripVTControlCharacters } from 'node:util';
import { createLogUpdate } from 'log-update';
import type { Clock, ImportEvent } from '../model.js';
import { displayWidth } from './display-width.js';
import { progressLines } from './progress-frame.js';
import { trackProgress } from './progress-state.js';

/** A bar at the bottom of a terminal while a run goes on. */
export interface Progress {
  consume(event: ImportEvent): void;
  /** Memories done, of how many. */
  advance(progress: { readonly done: number; readonly of: number }): void;
  /** For whoever else writes to the terminal: the bar is taken away, `write` writes whole lines, the bar comes back below them. */
  interrupt(write: () => void): void;
  /** Takes the bar away; nothing of it stays behind. */
  stop(): void;
}

/** What is needed of a terminal. */
export type Terminal = Pick<WriteStream, 'write' | 'on' | 'off'> & {
  readonly columns?: number;
  readonly rows?: number;
  readonly isTTY?: boolean;
  /** What Node calls at SIGWINCH: asks the terminal for its size, and emits `resize` where it has changed. Not documented. */
  readonly _refreshSize?: () => void;
};

/**
 * Draws at most ten frames a second, whatever happens; between them events only change numbers.
 *
 * @param screen.color false for `NO_COLOR`
 */
export function startProgress(screen: { readonly stream: Terminal; readonly clock: Clock; readonly color?: boolean }): Progress {
  const { stream, clock, color = false } = screen;
  // The cursor stays: hiding it takes exit hooks, and a `kill -9` would leave the terminal without one.
  const bar = createLogUpdate(stream as unknown as NodeJS.WritableStream, { showCursor: true }); // it reads columns, rows and isTTY, as here
  const stopped = new AbortController();
  const tracker = trackProgress(clock.now());
  let shown: readonly string[] = [];
  let drawnAt = Number.NEGATIVE_INFINITY;

  function draw(): void {
    drawnAt = clock.now();
    // Told late that the terminal is another size, we would erase as many lines as there were before it wrapped them.
    stream._refreshSize?.();
    const lines = progressLines(tracker.at(drawnAt), { columns: columnsOf(stream), color });
    if (lines.length === 0) {
      clear();
      return;
    }
    shown = lines;
    bar(shown.join('\n'));
  }

  function clear(): void {
    if (shown.length === 0) return;
    bar.clear();
    shown = [];
  }

  /** A terminal that became narrower has wrapped the lines it showed: those rows are above what log-update knows of. */
  function takeResize(): void {
    const columns = columnsOf(stream) + 1;
    const wrapped = shown.reduce(
      (rows, line) => rows + Math.max(0, Math.ceil(displayWidth(stripVTControlCharacters(line)) / columns) - 1),
      0,
    );
    clear();
    if (wrapped > 0) stream.write('\u001b[1A\u001b[2K'.repeat(wrapped));
  }

  async function drawUntilStopped(): Promise<void> {
    while (!stopped.signal.aborted) {
      draw();
      await clock.sleep(FRAME_MS, stopped.signal);
    }
  }

  stream.on('resize', takeResize);
  // A terminal that was closed harms nothing: the run goes on without a bar. Stays after stop(), since such errors come late.
  stream.on('error', stop);
  void drawUntilStopped();

  function stop(): void {
    if (stopped.signal.aborted) return;
    stopped.abort();
    stream._refreshSize?.();
    clear();
    stream.off('resize', takeResize);
  }

  return {
    consume(event) {
      tracker.consume(event, clock.now());
      // Now, since opening a ledger leaves no time for a frame.
      if (event.type === 'opening_ledger' || event.type === 'reading_contacts' || event.type === 'run_started') draw();
    },
    advance(progress) {
      tracker.advance(progress);
    },
    interrupt(write) {
      stream._refreshSize?.();
      clear();
      write();
      if (!stopped.signal.aborted && clock.now() - drawnAt >= FRAME_MS) draw();
    },
    stop,
  };
}

const FRAME_MS = 100;

/** The last column stays free: some terminals wrap when it is written to. */
function columnsOf(stream: Terminal): number {
  return Math.max(1, (stream.columns || 80) - 1);
}

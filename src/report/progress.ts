import type { WriteStream } from 'node:tty';
import { stripVTControlCharacters } from 'node:util';
import { createLogUpdate } from 'log-update';
import type { Clock, ImportEvent } from '../model.js';
import { displayWidth } from './display-width.js';
import { type ProgressState, progressLines } from './progress-frame.js';
import { cleanLine } from './public-message.js';

/** A bar at the bottom of a terminal while a run goes on. */
export interface Progress {
  consume(event: ImportEvent): void;
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
  const speed = { rows: createSpeedometer(clock.now()), bytes: createSpeedometer(clock.now()) };
  const state: Mutable<ProgressState> = {
    elapsedMs: 0,
    bytes: 0,
    totalBytes: null,
    rows: 0,
    failures: new Map(),
    requests: 0,
    waitingFor: null,
    rowsPerSecond: 0,
    bytesPerSecond: 0,
  };
  const startedAt = clock.now();
  let shown: readonly string[] = [];
  let drawnAt = Number.NEGATIVE_INFINITY;

  function draw(): void {
    drawnAt = clock.now();
    state.elapsedMs = drawnAt - startedAt;
    state.rowsPerSecond = speed.rows(state.rows, drawnAt);
    state.bytesPerSecond = speed.bytes(state.bytes, drawnAt);
    shown = progressLines(state, { columns: columnsOf(stream), color });
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
    clear();
    stream.off('resize', takeResize);
  }

  return {
    consume: (event) => takeEvent(state, event),
    interrupt(write) {
      clear();
      write();
      if (!stopped.signal.aborted && clock.now() - drawnAt >= FRAME_MS) draw();
    },
    stop,
  };
}

const FRAME_MS = 100;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The last column stays free: some terminals wrap when it is written to. */
function columnsOf(stream: Terminal): number {
  return Math.max(1, (stream.columns || 80) - 1);
}

function takeEvent(state: Mutable<ProgressState>, event: ImportEvent): void {
  switch (event.type) {
    case 'run_started':
      state.totalBytes = event.totalBytes;
      return;
    case 'bytes_read':
      state.bytes = event.bytes;
      return;
    case 'rows_settled':
      state.rows += event.rows.length;
      for (const { outcome } of event.rows) {
        if (outcome.kind === 'failed') state.failures.set(outcome.class, (state.failures.get(outcome.class) ?? 0) + 1);
      }
      return;
    case 'under_way':
      state.requests = event.requests;
      return;
    case 'paused':
      state.waitingFor = `waiting: ${cleanLine(event.why)}`;
      return;
    case 'resumed':
      state.waitingFor = null;
      return;
    case 'stopping':
      state.waitingFor = `stopping: ${cleanLine(event.reason)}; finishing what is under way`;
      return;
    default: // other events don't change what the bar shows
  }
}

/** Smoothed over some five seconds, so that batches don't make it jump; at first the plain mean. */
function createSpeedometer(start: number): (total: number, now: number) => number {
  let lastTotal = 0;
  let lastAt = start;
  let speed = 0;
  return (total, now) => {
    const elapsedMs = now - lastAt;
    if (elapsedMs <= 0) return speed;
    const current = ((total - lastTotal) * 1000) / elapsedMs;
    const weight = Math.max(1 - Math.exp(-elapsedMs / 5000), elapsedMs / (now - start));
    speed += weight * (current - speed);
    lastTotal = total;
    lastAt = now;
    return speed;
  };
}

import { setMaxListeners } from 'node:events';
import type { Clock } from '../../src/model.js';

/**
 * A clock whose hours pass at once: time stands still while anybody has something to do, then jumps to the next sleeper. The same script
 * and seed give the same run, to the millisecond.
 */
export interface VirtualClock extends Clock {
  /** Milliseconds since the clock was made. */
  readonly elapsed: () => number;
  /**
   * Lets time pass until `work` has ended, and gives what it gave.
   * @param quiet awaited before time jumps: what real I/O there is ends here. It gives how much was done so far; time stands still while
   *   that grows
   * @throws where nobody sleeps and `work` still hasn't ended, or more time passes than `atMostMs`
   */
  run<T>(work: Promise<T>, options?: { readonly quiet?: () => Promise<number>; readonly atMostMs?: number }): Promise<T>;
  /** The same time, but its sleepers never wake once it is cut off: what a killed process sees. */
  cuttable(): Clock & { cut(): void };
}

export interface VirtualClockOptions {
  readonly startAt?: number;
  readonly seed?: number;
  /** Instead of the seeded chance. */
  readonly random?: () => number;
}

const DAY_MS = 24 * 3_600_000;
/** Turns of the real event loop until all work that needs no virtual time is surely done. */
const QUIET_TURNS = 3;

export function createVirtualClock({
  startAt = Date.UTC(2026, 10, 23),
  seed = 1,
  random = seeded(seed),
}: VirtualClockOptions = {}): VirtualClock {
  let now = startAt;
  let started = 0;
  const sleepers: Sleeper[] = [];

  const sleep = (ms: number, signal?: AbortSignal): Promise<void> => {
    if (signal?.aborted) return Promise.resolve();
    if (signal !== undefined) setMaxListeners(0, signal); // one for each sleeper
    return new Promise((resolve) => {
      const onAbort = () => {
        const place = sleepers.indexOf(sleeper);
        if (place >= 0) sleepers.splice(place, 1);
        resolve();
      };
      const wake = () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      // As Node's timers: whole milliseconds, at least one.
      const sleeper: Sleeper = { at: now + Math.max(1, Math.trunc(ms)), order: started++, wake };
      insert(sleepers, sleeper);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  };

  return {
    now: () => now,
    sleep,
    random,
    elapsed: () => now - startAt,
    async run(work, { quiet, atMostMs = 30 * DAY_MS } = {}) {
      const latest = now + atMostMs;
      let done = false;
      const ended = () => {
        done = true;
      };
      work.then(ended, ended);
      for (;;) {
        for (let turn = 0, before = -1; turn < QUIET_TURNS && !done; turn++) {
          await new Promise(setImmediate);
          const doneSoFar = (await quiet?.()) ?? 0;
          if (doneSoFar !== before) turn = 0;
          before = doneSoFar;
        }
        if (done) return work;
        const next = sleepers.shift();
        if (next === undefined) throw new Error(`stuck at ${now - startAt} ms: the work goes on, and nobody waits for time to pass`);
        if (next.at > latest) throw new Error(`not done after ${atMostMs} ms`);
        now = Math.max(now, next.at);
        next.wake();
        while (sleepers[0] !== undefined && sleepers[0].at <= now) sleepers.shift()?.wake();
      }
    },
    cuttable() {
      let cut = false;
      return {
        now: () => now,
        random,
        sleep: (ms, signal) => new Promise((resolve) => void sleep(ms, signal).then(() => (cut ? undefined : resolve()))),
        cut() {
          cut = true;
        },
      };
    },
  };
}

/** Mulberry32: small, and the same on every machine. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Sleeper {
  readonly at: number;
  readonly order: number;
  readonly wake: () => void;
}

function insert(sleepers: Sleeper[], sleeper: Sleeper): void {
  let low = 0;
  let high = sleepers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = sleepers[middle]!;
    if (other.at < sleeper.at || (other.at === sleeper.at && other.order < sleeper.order)) low = middle + 1;
    else high = middle;
  }
  sleepers.splice(low, 0, sleeper);
}

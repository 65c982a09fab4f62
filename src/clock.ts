import type { Clock } from './model.js';

/** Timers take at most 2^31 − 1 ms; more fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const realClock: Clock = {
  // The system's clock may be set while we run; this one starts from it and then only goes on.
  now: () => Math.round(performance.timeOrigin + performance.now()),
  random: Math.random,
  // Not that of node:timers/promises: it makes an error, with its stack, for each wait that is ended early.
  sleep(ms, signal) {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, Math.min(Math.max(0, ms), MAX_TIMER_MS));
      signal?.addEventListener('abort', end, { once: true });
    });
  },
};

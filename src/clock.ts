import { setTimeout as timeout } from 'node:timers/promises';
import type { Clock } from './model.js';

/** Timers take at most 2^31 − 1 ms; more fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const realClock: Clock = {
  // The system's clock may be set while we run; this one starts from it and then only goes on.
  now: () => Math.round(performance.timeOrigin + performance.now()),
  random: Math.random,
  async sleep(ms, signal) {
    if (signal?.aborted) return;
    // An aborted wait ends early; who waited looks at the signal anyway.
    await timeout(Math.min(Math.max(0, ms), MAX_TIMER_MS), undefined, signal === undefined ? {} : { signal }).catch(() => {});
  },
};

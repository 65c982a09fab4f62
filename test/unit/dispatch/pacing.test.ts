import { describe, expect, test } from 'vitest';
import type { Gate } from '../../../src/dispatch/gate.js';
import { createPace } from '../../../src/dispatch/pacing.js';
import { backoffMs } from '../../../src/dispatch/retry.js';
import { createScriptedServer, type Script } from '../../support/scripted-api.js';
import { createVirtualClock, type VirtualClock } from '../../support/virtual-clock.js';
import { openGate } from './harness.js';

describe('--rate', () => {
  test.each([
    [1, 20],
    [2.5, 20],
    [7, 20],
    [50, 20],
    [333, 20],
    [1000, 10],
  ])('of %d a second (%i s) is delivered within one percent, and no second has more', async (rate, seconds) => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { latencyMs: 30 });
    const count = Math.max(20, Math.round(rate * seconds));
    await createAll({ clock, gate: openGate({ clock, server, rate, concurrency: 64 }).gate, count, width: 64 });
    const times = server.creates().map(({ at }) => at);
    const measured = ((count - 1) * 1000) / (times.at(-1)! - times[0]!);
    expect(measured / rate).toBeGreaterThan(0.99);
    expect(measured / rate).toBeLessThan(1.01 + 1 / count);
    expect(mostWithin(times, 1000)).toBeLessThanOrEqual(Math.ceil(rate));
  });

  test('is not exceeded in any second, however late the timers are', () => {
    const pace = createPace({ rate: 100, refusalsThatStop: 16 });
    const times: number[] = [];
    let now = 0;
    // Up to 60 ms late, in turns.
    for (let i = 0; i < 2000; i++) {
      const delay = pace.delayMs(now);
      now += delay > 0 ? delay + (i % 7) * 10 : 0;
      if (pace.delayMs(now) > 0) continue;
      pace.left(now);
      times.push(now);
    }
    expect(mostWithin(times, 1000)).toBe(100);
    expect((times.length * 1000) / now).toBeGreaterThan(95);
  });

  test('is not exceeded after an idle minute', () => {
    const pace = createPace({ rate: 10, refusalsThatStop: 16 });
    let left = 0;
    for (let now = 60_000; now < 61_000; now++) {
      if (pace.delayMs(now) > 0) continue;
      pace.left(now);
      left++;
    }
    expect(left).toBe(10);
  });
});

describe('429', () => {
  test('with nothing else coming back holds all requests, for as long as Retry-After says', () => {
    const pace = createPace({ rate: null, refusalsThatStop: 3 });
    for (let i = 0; i < 2; i++) pace.refused(i, { ticket: 0, retryAfterMs: 30_000 });
    expect(pace.delayMs(2)).toBeLessThan(5001);
    pace.refused(2, { ticket: 0, retryAfterMs: 30_000 });
    expect(pace.delayMs(2)).toBe(30_000);
    expect(pace.delayMs(30_001)).toBe(1);
    expect(pace.delayMs(30_002)).toBe(0);
  });

  test('without Retry-After holds 1, 2, 4 … at most 60 s while nothing else comes back', () => {
    const pace = createPace({ rate: null, refusalsThatStop: 1 });
    const holds: number[] = [];
    let now = 0;
    for (let i = 0; i < 8; i++) {
      pace.refused(now, { ticket: 0, retryAfterMs: null });
      holds.push(pace.delayMs(now));
      now += pace.delayMs(now);
    }
    expect(holds).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    expect(pace.refusedSince).toBe(0);
    pace.delivered(now);
    expect(pace.refusedSince).toBeNull();
  });
});

describe('RateLimit headers', () => {
  test('that say "none left" hold the next request until the window starts again, at most a minute', () => {
    const pace = createPace({ rate: null, refusalsThatStop: 16 });
    pace.hinted(0, { remaining: 0, resetMs: 4000 });
    expect(pace.delayMs(0)).toBe(4000);
    const far = createPace({ rate: null, refusalsThatStop: 16 });
    far.hinted(0, { remaining: 0, resetMs: 3_600_000 });
    expect(far.delayMs(0)).toBe(60_000);
  });

  test('that say so with every answer are believed once', () => {
    const pace = createPace({ rate: null, refusalsThatStop: 16 });
    pace.hinted(0, { remaining: 0, resetMs: 4000 });
    pace.hinted(5000, { remaining: 0, resetMs: 4000 });
    expect(pace.delayMs(5000)).toBe(0);
    pace.hinted(5001, { remaining: 5, resetMs: 4000 });
    pace.hinted(5002, { remaining: 0, resetMs: 1000 });
    expect(pace.delayMs(5002)).toBe(1000);
  });

  test.each([
    { remaining: null, resetMs: 1000 },
    { remaining: 0, resetMs: null },
    { remaining: 3, resetMs: 1000 },
  ])('that say no such thing hold nobody: %o', (hint) => {
    const pace = createPace({ rate: null, refusalsThatStop: 16 });
    pace.hinted(0, hint);
    expect(pace.delayMs(0)).toBe(0);
  });
});

describe('servers with limits of their own', () => {
  test.each([
    { what: 'a token bucket of 50/s', limit: 50, createLimit: tokenBucket },
    { what: 'a fixed window of 100/s', limit: 100, createLimit: fixedWindow },
  ])('$what: at least 85 % of it is used, and after 10 s at most 5 % of the answers are 429', async ({ limit, createLimit }) => {
    for (const [latencyMs, retryAfterMs] of [
      [20, null],
      [20, 1000],
      [200, null],
    ] as const) {
      const clock = createVirtualClock();
      const start = clock.now();
      const admits = createLimit(limit, start);
      const answers: { at: number; ok: boolean }[] = [];
      const script: Script = {
        latencyMs,
        onCreate: ({ now }) => {
          const ok = admits(now);
          answers.push({ at: now - start, ok });
          return ok ? { kind: 'created' } : { kind: 'rate_limited', retryAfterMs };
        },
      };
      const server = createScriptedServer(clock, script);
      const seconds = 60;
      const { gate } = openGate({ clock, server, concurrency: 32 });
      await createAll({ clock, gate, count: limit * seconds, width: 64 });
      const duration = answers.at(-1)!.at / 1000;
      const share = (limit * seconds) / (duration * limit);
      const later = answers.filter(({ at }) => at > 10_000);
      const refused = later.filter(({ ok }) => !ok).length / later.length;
      expect(share).toBeGreaterThanOrEqual(0.85);
      expect(refused).toBeLessThanOrEqual(0.05);
    }
  });
});

describe('a server that refuses at random', () => {
  test.each([0.01, 0.05, 0.1])('(a share of %f) doesn’t bring the run to a crawl, since it refuses at any pace', async (share) => {
    const clock = createVirtualClock();
    let created = 0;
    const server = createScriptedServer(clock, {
      latencyMs: 20,
      onCreate: () => {
        if (created > 2000 && clock.random() < share) return { kind: 'rate_limited', retryAfterMs: null };
        created++;
        return { kind: 'created' };
      },
    });
    const { gate } = openGate({ clock, server, concurrency: 16 });
    const start = clock.now();
    // As fast as it goes for a while, then refusals begin. 16 slots of 20 ms are 800 a second.
    await createAll({ clock, gate, count: 20_000, width: 32 });
    expect(created / ((clock.now() - start) / 1000)).toBeGreaterThan(40);
  });
});

/** As `deliver` does it: what is refused waits and asks again. `width` rows at a time. */
async function createAll(work: {
  readonly clock: VirtualClock;
  readonly gate: Gate;
  readonly count: number;
  readonly width: number;
}): Promise<void> {
  const { clock, gate, count, width } = work;
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < count) {
      const note = { contactId: `c${++next}`, subOrg: null, name: 'Note', text: 'text' };
      for (let refusals = 1; ; refusals++) {
        const answer = await gate.create(note, false);
        if (answer?.verdict.kind !== 'rate_limited') break;
        await clock.sleep(answer.verdict.retryAfterMs ?? backoffMs(refusals, clock.random()));
      }
    }
  };
  await clock.run(Promise.all(Array.from({ length: width }, one)));
}

function mostWithin(times: readonly number[], ms: number): number {
  let most = 0;
  let first = 0;
  for (const [i, time] of times.entries()) {
    while (times[first]! <= time - ms) first++;
    most = Math.max(most, i - first + 1);
  }
  return most;
}

function tokenBucket(limit: number, start: number): (now: number) => boolean {
  let tokens = limit;
  let last = start;
  return (now) => {
    tokens = Math.min(limit, tokens + ((now - last) * limit) / 1000);
    last = now;
    if (tokens < 1) return false;
    tokens--;
    return true;
  };
}

function fixedWindow(limit: number, start: number): (now: number) => boolean {
  let window = -1;
  let used = 0;
  return (now) => {
    const current = Math.floor((now - start) / 1000);
    if (current !== window) {
      window = current;
      used = 0;
    }
    return ++used <= limit;
  };
}

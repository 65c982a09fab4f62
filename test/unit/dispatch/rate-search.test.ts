import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createPace } from '../../../src/dispatch/pacing.js';
import {
  between,
  byChance,
  fixedWindow,
  type Limit,
  type SimulatedClient,
  simulateTraffic,
  slidingWindow,
  tokenBucket,
} from '../../support/limited-server.js';

const client = (part: Partial<SimulatedClient> = {}): SimulatedClient => ({
  pace: createPace({ rate: null, refusalsThatStop: 16 }),
  concurrency: 64,
  latencyMs: 20,
  ...part,
});

const KINDS: readonly (readonly [string, (perSecond: number) => Limit])[] = [
  ['a token bucket', tokenBucket],
  ['a token bucket with a burst of 5 s', (perSecond) => tokenBucket(perSecond, 5)],
  ['a fixed window', fixedWindow],
  ['a sliding window', slidingWindow],
];

describe('an unknown limit is found: after the first 10 s at least 93 % of it is delivered, and at most 2.5 % of the answers are 429', () => {
  for (const [what, limitOf] of KINDS) {
    test.each([
      { perSecond: 50, concurrency: 16, latencyMs: 20 },
      { perSecond: 50, concurrency: 256, latencyMs: 50 },
      { perSecond: 200, concurrency: 64, latencyMs: 20 },
      { perSecond: 200, concurrency: 256, latencyMs: 200 },
      { perSecond: 1000, concurrency: 64, latencyMs: 20 },
      { perSecond: 2000, concurrency: 256, latencyMs: 50 },
    ])(`${what} of $perSecond/s, $concurrency requests of $latencyMs ms`, ({ perSecond, concurrency, latencyMs }) => {
      for (const retryAfterMs of perSecond < 1000 ? [null, 1000] : [1000]) {
        const [traffic] = simulateTraffic({
          clients: [client({ concurrency, latencyMs })],
          limit: limitOf(perSecond),
          seconds: 60,
          retryAfterMs: () => retryAfterMs,
        });
        const { perSecond: delivered, refusedShare } = between(traffic!, 10, 60);
        expect(delivered / perSecond).toBeGreaterThanOrEqual(0.93);
        expect(refusedShare).toBeLessThanOrEqual(0.025);
      }
    });
  }

  test('a small one: 5/s are used to four fifths at least, with a few refusals a minute', () => {
    for (const [, limitOf] of KINDS) {
      const [traffic] = simulateTraffic({ clients: [client()], limit: limitOf(5), seconds: 190 });
      const { perSecond, refusedShare } = between(traffic!, 10, 190);
      expect(perSecond).toBeGreaterThanOrEqual(4);
      expect(refusedShare).toBeLessThanOrEqual(0.05);
    }
  });

  test('any limit, width and latency, on the way to it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 20, max: 500 }),
        fc.integer({ min: 16, max: 256 }),
        fc.integer({ min: 1, max: 300 }),
        fc.constantFrom(...KINDS),
        fc.integer(),
        (perSecond, concurrency, latencyMs, [, limitOf], seed) => {
          fc.pre((concurrency * 1000) / latencyMs > perSecond * 1.3);
          const [traffic] = simulateTraffic({
            clients: [client({ concurrency, latencyMs })],
            limit: limitOf(perSecond),
            seconds: 40,
            seed,
          });
          const { perSecond: delivered, refusedShare } = between(traffic!, 10, 40);
          expect(delivered / perSecond).toBeGreaterThanOrEqual(0.85);
          expect(refusedShare).toBeLessThanOrEqual(0.07);
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('a limit that changes in the middle', () => {
  for (const [what, limitOf] of [
    ['a token bucket', tokenBucket],
    ['a fixed window', fixedWindow],
    ['a sliding window', slidingWindow],
  ] as const) {
    test.each([0.1, 0.5, 2, 10])(`${what}: %f times 200/s is found within a minute and a half`, (factor) => {
      const [traffic] = simulateTraffic({
        clients: [client({ concurrency: 256 })],
        limit: limitOf((now) => (now < 60_000 ? 200 : 200 * factor)),
        seconds: 210,
      });
      const { perSecond, refusedShare } = between(traffic!, 150, 210);
      expect(perSecond / (200 * factor)).toBeGreaterThanOrEqual(0.93);
      expect(refusedShare).toBeLessThanOrEqual(0.02);
    });
  }
});

describe('servers that say strange things', () => {
  test.each([0, 1000, 5000])('every refusal says Retry-After: %i ms: 50/s are found', (retryAfterMs) => {
    const [traffic] = simulateTraffic({ clients: [client()], limit: fixedWindow(50), seconds: 100, retryAfterMs: () => retryAfterMs });
    expect(between(traffic!, 10, 100).perSecond).toBeGreaterThanOrEqual(47);
  });

  test('one refusal in a hundred says "in an hour", the others nothing: its own row waits, nobody else', () => {
    const [traffic] = simulateTraffic({
      clients: [client()],
      limit: fixedWindow(200),
      seconds: 100,
      retryAfterMs: (_, random) => (random() < 0.01 ? 3_600_000 : null),
    });
    expect(between(traffic!, 10, 100).perSecond).toBeGreaterThanOrEqual(190);
  });

  test('a limit by the minute is used to nine tenths, whether Retry-After tells the rest of the minute or not', () => {
    for (const tells of [true, false]) {
      const [traffic] = simulateTraffic({
        clients: [client()],
        limit: fixedWindow(10, 60_000),
        seconds: 600,
        retryAfterMs: (now) => (tells ? Math.ceil((60_000 - (now % 60_000)) / 1000) * 1000 : null),
      });
      expect(between(traffic!, 0, 600).perSecond).toBeGreaterThanOrEqual(9);
    }
  });
});

describe('refusals that come by chance, at any pace,', () => {
  test.each([0.0005, 0.001, 0.005, 0.01, 0.05, 0.1])('(a share of %f) don’t slow the run for long', (share) => {
    for (const concurrency of [16, 48]) {
      const [traffic] = simulateTraffic({ clients: [client({ concurrency })], limit: byChance(share), seconds: 50 });
      // What may be under way, less what waits after its refusal.
      expect(between(traffic!, 10, 50).perSecond).toBeGreaterThanOrEqual(0.8 * (concurrency / 0.02));
    }
  });

  test.each([0.005, 0.01, 0.02, 0.03, 0.05, 0.1])('(a share of %f) don’t slow a run with a rate of its own for long either', (share) => {
    for (const rate of [20, 50, 200]) {
      // One run in thirty is unlucky, and takes longer than this to find out.
      const delivered = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((seed) => {
        const [traffic] = simulateTraffic({
          clients: [client({ pace: createPace({ rate, refusalsThatStop: 16 }), concurrency: 16, latencyMs: 5 })],
          limit: byChance(share, seed),
          seconds: 60,
          seed,
          retryAfterMs: (_, random) => (random() < 0.5 ? 1000 : null),
        });
        return between(traffic!, 30, 60).perSecond / rate;
      });
      expect(Math.min(...delivered)).toBeGreaterThanOrEqual(0.4);
      expect(delivered.reduce((sum, part) => sum + part, 0) / delivered.length).toBeGreaterThanOrEqual(0.8);
    }
  });

  test('after which a limit is met are told apart from it', () => {
    const chance = byChance(0.05);
    const limit = fixedWindow((now) => (now < 40_000 ? 1e9 : 100));
    const [traffic] = simulateTraffic({ clients: [client()], limit: (now) => chance(now) && limit(now), seconds: 120 });
    const { perSecond, refusedShare } = between(traffic!, 60, 120);
    expect(perSecond).toBeGreaterThanOrEqual(40);
    expect(refusedShare).toBeLessThanOrEqual(0.15);
  });
});

describe('two imports that share a limit', () => {
  for (const [what, limitOf] of [
    ['a token bucket', tokenBucket],
    ['a fixed window', fixedWindow],
    ['a sliding window', slidingWindow],
  ] as const) {
    test.each([
      { how: 'begun together', startsAtMs: 7, concurrency: 64 },
      { how: 'one begun half a minute later', startsAtMs: 30_007, concurrency: 64 },
      { how: 'one with four times the width', startsAtMs: 7, concurrency: 256 },
    ])(`both get a fair share, and leave nothing unused: ${what} of 200/s, $how`, ({ startsAtMs, concurrency }) => {
      const traffic = simulateTraffic({ clients: [client(), client({ startsAtMs, concurrency })], limit: limitOf(200), seconds: 400 });
      const rates = traffic.map((one) => between(one, 200, 400).perSecond);
      expect(Math.min(...rates) / 200).toBeGreaterThanOrEqual(0.2);
      expect((rates[0]! + rates[1]!) / 200).toBeGreaterThanOrEqual(0.93);
      for (const one of traffic) expect(between(one, 200, 400).refusedShare).toBeLessThanOrEqual(0.02);
    });
  }
});

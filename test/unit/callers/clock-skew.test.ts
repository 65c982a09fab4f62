import { describe, expect, it } from 'vitest';
import { createClockSkew } from '../../../src/callers/clock-skew.js';

const NOW = Date.UTC(2026, 10, 23, 12, 0, 0);

/** What a server whose clock is `aheadMs` ahead writes at our `moment`. */
const dateAt = (moment: number, aheadMs: number) => new Date(moment + aheadMs).toUTCString();

describe('the difference of clocks', () => {
  it('is unknown before the first Date header', () => {
    const skew = createClockSkew();
    skew.observe(null, NOW, NOW + 10);
    skew.observe('yesterday', NOW, NOW + 10);
    expect(skew.lowestMs()).toBeNull();
  });

  it.each([90_000, -90_000, 0])('is never taken for more than it is: %j ms', (ahead) => {
    const skew = createClockSkew();
    for (let at = NOW; at < NOW + 60_000; at += 137) {
      skew.observe(dateAt(at + 20, ahead), at, at + 40);
      expect(Number(skew.lowestMs())).toBeLessThanOrEqual(ahead);
    }
    expect(Number(skew.lowestMs())).toBeGreaterThan(ahead - 1_100);
  });

  it.each([0, 3_000, 6_000])('is not taken for more where answers take 6 s and their Date is written after %j ms', (writtenAfter) => {
    const skew = createClockSkew();
    for (let at = NOW; at < NOW + 60_000; at += 137) skew.observe(dateAt(at + writtenAfter, 0), at, at + 6_000);
    expect(Number(skew.lowestMs())).toBeLessThanOrEqual(0);
    expect(Number(skew.lowestMs())).toBeGreaterThan(-7_100);
  });

  it('is the lowest of several servers, and follows a clock that was set within some hundred answers', () => {
    const skew = createClockSkew();
    for (let i = 0; i < 200; i++) skew.observe(dateAt(NOW, i % 2 === 0 ? 0 : -30_000), NOW, NOW);
    expect(skew.lowestMs()).toBe(-30_000);
    for (let i = 0; i < 256; i++) skew.observe(dateAt(NOW, 60_000), NOW, NOW);
    expect(skew.lowestMs()).toBe(60_000);
  });
});

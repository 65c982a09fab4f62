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
    expect(skew.estimateMs()).toBeNull();
  });

  it.each([90_000, -90_000, 0])('comes within a second from one answer, and closer from many: %j ms', (ahead) => {
    const skew = createClockSkew();
    const sample = (at: number) => skew.observe(dateAt(at + 20, ahead), at, at + 40);
    sample(NOW + 123);
    expect(Math.abs(Number(skew.estimateMs()) - ahead)).toBeLessThanOrEqual(520);
    for (let at = NOW; at < NOW + 60_000; at += 137) sample(at);
    expect(Math.abs(Number(skew.estimateMs()) - ahead)).toBeLessThan(120);
  });

  it('takes the middle of a slow exchange', () => {
    const skew = createClockSkew();
    skew.observe(dateAt(NOW + 5_000, 0), NOW, NOW + 10_000);
    expect(Math.abs(Number(skew.estimateMs()))).toBeLessThanOrEqual(500);
  });

  it('one odd answer moves it little, a clock that was set moves it soon', () => {
    const skew = createClockSkew();
    for (let at = NOW; at < NOW + 20_000; at += 100) skew.observe(dateAt(at, 0), at, at + 10);
    skew.observe(dateAt(NOW, 60_000), NOW, NOW + 10);
    expect(Math.abs(Number(skew.estimateMs()))).toBeLessThan(2_000);
    for (let at = NOW; at < NOW + 40_000; at += 100) skew.observe(dateAt(at, 60_000), at, at + 10);
    expect(Math.abs(Number(skew.estimateMs()) - 60_000)).toBeLessThan(500);
  });
});

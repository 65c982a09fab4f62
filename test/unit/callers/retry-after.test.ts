import { describe, expect, it } from 'vitest';
import { MAX_RETRY_AFTER_MS, pacingHint, refusalWaitMs, retryAfterMs } from '../../../src/callers/retry-after.js';

const NOW = Date.UTC(2026, 10, 23, 12, 0, 0);
const DATE = 'Mon, 23 Nov 2026 12:00:00 GMT';

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['7', 7_000],
    [' 7 ', 7_000],
    ['1.5', 1_500],
    ['.5', 500],
    ['299', 299_000],
    ['301', MAX_RETRY_AFTER_MS],
    ['86400', MAX_RETRY_AFTER_MS],
    ['99999999999999999999', MAX_RETRY_AFTER_MS],
    [String(NOW / 1000 + 9), 9_000],
    [String(NOW + 9_000), 9_000],
    ['Mon, 23 Nov 2026 12:00:20 GMT', 20_000],
    ['Monday, 23-Nov-26 12:00:20 GMT', 20_000],
    ['Mon Nov 23 12:00:20 2026', 20_000],
    ['2026-11-23T12:00:20Z', 20_000],
    ['Mon, 23 Nov 2026 11:00:00 GMT', 0],
    ['Tue, 23 Nov 2027 11:00:00 GMT', MAX_RETRY_AFTER_MS],
    ['-5', null],
    ['NaN', null],
    ['Infinity', null],
    ['soon', null],
    ['120 apples', null],
    ['', null],
  ])('%j is read as %j ms', (value, expected) => {
    expect(retryAfterMs({ 'retry-after': value, date: DATE }, NOW)).toBe(expected);
  });

  it('a date is read against the clock of the answer, not against ours', () => {
    const headers = { 'retry-after': 'Mon, 23 Nov 2026 12:00:20 GMT', date: DATE };
    expect(retryAfterMs(headers, NOW + 3_600_000)).toBe(20_000);
  });

  it('a date without a Date header is read against our clock', () => {
    expect(retryAfterMs({ 'retry-after': 'Mon, 23 Nov 2026 12:00:20 GMT' }, NOW + 5_000)).toBe(15_000);
  });

  it('the first of several counts', () => {
    expect(retryAfterMs({ 'retry-after': ['3', '9'] }, NOW)).toBe(3_000);
  });
});

describe('the wait of a refusal without Retry-After', () => {
  it.each([
    [{ 'ratelimit-reset': '12' }, 12_000],
    [{ 'x-ratelimit-reset': '12' }, 12_000],
    [{ 'x-ratelimit-reset': String(NOW / 1000 + 30) }, 30_000],
    [{ 'x-ratelimit-reset': String(NOW + 30_000) }, 30_000],
    [{ 'x-ratelimit-reset': '3600' }, MAX_RETRY_AFTER_MS],
    [{ ratelimit: '"default";r=0;t=12' }, 12_000],
    [{ ratelimit: 'limit=100, remaining=0, reset=4' }, 4_000],
    [{ 'retry-after': '2', 'ratelimit-reset': '12' }, 2_000],
    [{ 'retry-after': 'soon', 'ratelimit-reset': '12' }, 12_000],
    [{}, null],
  ])('%j asks for %j ms', (headers, expected) => {
    expect(refusalWaitMs({ ...headers, date: DATE }, NOW + 77_000)).toBe(expected);
  });
});

describe('the hint for the pace', () => {
  it.each([
    [{}, null, null],
    [{ 'ratelimit-remaining': '3', 'ratelimit-reset': '2' }, 3, 2_000],
    [{ 'x-ratelimit-remaining': '0' }, 0, null],
    [{ 'ratelimit-remaining': '10, 10;w=60' }, 10, null],
    [{ 'ratelimit-remaining': ['10', '5'] }, 10, null],
    [{ 'ratelimit-remaining': 'many', 'ratelimit-reset': '-1' }, null, null],
    [{ 'ratelimit-remaining': '1', 'ratelimit-reset': '90000' }, 1, null],
    [{ ratelimit: '"burst";r=50;t=1, "daily";r=7;t=600' }, 7, 600_000],
    [{ ratelimit: '"default"; r=5' }, 5, null],
    [{ ratelimit: 'nonsense' }, null, null],
  ])('%j', (headers, remaining, resetMs) => {
    expect(pacingHint(headers, NOW)).toEqual({ remaining, resetMs });
  });
});

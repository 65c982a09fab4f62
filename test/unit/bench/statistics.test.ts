import { describe, expect, it } from 'vitest';
import { ratioByRound, spreadOf } from '../../../bench/statistics.js';

describe('the statistics of the benchmark', () => {
  it('take the middle, or the mean of the two in the middle', () => {
    expect(spreadOf([30, 10, 20])).toEqual({ median: 20, min: 10, max: 30 });
    expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
    expect(() => spreadOf([])).toThrow(RangeError);
  });

  it('compare within a round, so that a slow round counts for neither side', () => {
    expect(ratioByRound([80, 8, 85], [100, 10, 100])).toEqual({ median: 0.8, min: 0.8, max: 0.85 });
  });

  it('leave out what one side lacks', () => {
    expect(ratioByRound([1, null, 3], [2, 2])).toEqual({ median: 0.5, min: 0.5, max: 0.5 });
    expect(ratioByRound([1], [])).toBeNull();
  });
});

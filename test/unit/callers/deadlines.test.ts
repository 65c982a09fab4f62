import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createDeadlines } from '../../../src/callers/deadlines.js';

describe('deadlines', () => {
  const due: string[] = [];
  const deadlines = () => createDeadlines<string>(1000, (item) => due.push(item));
  beforeEach(() => {
    due.length = 0;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('come in their order, each its whole time after its beginning, by one timer', () => {
    const one = deadlines();
    for (const item of ['a', 'b', 'c']) {
      one.begin(item);
      vi.advanceTimersByTime(300);
    }
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(95); // 995 ms after the first
    expect(due).toEqual([]);
    vi.advanceTimersByTime(10);
    expect(due).toEqual(['a']);
    vi.advanceTimersByTime(300);
    expect(due).toEqual(['a', 'b']);
    vi.advanceTimersByTime(300);
    expect(due).toEqual(['a', 'b', 'c']);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('do not come for what ended in time, also where others began meanwhile, and began again after a silence', () => {
    const one = deadlines();
    one.begin('a');
    one.end('a');
    vi.advanceTimersByTime(400);
    one.begin('b');
    vi.advanceTimersByTime(990);
    expect(due).toEqual([]);
    one.begin('c');
    vi.advanceTimersByTime(20);
    expect(due).toEqual(['b']);
    one.end('c');
    vi.advanceTimersByTime(5000);
    expect(due).toEqual(['b']);
    one.begin('d');
    vi.advanceTimersByTime(1010);
    expect(due).toEqual(['b', 'd']);
  });

  test('may begin another one when one comes', () => {
    const all: number[] = [];
    const one = createDeadlines<number>(1000, (item) => {
      all.push(item);
      if (item < 3) one.begin(item + 1);
    });
    one.begin(1);
    vi.advanceTimersByTime(3100);
    expect(all).toEqual([1, 2, 3]);
  });
});

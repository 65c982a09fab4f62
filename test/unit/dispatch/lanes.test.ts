import { describe, expect, test } from 'vitest';
import { createLanes } from '../../../src/dispatch/lanes.js';
import { createPermits } from '../../../src/dispatch/permits.js';
import { createVirtualClock } from '../../support/virtual-clock.js';

const lanesOf = <T>(run: (item: T) => Promise<void>) => createLanes({ places: 3, run });

describe('lanes', () => {
  test('keep the order in a lane, one at a time, and run side by side', async () => {
    const clock = createVirtualClock();
    const done: string[] = [];
    const underWay = new Map<string, number>();
    let most = 0;
    const lanes = lanesOf(async (item: string) => {
      const lane = item[0]!;
      underWay.set(lane, (underWay.get(lane) ?? 0) + 1);
      expect(underWay.get(lane)).toBe(1);
      most = Math.max(
        most,
        [...underWay.values()].reduce((sum, n) => sum + n, 0),
      );
      await clock.sleep(lane === 'a' ? 100 : 10);
      underWay.set(lane, 0);
      done.push(item);
    });
    for (let i = 0; i < 4; i++) for (const lane of ['a', 'b', 'c']) lanes.add(lane, `${lane}${i}`);
    expect(lanes.count).toBe(3);
    await clock.run(clock.sleep(401));
    expect(done.filter((item) => item.startsWith('a'))).toEqual(['a0', 'a1', 'a2', 'a3']);
    // The slow lane holds nobody up.
    expect(done.slice(0, 8).every((item) => !item.startsWith('a'))).toBe(true);
    expect(most).toBe(3);
    expect(lanes.count).toBe(0);
  });

  test('take items while they run, and come to life again after their end', async () => {
    const done: number[] = [];
    const lanes = lanesOf(async (item: number) => {
      done.push(item);
      if (item < 3) lanes.add('a', item + 1);
    });
    lanes.add('a', 1);
    await new Promise(setImmediate);
    expect(lanes.count).toBe(0);
    lanes.add('a', 9);
    await new Promise(setImmediate);
    expect(done).toEqual([1, 2, 3, 9]);
  });

  test.each([255, 256, 257, 512, 513, 1000])('lose and repeat nothing where a lane is %i long', async (length) => {
    const done: number[] = [];
    const lanes = lanesOf(async (item: number) => void done.push(item));
    for (let i = 0; i < length; i++) lanes.add('a', i);
    while (lanes.count > 0) await new Promise(setImmediate);
    expect(done).toEqual(Array.from({ length }, (_, i) => i));
  });

  test('begin no more items than there are places, in the order in which the lanes came', async () => {
    const clock = createVirtualClock();
    const begun: string[] = [];
    const lanes = createLanes({
      places: 2,
      run: async (item: string) => {
        begun.push(item);
        await clock.sleep(10);
      },
    });
    for (const lane of ['a', 'b', 'c', 'd']) lanes.add(lane, lane);
    expect(begun).toEqual(['a', 'b']);
    await clock.run(clock.sleep(11));
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
  });

  test('an item that leaves its place lets another lane begin, while its own lane stays busy', async () => {
    const clock = createVirtualClock();
    const begun: string[] = [];
    const lanes = createLanes({
      places: 1,
      run: async (item: string, leavePlace: () => void) => {
        begun.push(item);
        if (item === 'a1') {
          leavePlace();
          leavePlace(); // twice is once
          await clock.sleep(100);
        } else await clock.sleep(10);
      },
    });
    for (const item of ['a1', 'a2', 'b1', 'c1']) lanes.add(item[0]!, item);
    expect(begun).toEqual(['a1', 'b1']);
    await clock.run(clock.sleep(50));
    expect(begun).toEqual(['a1', 'b1', 'c1']);
    await clock.run(clock.sleep(51));
    expect(begun).toEqual(['a1', 'b1', 'c1', 'a2']);
  });

  test('take 200,000 items of one lane as fast a piece as 20,000', async () => {
    const perItem = async (length: number): Promise<number> => {
      let done = 0;
      const lanes = lanesOf(async () => void done++);
      const started = process.cpuUsage().user;
      for (let i = 0; i < length; i++) lanes.add('a', i);
      while (lanes.count > 0) await new Promise(setImmediate);
      expect(done).toBe(length);
      return (process.cpuUsage().user - started) / length;
    };
    await perItem(20_000); // warm
    // Quadratic work would be ten times as much; the rest is the machine's noise.
    expect(await perItem(200_000)).toBeLessThan(6 * (await perItem(20_000)) + 1);
  });
});

describe('permits', () => {
  test('are bounded by weight, first come, first served', async () => {
    const permits = createPermits(10);
    const got: string[] = [];
    const want = (name: string, weight: number) => permits.acquire(weight).then(() => got.push(name));
    void want('a', 6);
    void want('b', 4);
    void want('c', 5);
    void want('d', 1); // would fit later, and doesn't overtake
    await new Promise(setImmediate);
    expect(got).toEqual(['a', 'b']);
    permits.release(4);
    await new Promise(setImmediate);
    expect(got).toEqual(['a', 'b']);
    permits.release(6);
    await new Promise(setImmediate);
    expect(got).toEqual(['a', 'b', 'c', 'd']);
  });

  test('what is heavier than all together waits until it is alone, and others wait for it', async () => {
    const permits = createPermits(10);
    const got: string[] = [];
    await permits.acquire(3);
    void permits.acquire(50).then(() => got.push('heavy'));
    void permits.acquire(1).then(() => got.push('light'));
    await new Promise(setImmediate);
    expect(got).toEqual([]);
    permits.release(3);
    await new Promise(setImmediate);
    expect(got).toEqual(['heavy']);
    permits.release(50);
    await new Promise(setImmediate);
    expect(got).toEqual(['heavy', 'light']);
  });

  test('are idle when nothing is held', async () => {
    const permits = createPermits(1);
    await permits.idle();
    await permits.acquire(1);
    let idle = false;
    void permits.idle().then(() => {
      idle = true;
    });
    await new Promise(setImmediate);
    expect(idle).toBe(false);
    permits.release(1);
    await new Promise(setImmediate);
    expect(idle).toBe(true);
  });

  test('ask a total that changes anew whenever something is released', async () => {
    let total = 10;
    const permits = createPermits(() => total);
    const got: string[] = [];
    await permits.acquire(5);
    await permits.acquire(5);
    void permits.acquire(5).then(() => got.push('c'));
    void permits.acquire(5).then(() => got.push('d'));
    total = 15;
    permits.release(5);
    await new Promise(setImmediate);
    expect(got).toEqual(['c', 'd']);
  });
});

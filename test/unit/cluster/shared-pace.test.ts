import { describe, expect, test } from 'vitest';
import { createSharedPace, type PaceAnswer, type PaceNews } from '../../../src/cluster/shared-pace.js';
import { createVirtualClock } from '../../support/virtual-clock.js';

const NEVER = new AbortController().signal;

function open(rate: number | null, answer: (news: PaceNews) => Partial<PaceAnswer>) {
  const clock = createVirtualClock();
  const said: PaceNews[] = [];
  const pace = createSharedPace({
    rate,
    clock,
    exchange: async (news) => {
      said.push(news);
      return { granted: 0, foundByOthers: null, holdMs: 0, ...answer(news) };
    },
  });
  const startedAt = clock.now();
  /** When each of so many requests may leave, in milliseconds from the start. */
  const turns = async (count: number): Promise<readonly number[]> => {
    const times: number[] = [];
    await clock.run(
      (async () => {
        for (let i = 0; i < count; i++) {
          await pace.turn(NEVER);
          times.push(clock.now() - startedAt);
        }
      })(),
    );
    return times;
  };
  return { pace, said, turns };
}

describe('the pace of a worker', () => {
  test('is its share of the run\u2019s rate, which it asks for again before it ends', async () => {
    const { turns, said } = open(40, () => ({ granted: 10 }));
    const times = await turns(51);
    expect(times.at(-1)).toBeGreaterThan(4500);
    expect(times.at(-1)).toBeLessThan(5300);
    expect(said.length).toBeGreaterThan(8);
    // It had to wait for its turns: it could use all of the rate.
    expect(said.at(-1)?.wants).toBe(40);
  });

  test('waits where all of the rate is the others\u2019, and goes on when some is left', async () => {
    let asked = 0;
    const { turns } = open(40, () => ({ granted: ++asked > 5 ? 40 : 0 }));
    const [first] = await turns(1);
    expect(first).toBeGreaterThanOrEqual(0);
    expect(asked).toBe(1); // one request is what everybody may begin with
    const [second] = await turns(1);
    expect(second).toBeGreaterThan(400);
  });

  test('without a rate is that of the others, somewhat above, where they have found a limit and it hasn\u2019t', async () => {
    const { turns } = open(null, () => ({ foundByOthers: 20 }));
    const times = await turns(45);
    expect(times.at(-1)).toBeGreaterThan(1700);
    expect(times.at(-1)).toBeLessThan(2700);
  });

  test('is its own where it has found a limit by itself, which the others are told', async () => {
    const { pace, turns, said } = open(null, () => ({ foundByOthers: 1 }));
    pace.watch(() => ({ allowed: 70, heldUntil: 0 }));
    expect((await turns(30)).at(-1)).toBe(0);
    expect(said[0]).toMatchObject({ found: 70, wants: 0 });
  });

  test('pauses while the API refuses another one everything', async () => {
    const holds = [600, 300];
    const { turns } = open(100, () => ({ granted: 100, holdMs: holds.shift() ?? 0 }));
    const [first] = await turns(1);
    expect(first).toBeGreaterThanOrEqual(600);
  });
});

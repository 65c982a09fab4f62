import { describe, expect, test, vi } from 'vitest';
import { FAULT_KINDS, type FaultKind } from '../../../src/sandbox/faults.js';
import { startSandbox } from '../../../src/sandbox/server.js';
import { create, list, lossOf, remove, start } from './start.js';

/** What is waited for comes at once, unless the machine stands still. */
const PATIENCE = { timeout: 30_000 };

const answered: [FaultKind, number, RegExp][] = [
  ['429', 429, /json/],
  ['500', 500, /json/],
  ['502', 502, /html/],
  ['503', 503, /html/],
];

test.each(answered)('%s is answered to creates, lists and deletes, and nothing is done', async (kind, status, type) => {
  const sandbox = await start({ faults: { [kind]: 1 } });
  const memory = sandbox.seed('C-1', { name: 'n', text: 't' });
  for (const answer of [await create(sandbox), await list(sandbox), await remove(sandbox, memory.id)]) {
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toMatch(type);
    if (status !== 429) expect(answer.headers.has('retry-after')).toBe(false);
  }
  expect(sandbox.memories()).toEqual([memory]);
  expect(sandbox.stats().byStatus).toEqual({ [status]: 3 });
});

test('429 carries Retry-After: 1 about half the time', async () => {
  const sandbox = await start({ faults: { '429': 1 } });
  const waits: (string | null)[] = [];
  for (let i = 0; i < 100; i += 1) waits.push((await list(sandbox)).headers.get('retry-after'));
  expect(new Set(waits)).toEqual(new Set(['1', null]));
  const told = waits.filter((wait) => wait === '1').length;
  expect(told).toBeGreaterThan(25);
  expect(told).toBeLessThan(75);
});

test('reset is a TCP reset, and nothing is created', async () => {
  const sandbox = await start({ faults: { reset: 1 } });
  expect(await lossOf(create(sandbox))).toBe('ECONNRESET');
  expect(await lossOf(list(sandbox))).toBe('ECONNRESET');
  expect(sandbox.stats()).toMatchObject({ created: 0, requests: 2, byStatus: { reset: 2 } });
});

test('hang never answers, and nothing is created', async () => {
  const sandbox = await start({ faults: { hang: 1 } });
  const leave = new AbortController();
  const answer = create(sandbox, { signal: leave.signal }).then(
    () => 'answered',
    (error: Error) => error.name,
  );
  await vi.waitFor(() => expect(sandbox.stats().byStatus).toEqual({ hang: 1 }), PATIENCE);
  leave.abort();
  expect(await answer).toBe('AbortError');
  expect(sandbox.memories()).toEqual([]);
});

test.each(answered.slice(1))('%s-after creates the memory and answers the error', async (kind, status, type) => {
  const sandbox = await start({ faults: { [`${kind}-after`]: 1 } });
  const answer = await create(sandbox);
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toMatch(type);
  expect(answer.headers.has('retry-after')).toBe(false);
  expect(sandbox.stats()).toMatchObject({ created: 1, byStatus: { [status]: 1 } });
});

test('reset-after creates the memory and resets', async () => {
  const sandbox = await start({ faults: { 'reset-after': 1 } });
  expect(await lossOf(create(sandbox))).toBe('ECONNRESET');
  expect(sandbox.stats()).toMatchObject({ created: 1, byStatus: { reset: 1 } });
});

test('-after kinds delete the memory and lose the answer, and leave lists alone', async () => {
  const sandbox = await start({ faults: { '500-after': 0.5, 'reset-after': 0.5 }, seed: 3 });
  const ends: unknown[] = [];
  for (let i = 0; i < 8; i++) {
    const { id } = sandbox.seed('C-1', { name: 'n', text: `t ${i}` });
    ends.push(
      await remove(sandbox, id).then(
        ({ status }) => status,
        () => 'reset',
      ),
    );
  }
  expect(new Set(ends)).toEqual(new Set([500, 'reset']));
  expect(sandbox.stats().created).toBe(0);
  expect((await list(sandbox)).status).toBe(200);
});

test('hang-after creates the memory and never answers', async () => {
  const sandbox = await start({ faults: { 'hang-after': 1 } });
  const leave = new AbortController();
  const answer = lossOf(create(sandbox, { signal: leave.signal }));
  await vi.waitFor(() => expect(sandbox.stats().byStatus).toEqual({ hang: 1 }), PATIENCE);
  expect(sandbox.stats().created).toBe(1);
  leave.abort();
  await answer;
});

test.each(FAULT_KINDS.filter((kind) => kind.endsWith('-after')))(
  '%s falls on creates only, and leaves refusals as they are',
  async (kind) => {
    const sandbox = await start({ faults: { [kind]: 1 } });
    expect((await list(sandbox)).status).toBe(200);
    expect((await create(sandbox, { contactId: 'C-2000' })).status).toBe(404);
    expect((await create(sandbox, { body: {} })).status).toBe(400);
    expect((await create(sandbox, { key: 'wrong' })).status).toBe(401);
  },
);

test('the same seed gives the same faults, another seed others', async () => {
  const faults = { '500': 0.3, '502-after': 0.2, reset: 0.1 };
  const outcomes = async (seed: number) => {
    const sandbox = await start({ faults, seed });
    const seen: (string | undefined)[] = [];
    for (let i = 0; i < 60; i += 1) seen.push(await lossOf(create(sandbox)));
    return seen;
  };
  const first = await outcomes(7);
  expect(await outcomes(7)).toEqual(first);
  expect(await outcomes(8)).not.toEqual(first);
  expect(new Set(first)).toEqual(new Set(['answered 201', 'answered 500', 'answered 502', 'ECONNRESET']));
});

test('setFaults changes the faults while it runs', async () => {
  const sandbox = await start({ faults: { '500': 1 } });
  expect((await create(sandbox)).status).toBe(500);
  sandbox.setFaults({});
  expect((await create(sandbox)).status).toBe(201);
  sandbox.setFaults({ '502': 1 });
  expect((await create(sandbox)).status).toBe(502);
});

describe('faults that make no sense are told at the start', () => {
  test.each([
    [{ '501': 0.1 }, /expected a fault of 429, .*found 501/],
    [{ '500': 1.1 }, /from 0 to 1 for fault 500; found 1.1/],
    [{ '500': -0.1 }, /found -0.1/],
    [{ '500': Number.NaN }, /found NaN/],
    [{ '500': 0.6, reset: 0.6 }, /sum up to at most 1; found 1.2/],
  ])('%j', async (faults, message) => {
    // The command line's words come as they are: unknown kinds are the case under test.
    const asTyped = faults as Partial<Record<FaultKind, number>>;
    await expect(startSandbox({ faults: asTyped })).rejects.toThrow(message);
  });

  test('a rate limit of 0', async () => {
    await expect(startSandbox({ rateLimit: 0 })).rejects.toThrow(/above 0 requests a second; found 0/);
  });
});

describe('rate limit', () => {
  test('what is over the limit gets 429 with Retry-After and RateLimit headers, until the window has moved on', async () => {
    let time = 50_000;
    const sandbox = await start({ rateLimit: 3, now: () => time });
    const seen = async () => {
      const { status, headers } = await list(sandbox);
      return [
        status,
        headers.get('ratelimit-limit'),
        headers.get('ratelimit-remaining'),
        headers.get('ratelimit-reset'),
        headers.get('retry-after'),
      ];
    };
    expect(await seen()).toEqual([200, '3', '2', '1', null]);
    time += 400;
    expect(await seen()).toEqual([200, '3', '1', '1', null]);
    expect(await seen()).toEqual([200, '3', '0', '1', null]);
    expect(await seen()).toEqual([429, '3', '0', '1', '1']);
    time += 599;
    expect(await seen()).toEqual([429, '3', '0', '1', '1']);
    time += 1;
    expect(await seen()).toEqual([200, '3', '0', '1', null]);
    expect(await seen()).toEqual([429, '3', '0', '1', '1']);
    time += 400;
    expect(await seen()).toEqual([200, '3', '1', '1', null]);
  });

  test('below one a second, Retry-After is longer', async () => {
    let time = 0;
    const sandbox = await start({ rateLimit: 0.25, now: () => time });
    expect((await create(sandbox)).status).toBe(201);
    const refused = await create(sandbox);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '4']);
    time = 4000;
    expect((await create(sandbox)).status).toBe(201);
    expect(sandbox.stats()).toMatchObject({ created: 2, byStatus: { '201': 2, '429': 1 } });
  });
});

import { describe, expect, test } from 'vitest';
import { backoffMs } from '../../../src/dispatch/retry.js';
import { createScriptedServer } from '../../support/scripted-api.js';
import { createVirtualClock } from '../../support/virtual-clock.js';
import { interruption, ledgerFile, notesOf, simulate } from './harness.js';

const ONE = [{ contactId: 'c1', text: 'one' }];

describe('a verdict each', () => {
  test('a 201 is created, in one request, without a look', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock);
    const run = await simulate({ clock, server, notes: ONE });
    expect(run.outcomes.get(1)).toMatchObject({ kind: 'created', memoryId: 'm1', attempts: 1 });
    expect(server.calls).toHaveLength(1);
    expect(run.known[0]).toMatchObject({ state: 'created', memoryId: 'm1', how: 'created' });
  });

  test('a 201 whose body can’t be read is created, and its id is learnt by looking', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { onCreate: () => ({ kind: 'created', readable: false }), listLagMs: 3000 });
    const run = await simulate({ clock, server, notes: ONE });
    expect(run.outcomes.get(1)).toMatchObject({ kind: 'created', memoryId: 'm1', attempts: 1 });
    expect(server.creates()).toHaveLength(1);
  });

  test('a 201 whose body can’t be read stays created, without an id, where lists can’t be had', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: () => ({ kind: 'created', readable: false }),
      onList: () => ({ kind: 'unlisted', outage: false, status: 404 }),
    });
    const run = await simulate({ clock, server, notes: ONE });
    expect(run.outcomes.get(1)).toMatchObject({ kind: 'created', memoryId: null, attempts: 1 });
    expect(server.creates()).toHaveLength(1);
  });

  test.each([
    [400, 'bad_request'],
    [403, 'forbidden'],
    [404, 'not_found'],
    [422, 'rejected'],
  ])('a %i is %s after one request', async (status, failureClass) => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { onCreate: () => ({ kind: 'refused', status }) });
    const run = await simulate({ clock, server, notes: ONE });
    expect(run.outcomes.get(1)).toMatchObject({ class: failureClass, status, attempts: 1 });
    expect(server.calls).toHaveLength(1);
  });

  test('a 401 stops the run, marks no row failed, and the row is released', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { onCreate: () => ({ kind: 'unauthorized' }) });
    const run = await simulate({ clock, server, notes: notesOf(100), options: { concurrency: 4 } });
    expect(run.reason).toMatchObject({ reasonCode: 'key_refused', continues: false });
    expect(run.outcomes.size).toBe(0);
    expect(server.creates().length).toBeLessThanOrEqual(4);
    expect(run.known.filter((note) => note !== null).every((note) => note?.state === 'released')).toBe(true);
    expect(run.open).toHaveLength(0);
  });
});

describe('a lost answer', () => {
  test('whose memory is there is recovered, with its id, and not sent again', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { onCreate: () => ({ kind: 'lost', createdAfterMs: 5, status: null }) });
    const run = await simulate({ clock, server, notes: ONE });
    expect(run.outcomes.get(1)).toMatchObject({ kind: 'recovered', memoryId: 'm1', attempts: 1 });
    expect(server.creates()).toHaveLength(1);
    expect(server.memories).toHaveLength(1);
  });

  test('whose memory is not there is sent again, and not before 10 s have passed since the loss', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: ({ nth }) => (nth === 0 ? { kind: 'lost', createdAfterMs: null, status: 500 } : { kind: 'created' }),
    });
    const run = await simulate({ clock, server, notes: ONE });
    expect(run.outcomes.get(1)).toMatchObject({ kind: 'created', attempts: 2 });
    const [first, second] = server.creates();
    expect(second!.at - first!.answeredAt!).toBeGreaterThanOrEqual(10_000);
    expect(second!.at - first!.answeredAt!).toBeLessThan(11_000);
    expect(server.memories).toHaveLength(1);
  });

  test.each([
    [500, 'server_error'],
    [null, 'network'],
  ])('again and again (status %s), each time absent, ends as %s after 1 + retries requests', async (status, failureClass) => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { onCreate: () => ({ kind: 'lost', createdAfterMs: null, status }) });
    const run = await simulate({ clock, server, notes: ONE, options: { retries: 3 } });
    expect(run.outcomes.get(1)).toMatchObject({ class: failureClass, status, attempts: 4 });
    expect(server.creates()).toHaveLength(4);
    expect(run.known[0]).toMatchObject({ state: 'failed', failure: { class: failureClass } });
  });

  test('with --retries 0 is looked for, and not sent again', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { onCreate: () => ({ kind: 'lost', createdAfterMs: null, status: 502 }) });
    const run = await simulate({ clock, server, notes: ONE, options: { retries: 0 } });
    expect(run.outcomes.get(1)).toMatchObject({ class: 'server_error', attempts: 1 });
    expect(server.creates()).toHaveLength(1);
    expect(server.lists().at(-1)!.at).toBeGreaterThanOrEqual(server.creates()[0]!.answeredAt! + 10_000);
  });

  test('with --retries 0 whose memory comes 9 s later is recovered', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { onCreate: () => ({ kind: 'lost', createdAfterMs: 9000, status: null }) });
    const run = await simulate({ clock, server, notes: ONE, options: { retries: 0 } });
    expect(run.outcomes.get(1)).toMatchObject({ kind: 'recovered', memoryId: 'm1' });
    expect(server.memories).toHaveLength(1);
  });

  test('that looking can’t settle is in doubt, and not sent again', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: () => ({ kind: 'lost', createdAfterMs: null, status: 500 }),
      onList: () => ({ kind: 'unlisted', outage: false, status: 404 }),
    });
    const run = await simulate({ clock, server, notes: ONE });
    expect(run.outcomes.get(1)).toMatchObject({ class: 'in_doubt', attempts: 1 });
    expect(server.creates()).toHaveLength(1);
    expect(run.open).toMatchObject([{ state: 'in_doubt', since: server.creates()[0]!.answeredAt }]);
  });
});

describe('--in-doubt report', () => {
  test('leaves a lost answer to a person: one request, no look, no wait, no word of a retry', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { onCreate: () => ({ kind: 'lost', createdAfterMs: 5, status: 500 }) });
    const run = await simulate({ clock, server, notes: ONE, options: { inDoubt: 'report' } });
    expect(run.outcomes.get(1)).toMatchObject({ class: 'in_doubt', attempts: 1 });
    expect(server.calls).toHaveLength(1);
    expect(run.events.filter(({ type }) => type === 'retry')).toHaveLength(0);
    expect(run.open).toMatchObject([{ state: 'in_doubt', since: server.creates()[0]!.answeredAt }]);
  });
});

describe('--in-doubt resend', () => {
  test('sends again without a look, and a closing look tells the copy', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: ({ nth }) => (nth === 0 ? { kind: 'lost', createdAfterMs: 5, status: 500 } : { kind: 'created' }),
    });
    const run = await simulate({ clock, server, notes: ONE, options: { inDoubt: 'resend' } });
    expect(run.outcomes.get(1)).toMatchObject({ kind: 'created', memoryId: 'm2', attempts: 2 });
    expect(server.calls.map(({ verb }) => verb)).toEqual(['create', 'create', 'list']);
    expect(run.events.filter(({ type }) => type === 'surplus')).toEqual([{ type: 'surplus', contactId: 'c1', memoryIds: ['m1'] }]);
  });

  test('that never gets an answer ends in doubt, since nobody knows; not in a failure that the next run would send again', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: ({ nth }) => ({ kind: 'lost', createdAfterMs: nth === 0 ? 5 : null, status: 500 }),
    });
    const ledgerPath = ledgerFile();
    const run = await simulate({ clock, server, notes: ONE, ledgerPath, options: { inDoubt: 'resend', retries: 2 } });
    expect(run.outcomes.get(1)).toMatchObject({ class: 'in_doubt', attempts: 3 });
    expect(run.open[0]!.since).toBe(server.creates()[2]!.answeredAt);
    // The next run looks, and finds it.
    const next = await simulate({ clock, server, notes: ONE, ledgerPath });
    expect(next.outcomes.get(1)).toMatchObject({ kind: 'recovered', memoryId: 'm1' });
    expect(server.memories).toHaveLength(1);
  });

  test('that is stopped between two requests stays in doubt', async () => {
    const clock = createVirtualClock({ random: () => 0.999 });
    const server = createScriptedServer(clock, { onCreate: () => ({ kind: 'lost', createdAfterMs: 5, status: 500 }) });
    const run = await simulate({
      clock,
      server,
      notes: ONE,
      options: { inDoubt: 'resend' },
      during: ({ halt }) => void clock.sleep(500).then(() => halt.stop(interruption())),
    });
    expect(server.creates()).toHaveLength(1);
    expect(run.open).toMatchObject([{ state: 'in_doubt' }]);
  });
});

describe('429', () => {
  test('costs the row no retry, also with --retries 0', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: ({ nth }) => (nth < 7 ? { kind: 'rate_limited', retryAfterMs: 1000 } : { kind: 'created' }),
    });
    const run = await simulate({ clock, server, notes: ONE, options: { retries: 0 } });
    expect(run.outcomes.get(1)).toMatchObject({ kind: 'created', attempts: 8 });
    expect(server.lists()).toHaveLength(0);
  });

  test('with Retry-After holds the refused request for that long', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: ({ nth }) => (nth === 0 ? { kind: 'rate_limited', retryAfterMs: 42_000 } : { kind: 'created' }),
    });
    await simulate({ clock, server, notes: ONE });
    const [first, second] = server.creates();
    expect(second!.at - first!.answeredAt!).toBeGreaterThanOrEqual(42_000);
    expect(second!.at - first!.answeredAt!).toBeLessThan(43_500);
  });

  test('for ever ends as rate_limited when the run’s patience ends, the row among the failures, the rest left for the next run', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { onCreate: () => ({ kind: 'rate_limited', retryAfterMs: null }) });
    const run = await simulate({ clock, server, notes: notesOf(1, 3), options: { giveUpAfterMs: 60_000 } });
    expect(run.reason).toMatchObject({ reasonCode: 'rate_limited', continues: true });
    expect(run.kinds[0]).toBe('rate_limited');
    expect(run.kinds.slice(1).every((kind) => kind === 'held' || kind === '-')).toBe(true);
    expect(clock.elapsed()).toBeGreaterThanOrEqual(60_000);
    expect(clock.elapsed()).toBeLessThan(135_000);
    expect(server.memories).toHaveLength(0);
  });

  test('with a Retry-After beyond the patience isn’t asked again before it', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: ({ contactId }) => (contactId === 'c1' ? { kind: 'rate_limited', retryAfterMs: 300_000 } : { kind: 'created' }),
    });
    const run = await simulate({ clock, server, notes: notesOf(2), options: { giveUpAfterMs: 60_000 } });
    expect(run.kinds).toEqual(['rate_limited', 'created']);
    expect(server.creates('c1')).toHaveLength(1);
  });
});

describe('a note that was looked for and not there in an earlier run', () => {
  const late = () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      // Made long after the wait: the first run has said by then that it isn't there.
      onCreate: ({ nth }) => (nth === 0 ? { kind: 'lost', createdAfterMs: 60_000, status: 500, answerAfterMs: 20 } : { kind: 'created' }),
    });
    return { clock, server, ledgerPath: ledgerFile() };
  };

  test('is looked for once more just before it is sent: what turned up late is recovered, not made again', async () => {
    const { clock, server, ledgerPath } = late();
    const first = await simulate({ clock, server, notes: ONE, ledgerPath, options: { retries: 0 } });
    expect(first.kinds).toEqual(['server_error']);
    await clock.run(clock.sleep(100_000));
    expect(server.memories).toHaveLength(1);
    const next = await simulate({ clock, server, notes: ONE, ledgerPath });
    expect(next.kinds).toEqual(['recovered']);
    expect(server.memories).toHaveLength(1);
    expect(next.known[0]).toMatchObject({ state: 'created', memoryId: 'm1' });
  });

  test('is sent where it still isn’t there, and where its list can’t be had now', async () => {
    for (const listsFail of [false, true]) {
      const clock = createVirtualClock();
      let fails = false;
      const server = createScriptedServer(clock, {
        onCreate: ({ nth }) => (nth === 0 ? { kind: 'lost', createdAfterMs: null, status: 500 } : { kind: 'created' }),
        onList: () => (fails ? { kind: 'unlisted', outage: false, status: 404 } : { kind: 'listed' }),
      });
      const ledgerPath = ledgerFile();
      await simulate({ clock, server, notes: ONE, ledgerPath, options: { retries: 0 } });
      fails = listsFail;
      expect((await simulate({ clock, server, notes: ONE, ledgerPath })).kinds).toEqual(['created']);
    }
  });
});

describe('a request that never left', () => {
  test('among good ones is repeated without a look, and ends as network after 1 + retries', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: ({ contactId }) => (contactId === 'c7' ? { kind: 'not_sent' } : { kind: 'created' }),
      latencyMs: ({ contactId }) => (contactId === 'c7' ? 5 : 20),
    });
    const run = await simulate({ clock, server, notes: notesOf(20, 60), options: { retries: 2, concurrency: 20 } });
    expect(server.creates('c7')).toHaveLength(3);
    expect(run.outcomes.get(6 * 60 + 1)).toMatchObject({ class: 'network', attempts: 0 });
    expect(server.lists()).toHaveLength(0);
    expect(run.events.filter(({ type }) => type === 'retry')).toHaveLength(0);
  });

  test('is no attempt, no request that was sent, and no copy that a closing look must look for', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: ({ contactId, nth }) => (contactId === 'c7' && nth < 2 ? { kind: 'not_sent' } : { kind: 'created' }),
      latencyMs: ({ contactId }) => (contactId === 'c7' ? 5 : 20),
    });
    const run = await simulate({ clock, server, notes: notesOf(20, 60), options: { retries: 2, concurrency: 20 } });
    expect(run.outcomes.get(6 * 60 + 1)).toMatchObject({ kind: 'created', attempts: 1 });
    const creates = run.events.filter((event) => event.type === 'request');
    expect(creates.filter(({ sent }) => sent)).toHaveLength(1200);
    // Each of the sixty notes of c7 is refused twice.
    expect(creates).toHaveLength(1200 + 120);
    expect(server.lists()).toHaveLength(0);
  });
});

test('the backoff has full jitter: between nothing and 0.5 s, 1 s, 2 s … 30 s', () => {
  for (const [i, step] of [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000].entries()) {
    expect(backoffMs(i + 1, 0)).toBe(0);
    expect(backoffMs(i + 1, 0.5)).toBe(step / 2);
    expect(backoffMs(i + 1, 1 - 1e-9)).toBe(step);
  }
  expect(backoffMs(1000, 0.5)).toBe(15_000);
});

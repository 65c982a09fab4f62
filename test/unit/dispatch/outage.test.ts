import { describe, expect, test } from 'vitest';
import { createBreaker } from '../../../src/dispatch/breaker.js';
import type { Clock } from '../../../src/model.js';
import { type CreateScript, createScriptedServer } from '../../support/scripted-api.js';
import { createVirtualClock, type VirtualClock } from '../../support/virtual-clock.js';
import { ledgerFile, type Note, notesOf, type RunOptions, simulate } from './harness.js';

const LOST_500: CreateScript = { kind: 'lost', createdAfterMs: null, status: 500 };
const CREATED: CreateScript = { kind: 'created' };

/** Every create fails in this way between two moments, in ms from the start. */
function outage(clock: VirtualClock, how: CreateScript, from: number, until: number) {
  return () => (clock.elapsed() >= from && clock.elapsed() < until ? how : CREATED);
}

function breakerBy(clock: Clock) {
  const quiet = { onOpen: () => {}, onClose: () => {}, onGiveUp: () => {} };
  return createBreaker({ clock, stopped: new AbortController().signal, giveUpAfterMs: 600_000, ...quiet });
}

describe('an outage burns no row, and the run goes on by itself', () => {
  test.each<[string, CreateScript, RunOptions, Note[]]>([
    ['connection refused, 16 at once', { kind: 'not_sent' }, { retries: 5 }, notesOf(100)],
    ['connection refused, --retries 0 --concurrency 1', { kind: 'not_sent' }, { retries: 0, concurrency: 1 }, notesOf(20)],
    ['connection refused, --retries 0, one contact only', { kind: 'not_sent' }, { retries: 0, concurrency: 1 }, notesOf(1, 10)],
    ['5xx for everyone', LOST_500, { retries: 5 }, notesOf(100)],
    ['5xx for everyone, --retries 0', LOST_500, { retries: 0 }, notesOf(100)],
    ['5xx for everyone, --retries 0 --concurrency 1', LOST_500, { retries: 0, concurrency: 1 }, notesOf(20)],
    ['5xx for everyone, three contacts only', LOST_500, { retries: 5 }, notesOf(3, 10)],
  ])('%s for 5 minutes', async (_what, how, options, notes) => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { onCreate: outage(clock, how, 40, 300_000) });
    const run = await simulate({ clock, server, notes, options });
    expect(run.kinds.every((kind) => kind === 'created')).toBe(true);
    expect(server.memories).toHaveLength(notes.length);
    expect(run.events.filter(({ type }) => type === 'paused').length).toBeGreaterThanOrEqual(1);
    expect(run.events.filter(({ type }) => type === 'paused')).toHaveLength(run.events.filter(({ type }) => type === 'resumed').length);
    // Probes come 15 s apart at most, so it is noticed soon that all is well again.
    expect(clock.elapsed()).toBeLessThan(300_000 + 15_000 + 20_000);
  });

  test('probes are single requests, ever further apart, at most 15 s', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { onCreate: outage(clock, { kind: 'not_sent' }, 0, 120_000), latencyMs: 400 });
    await simulate({ clock, server, notes: notesOf(100) });
    const failed = server.creates().filter(({ at }) => at - (clock.now() - clock.elapsed()) < 120_000);
    // What was under way when it began, then one at a time.
    const probes = failed.slice(16);
    for (const [i, probe] of probes.entries()) {
      const before = i === 0 ? failed[15]! : probes[i - 1]!;
      expect(probe.at).toBeGreaterThanOrEqual(before.answeredAt!);
      if (i > 0) expect(probe.at - before.answeredAt!).toBeLessThanOrEqual(15_001);
    }
    expect(probes.length).toBeGreaterThan(8);
    expect(probes.length).toBeLessThan(16);
  });
});

describe('an outage that lasts', () => {
  test.each<[string, CreateScript]>([
    ['refused', { kind: 'not_sent' }],
    ['500', LOST_500],
  ])('longer than --give-up-after stops the run (%s), without a failed row, and the next run goes on', async (_what, how) => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { onCreate: outage(clock, how, 1000, 1_000_000), latencyMs: 100 });
    const notes = notesOf(400);
    const ledgerPath = ledgerFile();
    const run = await simulate({ clock, server, notes, ledgerPath, options: { giveUpAfterMs: 600_000 } });
    expect(run.reason).toMatchObject({ reasonCode: 'outage', continues: true });
    expect(clock.elapsed()).toBeGreaterThanOrEqual(601_000);
    expect(clock.elapsed()).toBeLessThan(603_000);
    expect(run.kinds.every((kind) => kind === 'created' || kind === '-')).toBe(true);
    await clock.run(clock.sleep(1_000_000));
    const next = await simulate({ clock, server, notes, ledgerPath });
    expect(next.kinds.every((kind) => ['created', 'already_imported'].includes(kind))).toBe(true);
    expect(server.memories).toHaveLength(400);
  });
});

describe('a row of its own', () => {
  test('that always gets 500 among good ones is server_error after exactly 1 + retries requests', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { onCreate: ({ contactId }) => (contactId === 'c50' ? LOST_500 : CREATED) });
    const run = await simulate({ clock, server, notes: notesOf(100), options: { retries: 3 } });
    expect(server.creates('c50')).toHaveLength(4);
    expect(run.outcomes.get(50)).toMatchObject({ class: 'server_error', attempts: 4 });
    expect(run.kinds.filter((kind) => kind === 'created')).toHaveLength(99);
    expect(run.events.some(({ type }) => type === 'paused')).toBe(false);
  });

  test('that always gets 500, alone in the file, is server_error after exactly 1 + retries requests', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { onCreate: () => LOST_500 });
    const run = await simulate({ clock, server, notes: notesOf(1), options: { retries: 7 } });
    expect(run.outcomes.get(1)).toMatchObject({ class: 'server_error', attempts: 8 });
    expect(run.reason).toBeNull();
  });

  test('is no outage when there are eight of them, whose retries are all that is left of the run', async () => {
    const clock = createVirtualClock();
    const poison = new Set(Array.from({ length: 8 }, (_, i) => `c${5 + 12 * i}`));
    const server = createScriptedServer(clock, { onCreate: ({ contactId }) => (poison.has(contactId) ? LOST_500 : CREATED) });
    const run = await simulate({ clock, server, notes: notesOf(100), options: { retries: 2, concurrency: 4 } });
    expect(run.reason).toBeNull();
    expect(run.kinds.filter((kind) => kind === 'server_error')).toHaveLength(8);
    for (const contactId of poison) expect(server.creates(contactId)).toHaveLength(3);
    expect(run.events.some(({ type }) => type === 'paused')).toBe(false);
  });
});

describe('creates and lists are told apart', () => {
  test('creates go on while lists fail for everyone; what waits for its look is settled when they are back', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      // The first 20 lose their answers after the memory was made.
      onCreate: ({ index }) => (index % 20 === 0 ? { kind: 'lost', createdAfterMs: 1, status: 500 } : CREATED),
      onList: () => (clock.elapsed() < 300_000 ? { kind: 'unlisted', outage: true, status: 500 } : { kind: 'listed' }),
    });
    const run = await simulate({ clock, server, notes: notesOf(400), options: { concurrency: 4, retries: 0 } });
    expect(run.kinds.filter((kind) => kind === 'created')).toHaveLength(380);
    expect(run.kinds.filter((kind) => kind === 'recovered')).toHaveLength(20);
    expect(server.memories).toHaveLength(400);
    // 20 rows wait for lists, with 4 slots: all creates left long before the lists came back.
    const start = clock.now() - clock.elapsed();
    expect(Math.max(...server.creates().map(({ at }) => at - start))).toBeLessThan(10_000);
    // 8 looks of probes and a few before: not one for each row and moment.
    expect(server.lists().filter(({ at }) => at - start < 300_000).length).toBeLessThan(60);
  });

  test('a look that fails during an outage of everything doesn’t count against the row', async () => {
    const clock = createVirtualClock();
    const down = () => clock.elapsed() > 200 && clock.elapsed() < 200_000;
    const server = createScriptedServer(clock, {
      onCreate: ({ contactId }) =>
        down() ? { kind: 'not_sent' } : contactId === 'c5' ? { kind: 'lost', createdAfterMs: 1, status: null } : CREATED,
      onList: () => (clock.elapsed() < 200_000 ? { kind: 'unlisted', outage: true, status: null } : { kind: 'listed' }),
    });
    const run = await simulate({ clock, server, notes: notesOf(200), options: { concurrency: 8, retries: 0 } });
    expect(run.kinds[4]).toBe('recovered');
    expect(run.kinds.filter((kind) => kind === 'created')).toHaveLength(199);
  });

  test('one contact whose list always breaks is in doubt after 1 + retries looks, and stops nothing', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: ({ contactId }) => (contactId === 'c5' ? { kind: 'lost', createdAfterMs: null, status: null } : CREATED),
      onList: () => ({ kind: 'unlisted', outage: true, status: null }),
    });
    const run = await simulate({ clock, server, notes: notesOf(50), options: { retries: 2 } });
    expect(run.reason).toBeNull();
    expect(run.outcomes.get(5)).toMatchObject({ class: 'in_doubt', attempts: 1 });
    const deadline = server.creates('c5')[0]!.answeredAt! + 10_000;
    expect(server.lists('c5').filter(({ at }) => at >= deadline)).toHaveLength(3);
    expect(server.creates('c5')).toHaveLength(1);
  });
});

test('a good answer to what left before the first failure does not make that failure its row’s own', async () => {
  const clock = createVirtualClock();
  const breaker = breakerBy(clock);
  const failed = (contactId: string) => ({ kind: 'failed', contactId, sent: true, failedAlone: false, message: 'reset' }) as const;
  const first = breaker.admit()!;
  const early = breaker.admit()!;
  breaker.answered(first, failed('c1'));
  const verdict = breaker.decide(clock.now());
  breaker.answered(early, { kind: 'good' });
  for (let i = 0; i < 5; i++) breaker.answered(breaker.admit()!, failed(`d${i}`));
  expect(await clock.run(verdict)).toBe('outage');

  // One that left afterwards and fares well says that the API is there.
  const fresh = breakerBy(clock);
  fresh.answered(fresh.admit()!, failed('c1'));
  const own = fresh.decide(clock.now());
  fresh.answered(fresh.admit()!, { kind: 'good' });
  expect(await clock.run(own)).toBe('row');
});

test('hundreds that wait for news of one failure have one timer, and answers that tell nothing don\u2019t wake them', async () => {
  const clock = createVirtualClock();
  let sleeps = 0;
  const counted: Clock = {
    ...clock,
    sleep(ms, signal) {
      sleeps++;
      return clock.sleep(ms, signal);
    },
  };
  const breaker = breakerBy(counted);
  const failing = breaker.admit()!;
  const early = Array.from({ length: 200 }, () => breaker.admit()!);
  breaker.answered(failing, { kind: 'failed', contactId: 'c1', sent: true, failedAlone: false, message: 'reset' });
  const verdicts = Array.from({ length: 300 }, () => breaker.decide(clock.now()));
  for (const pass of early.slice(1)) {
    breaker.answered(pass, { kind: 'good' });
    await Promise.resolve();
  }
  expect(sleeps).toBe(1);
  breaker.answered(breaker.admit()!, { kind: 'good' });
  expect(new Set(await clock.run(Promise.all(verdicts)))).toEqual(new Set(['row']));
  expect([sleeps, clock.elapsed()]).toEqual([1, 0]);
});

test('who waits for news of an outage is told in the moment in which it begins, is probed, and ends', async () => {
  const clock = createVirtualClock();
  const breaker = breakerBy(clock);
  const unreachable = { kind: 'failed', contactId: 'c1', sent: false, failedAlone: false, message: 'refused' } as const;
  const underWay = [1, 2, 3, 4].map(() => breaker.admit()!);
  breaker.answered(underWay[0]!, unreachable);
  const verdict = breaker.decide(clock.now());
  breaker.answered(underWay[1]!, unreachable);
  breaker.answered(underWay[2]!, unreachable);
  expect([await clock.run(verdict), clock.elapsed()]).toEqual(['outage', 0]);

  // Five wait; one of them probes, and fails: the others wait for the next probe, and not until a poll finds it.
  const times: number[] = [];
  const waiting = () => breaker.untilReady().then(() => void times.push(clock.elapsed()));
  await clock.run(waiting());
  const probe = breaker.admit()!;
  const others = Promise.all([1, 2, 3, 4].map(waiting));
  await clock.run(clock.sleep(100));
  breaker.answered(probe, unreachable);
  await clock.run(others);
  const second = 250 + 100 + 500;
  expect(times).toEqual([250, second, second, second, second]);

  // The next one fares well while others wait.
  const good = breaker.admit()!;
  const last = Promise.all([1, 2].map(waiting));
  await clock.run(clock.sleep(70));
  breaker.answered(good, { kind: 'good' });
  await clock.run(last);
  expect(times.slice(5)).toEqual([second + 70, second + 70]);
});

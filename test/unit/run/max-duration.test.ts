import { describe, expect, test } from 'vitest';
import { createHalt, type Halt } from '../../../src/dispatch/halt.js';
import type { Clock } from '../../../src/model.js';
import { stopAtMaxDuration } from '../../../src/run/max-duration.js';
import { type CreateScript, createScriptedServer } from '../../support/scripted-api.js';
import { createVirtualClock } from '../../support/virtual-clock.js';
import { ledgerFile, notesOf, simulate } from '../dispatch/harness.js';

const MINUTE_MS = 60_000;

const limited = (run: { readonly halt: Halt; readonly clock: Clock }, maxDurationMs: number) =>
  void stopAtMaxDuration({ maxDurationMs, startedAt: run.clock.now(), ...run });

describe('--max-duration', () => {
  test.each<[string, CreateScript]>([
    ['an outage', { kind: 'not_sent' }],
    ['an outage of 500s', { kind: 'lost', createdAfterMs: null, status: 500 }],
    ['a Retry-After of five minutes', { kind: 'rate_limited', retryAfterMs: 5 * MINUTE_MS }],
  ])('counts what is spent on waiting: %s that lasts all night is stopped on time, and the next run goes on', async (_what, how) => {
    const clock = createVirtualClock();
    let broken = true;
    const server = createScriptedServer(clock, { onCreate: () => (broken ? how : { kind: 'created' }) });
    const ledgerPath = ledgerFile();
    const notes = notesOf(20);
    const first = await simulate({
      clock,
      server,
      notes,
      ledgerPath,
      options: { giveUpAfterMs: 1440 * MINUTE_MS },
      during: (run) => limited(run, 12 * MINUTE_MS),
    });
    expect(first.reason).toMatchObject({ reasonCode: 'max_duration', continues: true, message: expect.stringContaining('12 min') });
    expect(first.kinds.every((kind) => kind === '-')).toBe(true);
    // What was under way has its answer, or its time-out.
    expect(clock.elapsed()).toBeGreaterThanOrEqual(12 * MINUTE_MS);
    expect(clock.elapsed()).toBeLessThan(13 * MINUTE_MS);

    broken = false;
    const next = await simulate({ clock, server, notes, ledgerPath });
    expect(next.kinds.every((kind) => ['created', 'recovered'].includes(kind))).toBe(true);
    expect(server.memories).toHaveLength(20);
  });

  test('stops in the middle of the work softly: what was sent is settled, and the rest is left to the next run', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { latencyMs: 1000 });
    const notes = notesOf(200);
    const ledgerPath = ledgerFile();
    const first = await simulate({ clock, server, notes, ledgerPath, during: (run) => limited(run, 4500) });
    expect(first.reason?.reasonCode).toBe('max_duration');
    const created = first.kinds.filter((kind) => kind === 'created');
    expect(created.length).toBe(server.memories.length);
    expect(created.length).toBeGreaterThan(16);
    expect(created.length).toBeLessThan(200);
    expect(first.open).toEqual([]);
    await simulate({ clock, server, notes, ledgerPath });
    expect(server.memories).toHaveLength(200);
  });

  test('a run that ends before is left alone, and no timer outlives it', async () => {
    const clock = createVirtualClock();
    const halt = createHalt(() => {});
    const lift = stopAtMaxDuration({ maxDurationMs: MINUTE_MS, startedAt: clock.now(), clock, halt });
    await clock.run(clock.sleep(1000));
    lift();
    await clock.run(clock.sleep(2 * MINUTE_MS));
    expect(halt.reason).toBe(null);
    // Where anybody still slept, the clock would find a sleeper.
    await expect(clock.run(new Promise(() => {}))).rejects.toThrow('nobody waits');
  });

  test('counts from the start of the command: an input that took longer to begin stops the run at once', () => {
    const clock = createVirtualClock();
    const halt = createHalt(() => {});
    stopAtMaxDuration({ maxDurationMs: 1000, startedAt: clock.now() - 1000, clock, halt });
    expect(halt.reason?.reasonCode).toBe('max_duration');
  });
});

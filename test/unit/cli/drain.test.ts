import { describe, expect, it } from 'vitest';
import { drainOnSignal } from '../../../src/cli/drain.js';
import { fakeIo } from './fake-io.js';

function draining() {
  const fake = fakeIo();
  const said: string[] = [];
  let now = 0;
  const drain = drainOnSignal(
    fake.io,
    (message) => said.push(message),
    () => now,
  );
  return { ...fake, ...drain, said, later: (ms: number) => (now += ms) };
}

describe('signals', () => {
  it('ask for an orderly end first, and say so', () => {
    const run = draining();
    expect([run.signal.aborted, run.stoppedBy()]).toEqual([false, null]);
    run.send('SIGTERM');
    expect([run.signal.aborted, run.stoppedBy(), run.exits]).toEqual([true, 'SIGTERM', []]);
    expect(run.said).toEqual([expect.stringMatching(/^SIGTERM: finishing/)]);
  });

  it.each([
    ['SIGINT', 'SIGINT', 130],
    ['SIGINT', 'SIGTERM', 143],
    ['SIGTERM', 'SIGTERM', 143],
  ] as const)('%s and then %s end at once with %d', (first, second, code) => {
    const run = draining();
    run.send(first);
    run.later(1000);
    run.send(second);
    expect(run.exits).toEqual([code]);
    expect(run.stoppedBy()).toBe(first);
  });

  it('that npm passes on a moment after the terminal sent them are one', () => {
    const run = draining();
    run.send('SIGINT');
    run.later(5);
    run.send('SIGINT');
    expect(run.exits).toEqual([]);
    run.later(100);
    run.send('SIGINT');
    expect(run.exits).toEqual([130]);
  });

  it('are timed by the real clock where none is given', () => {
    const fake = fakeIo();
    const drain = drainOnSignal(fake.io, () => {});
    fake.send('SIGTERM');
    fake.send('SIGTERM');
    fake.send('SIGINT');
    expect([drain.signal.aborted, fake.exits]).toEqual([true, [130]]);
  });

  it('are given back', () => {
    const run = draining();
    expect(run.listening()).toBe(1);
    run.release();
    expect(run.listening()).toBe(0);
  });
});

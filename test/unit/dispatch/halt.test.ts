import { describe, expect, test } from 'vitest';
import { realClock } from '../../../src/clock.js';
import { createHalt } from '../../../src/dispatch/halt.js';
import { StoppedError } from '../../../src/errors.js';

describe('halt', () => {
  test('ends a thousand waits at once, without a warning of Node that listeners leak', async () => {
    const warnings: string[] = [];
    const onWarning = (warning: Error) => warnings.push(warning.message);
    process.on('warning', onWarning);
    const halt = createHalt(() => {});
    const waits = Array.from({ length: 1000 }, () => realClock.sleep(3_600_000, halt.signal));
    halt.stop(new StoppedError('signal', 'first', true));
    await Promise.all(waits);
    await new Promise(setImmediate); // warnings come in the next turn
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  test('keeps its first reason', () => {
    const told: string[] = [];
    const halt = createHalt((reason) => told.push(reason.message));
    halt.stop(new StoppedError('outage', 'first', true));
    halt.stop(new StoppedError('signal', 'second', true));
    expect(halt.reason?.message).toBe('first');
    expect(told).toEqual(['first']);
  });
});

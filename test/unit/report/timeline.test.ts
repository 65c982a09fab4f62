import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ImportEvent } from '../../../src/model.js';
import { createTimeline, MOST_BUCKETS } from '../../../src/report/timeline.js';
import { created, failureWith, settled } from './fixtures.js';

const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
const create = (durationMs: number, status: number | null = 201): ImportEvent => ({
  type: 'request',
  verb: 'create',
  status,
  sent: true,
  durationMs,
});

/** A timeline with a clock that the test moves. */
function timelineFromZero() {
  let at = 0;
  const timeline = createTimeline({ now: () => 5000 + at, startedAt: 5000 });
  return {
    timeline,
    goTo: (ms: number) => {
      at = ms;
    },
    at(ms: number, event: ImportEvent) {
      at = ms;
      timeline.consume(event);
    },
  };
}

describe('the timeline of a run', () => {
  test('loses no row and no request, however long the run is and whatever its clock does', () => {
    const times = fc.oneof(fc.integer({ min: 0, max: 60_000 }), fc.integer({ min: 0, max: 30 * 24 * 3_600_000 }));
    const event = fc.record({
      time: times,
      created: fc.nat(5),
      failed: fc.nat(3),
      known: fc.nat(3),
      requests: fc.nat(4),
      refused: fc.nat(2),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), fc.boolean(), (events, inOrder) => {
        if (inOrder) events.sort((a, b) => a.time - b.time);
        const { timeline, at } = timelineFromZero();
        for (const { time, ...counts } of events) {
          const rows = [
            ...Array.from({ length: counts.created }, () => settled({ outcome: created() })),
            ...Array.from({ length: counts.failed }, () => settled({ outcome: failureWith() })),
            ...Array.from({ length: counts.known }, () => settled({ outcome: { kind: 'filtered' } })),
          ];
          at(time, { type: 'rows_settled', rows });
          for (let i = 0; i < counts.requests; i++) at(time, create(20));
          for (let i = 0; i < counts.refused; i++) at(time, { type: 'rate_limited', waitMs: 100, ratePerSecond: null });
        }
        const record = timeline.record();
        for (const name of ['created', 'failed', 'known', 'requests', 'refused'] as const) {
          expect(sum(record[name])).toBe(sum(events.map((one) => one[name])));
          expect(record[name].length).toBe(record.created.length);
        }
        expect(record.created.length).toBeLessThanOrEqual(MOST_BUCKETS);
        expect(record.durationMs).toBe(Math.max(0, ...events.map(({ time }) => time)));
        expect(record.created.length).toBe(Math.floor(record.durationMs / record.bucketMs) + 1);
      }),
    );
  });

  test('keeps what happened in its bucket while neighbours become one', () => {
    const { timeline, at, goTo } = timelineFromZero();
    at(0, { type: 'rows_settled', rows: [settled({ outcome: created() })] });
    at(23_950, { type: 'rows_settled', rows: [settled({ outcome: failureWith() })] });
    expect(timeline.record()).toMatchObject({ bucketMs: 100 });
    goTo(24_000);
    const { bucketMs, created: createdRows, failed } = timeline.record();
    expect(bucketMs).toBe(200);
    expect(createdRows[0]).toBe(1);
    expect(failed[119]).toBe(1);
    expect(failed).toHaveLength(121);
  });

  test('tells the quantiles of answer times within 5%, also over neighbours that became one', () => {
    const { timeline, at, goTo } = timelineFromZero();
    for (let i = 1; i <= 100; i++) at(i < 50 ? 0 : 150, create(i * 10));
    at(150, { type: 'request', verb: 'list', status: 200, sent: true, durationMs: 90_000 });
    goTo(24_000);
    const { p50, p95 } = timeline.record();
    expect(Math.abs(p50[0]! - 500) / 500).toBeLessThan(0.05);
    expect(Math.abs(p95[0]! - 950) / 950).toBeLessThan(0.05);
    expect(p50[1]).toBeNull();
  });

  test('takes durations that no request should have', () => {
    const { timeline, at } = timelineFromZero();
    for (const durationMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e12]) at(0, create(durationMs));
    expect(sum(timeline.record().requests)).toBe(5);
    expect(timeline.record().p50[0]).toBeGreaterThan(0);
  });

  test('marks outages from their beginning to their end, also where creates and lists are held up at once', () => {
    const { timeline, at, goTo } = timelineFromZero();
    at(100, { type: 'paused', cause: 'old_doubts', why: 'Looking' });
    at(300, { type: 'resumed', afterMs: 200 });
    at(2000, { type: 'paused', why: 'creates' });
    at(2500, { type: 'paused', why: 'lists' });
    at(3000, { type: 'resumed', afterMs: 1000 });
    at(5000, { type: 'resumed', afterMs: 2500 });
    at(8000, { type: 'paused', why: 'creates' });
    goTo(9000);
    const pauses = [
      { kind: 'looking', fromMs: 100, toMs: 300 },
      { kind: 'outage', fromMs: 2000, toMs: 5000 },
      { kind: 'outage', fromMs: 8000, toMs: 9000 },
    ];
    expect(timeline.record().pauses).toEqual(pauses);
    goTo(9500); // asked twice, it hasn't ended the pause
    expect(timeline.record().pauses[2]).toEqual({ kind: 'outage', fromMs: 8000, toMs: 9500 });
  });

  test('marks a pause for 429s only where nothing else came through', () => {
    const { timeline, at, goTo } = timelineFromZero();
    const refuse = (ms: number, waitMs: number) => {
      at(ms, create(5, 429));
      at(ms, { type: 'rate_limited', waitMs, ratePerSecond: 5 });
    };
    refuse(0, 2000);
    at(100, create(5)); // another note was created meanwhile
    refuse(1000, 5000);
    refuse(1100, 3000);
    at(6100, create(5));
    refuse(10_000, 60_000);
    goTo(12_000);
    expect(timeline.record().pauses).toEqual([
      { kind: 'patience', fromMs: 1000, toMs: 6000 },
      { kind: 'patience', fromMs: 10_000, toMs: 12_000 },
    ]);
  });

  test('holds so many pauses and no more', () => {
    const { timeline, at } = timelineFromZero();
    for (let i = 0; i < 1000; i++) {
      at(i * 10, { type: 'paused', why: 'gone' });
      at(i * 10 + 5, { type: 'resumed', afterMs: 5 });
    }
    const { pauses } = timeline.record();
    expect(pauses).toHaveLength(100);
    expect(pauses.at(-1)?.toMs).toBe(9995);
  });
});

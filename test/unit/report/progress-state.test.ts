import { describe, expect, test } from 'vitest';
import type { ImportEvent } from '../../../src/model.js';
import { trackProgress } from '../../../src/report/progress-state.js';
import { newRunId } from '../../../src/report/run-folder.js';
import { created, settled } from './fixtures.js';

type Started = Extract<ImportEvent, { type: 'run_started' }>;

/** A run that started at 0, told of what happens. */
function run({ totalBytes = 1000, limit = null }: Partial<Pick<Started, 'totalBytes' | 'limit'>> = {}) {
  const tracker = trackProgress(0);
  const tell = (now: number, ...events: ImportEvent[]) => {
    for (const event of events) tracker.consume(event, now);
    return tracker.at(now);
  };
  tell(0, { type: 'run_started', runId: newRunId(0, () => 0), baseUrl: '', inputs: ['a'], totalBytes, limit });
  return tell;
}

const read = (bytes: number, rows: number): ImportEvent => ({ type: 'bytes_read', bytes, rows });
const rows = (count: number): ImportEvent => ({
  type: 'rows_settled',
  rows: Array.from({ length: count }, () => settled({ outcome: created() })),
});

describe('the share of an import', () => {
  test('is what is settled, not what is read ahead', () => {
    const tell = run();
    expect(tell(100, read(1000, 200)).share).toBe(0);
    expect(tell(200, rows(50)).share).toBe(0.25);
    expect(tell(300, rows(149)).share).toBe(0.995);
    expect(tell(400, rows(1)).share).toBe(1);
  });

  test('tells the time that is left by what was settled until now', () => {
    const tell = run();
    expect(tell(1000, read(500, 100)).leftMs).toBeNull();
    expect(tell(10_000, rows(50)).leftMs).toBeCloseTo(30_000, -3);
  });

  test('never goes back, though more rows stand in what was read than it seemed', () => {
    const tell = run();
    expect(tell(100, read(1000, 100), rows(80)).share).toBe(0.8);
    expect(tell(200, read(1000, 400)).share).toBe(0.8);
  });

  test('with --limit is that of the rows that are taken', () => {
    const tell = run({ totalBytes: 1_000_000, limit: 20 });
    expect(tell(100, read(65_536, 20), rows(15)).share).toBe(0.75);
    expect(run({ totalBytes: null, limit: 20 })(100, read(500, 20), rows(20)).share).toBe(1);
  });

  test('is unknown for standard input, and 0 where nothing was settled of an empty one', () => {
    const tell = run({ totalBytes: null });
    expect(tell(100, read(500, 20), rows(10))).toMatchObject({ share: null, leftMs: null, rows: 10, bytes: 500 });
    expect(run({ totalBytes: 0 })(100).share).toBe(0);
  });
});

describe('of a command that works through memories', () => {
  test('the share is told by their number, and so is the time that is left', () => {
    const tracker = trackProgress(0);
    expect(tracker.at(0).bytes).toBeNull();
    tracker.advance({ done: 0, of: 400 });
    expect(tracker.at(1000)).toMatchObject({ counting: 'memories', share: 0, leftMs: null });
    tracker.advance({ done: 100, of: 400 });
    const state = tracker.at(10_000);
    expect(state).toMatchObject({ share: 0.25, rows: 100 });
    expect(state.leftMs).toBeCloseTo(30_000, -3);
    tracker.advance({ done: 0, of: 0 });
    expect(tracker.at(11_000).share).toBe(1);
  });
});

describe('why a run waits', () => {
  test("is the API's patience, counted down, and gone when it is over", () => {
    const tell = run();
    const refused: ImportEvent = { type: 'rate_limited', waitMs: 12_000, ratePerSecond: 5 };
    expect(tell(0, refused).waitingFor).toBe('the API asks for 12 s of patience (429)');
    expect(tell(5000, { ...refused, waitMs: 100 }).waitingFor).toBe('the API asks for 7.0 s of patience (429)');
    expect(tell(11_500).waitingFor).toBeNull();
  });

  test('is the pause of an outage before patience, and the stop before both; then nobody knows how long it takes', () => {
    const tell = run();
    tell(1000, read(1000, 100), rows(50), { type: 'rate_limited', waitMs: 60_000, ratePerSecond: null });
    const paused = tell(2000, { type: 'paused', why: 'nobody answers' });
    expect(paused).toMatchObject({ waitingFor: 'waiting: nobody answers', leftMs: null });
    const stopping = tell(3000, { type: 'stopping', reasonCode: 'outage', reason: 'The API failed.' });
    expect(stopping).toMatchObject({ waitingFor: 'stopping, finishing what is under way: The API failed.', leftMs: null });
    expect(run()(0, { type: 'stopping', reasonCode: 'signal', reason: 'Interrupted.' }).waitingFor).toBe(
      'stopping, finishing what is under way',
    );
    const resumed = run();
    resumed(0, { type: 'paused', why: 'x' });
    expect(resumed(1, { type: 'resumed', afterMs: 1 }).waitingFor).toBeNull();
  });

  test('is told of what is looked for beside what is sent', () => {
    const tell = run();
    expect(tell(0, { type: 'looking', why: 'lost_answers', count: 1 }).lookingFor).toBe('looking for 1 lost answer');
    expect(tell(1, { type: 'looking', why: 'contact_lists', count: 2 }).lookingFor).toBe('looking for 1 lost answer, listing 2 contacts');
    const none = [
      { type: 'looking', why: 'lost_answers', count: 0 } as const,
      { type: 'looking', why: 'contact_lists', count: 0 } as const,
    ];
    expect(tell(2, ...none).lookingFor).toBeNull();
    expect(tell(3, { type: 'looking', why: 'surplus', count: 3 }).lookingFor).toBe('last looks at 3 notes');
  });
});

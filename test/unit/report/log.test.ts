import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ImportEvent } from '../../../src/model.js';
import { createLogger, logEvents } from '../../../src/report/log.js';
import { createPrettifier } from '../../../src/report/pretty-log.js';
import { newRunId } from '../../../src/report/run-folder.js';
import { createTally, summary } from '../../../src/report/summary.js';
import { created, draftWith, failureWith, settled, temporaryFolder } from './fixtures.js';

const runId = newRunId(0, () => 0);

function recorder() {
  const lines: string[] = [];
  return {
    lines,
    stream: { write: (line: string) => void lines.push(line) },
    records: () => lines.map((line): Record<string, unknown> => JSON.parse(line)),
  };
}

function story(options: { readonly level?: string; readonly progress?: boolean } = {}) {
  const record = recorder();
  let time = 0;
  const logger = createLogger({ level: options.level ?? 'info', stream: record.stream });
  const ticks = new Set<() => void>();
  const repeat = (tick: () => void, ms: number) => {
    expect(ms).toBe(5000);
    ticks.add(tick);
    return () => void ticks.delete(tick);
  };
  const { consume, stop } = logEvents(logger, { progress: options.progress ?? false, now: () => time, repeat });
  return {
    ...record,
    ticks,
    stop,
    tick: (at: number) => {
      time = at;
      for (const tick of ticks) tick();
    },
    tell: (at: number, ...events: ImportEvent[]) => {
      time = at;
      events.forEach(consume);
    },
    named: (event: string) => record.records().filter((entry) => entry.event === event),
  };
}

const started: ImportEvent = { type: 'run_started', runId, baseUrl: 'https://api.callers.ai/', inputs: ['a.csv'], totalBytes: 1000 };

describe('the logger', () => {
  test('a long list of contacts is told with how far it is read, where its size is known', () => {
    const { tell, records } = story();
    const reading = { type: 'reading_contacts', path: 'map.csv', contacts: 1_200_000, bytes: 60 } as const;
    tell(0, { ...reading, totalBytes: 100 }, { ...reading, totalBytes: null });
    expect(records()).toMatchObject([
      { event: 'reading_contacts', contacts: 1_200_000, msg: 'reading the list of contacts map.csv: 1,200,000 contacts, 60 % of it read' },
      { msg: 'reading the list of contacts map.csv: 1,200,000 contacts' },
    ]);
  });

  test('takes secrets out of every text, escaped or not, and the line stays JSON', () => {
    const { stream, lines, records } = recorder();
    const logger = createLogger({ level: 'info', stream, secrets: ['k"ey\\1', '17'] });
    logger.info(
      { deep: { list: ['see k"ey\\1!'] }, err: new Error('with k"ey\\1'), apiKey: 'other', headers: { authorization: 'x' } },
      'k"ey\\1',
    );
    expect(lines.join('')).not.toContain('ey\\\\1');
    expect(records()[0]).toMatchObject({
      deep: { list: ['see [redacted]!'] },
      apiKey: '[redacted]',
      headers: { authorization: '[redacted]' },
      msg: '[redacted]',
    });
    expect(typeof records()[0]?.time).toBe('number');
    expect(lines[0]?.endsWith('}\n')).toBe(true);
  });

  test('finds a secret that JSON writes in another way', () => {
    const { stream, records } = recorder();
    createLogger({ level: 'info', stream, secrets: ['', 'a"b'] }).info('see a"b');
    expect(records()).toMatchObject([{ msg: 'see [redacted]' }]);
  });

  test('is one sentence a line for a person, without secrets and colours', () => {
    const { stream, lines } = recorder();
    const logger = createLogger({ level: 'info', prettify: createPrettifier({ color: false }), stream, secrets: ['topsecret'] });
    logEvents(logger, { progress: false }).consume(started);
    logger.warn('it was topsecret');
    expect(lines.join('')).toMatch(
      /^\[\d\d:\d\d:\d\d\] INFO: run .* started: a\.csv to https:\/\/api\.callers\.ai\/\n\[.*\] WARN: it was \[redacted\]\n$/,
    );
  });

  test('has written each line when the call returns', async () => {
    const path = join(await temporaryFolder(), 'log');
    const fd = openSync(path, 'w');
    const logger = createLogger({ level: 'info', stream: fd });
    for (const text of ['first', 'second', 'third']) {
      logger.info(text);
      expect(readFileSync(path, 'utf8')).toContain(`"msg":"${text}"}\n`);
    }
    closeSync(fd);
  });

  test.skipIf(process.platform === 'win32')('goes on in silence where the reader of stderr has left', async () => {
    const path = join(await temporaryFolder(), 'pipe');
    execFileSync('mkfifo', [path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const fd = openSync(path, constants.O_WRONLY);
    closeSync(reader);
    for (const pretty of [false, true]) {
      const logger = createLogger({ level: 'info', prettify: pretty ? createPrettifier({ color: false }) : null, stream: fd });
      for (let i = 0; i < 3; i++) logger.info('nobody reads this');
    }
    closeSync(fd);
  });
});

describe('the log of a run', () => {
  test('tells failures by class once in five seconds, and each at debug, without the note', () => {
    const draft = draftWith();
    const failure = settled({ row: 3, draft, outcome: failureWith({ message: `echo: ${draft.text}` }) });
    const info = story();
    info.tell(0, started, { type: 'rows_settled', rows: [failure, failure] });
    expect(info.named('rows_failed')).toEqual([]);
    info.tell(5000, { type: 'rows_settled', rows: [failure] });
    expect(info.named('rows_failed')).toMatchObject([{ failures: { bad_request: 3 }, msg: 'rows failed: 3 bad_request' }]);

    const debug = story({ level: 'debug' });
    debug.tell(0, started, { type: 'rows_settled', rows: [failure] });
    expect(debug.named('row_failed')).toMatchObject([{ row: '3', class: 'bad_request', msg: 'row 3: bad_request: echo: ….' }]);
    expect([...info.lines, ...debug.lines].join('')).not.toContain('garden');
  });

  test('says nothing of the note in a retry', () => {
    const { tell, lines, named } = story({ level: 'debug' });
    tell(0, { type: 'retry', row: '9', attempt: 2, delayMs: 1500, message: 'the garden' });
    expect(named('retry')).toMatchObject([{ row: '9', attempt: 2, delayMs: 1500 }]);
    expect(lines.join('')).not.toContain('garden');
  });

  test('tells the first rate limit at once and the others in one line', () => {
    const { tell, named } = story();
    const limited: ImportEvent = { type: 'rate_limited', waitMs: 1000, ratePerSecond: 12 };
    tell(0, limited, limited, limited);
    tell(4999, limited);
    expect(named('rate_limited')).toMatchObject([{ count: 1 }]);
    tell(5001, limited);
    expect(named('rate_limited')).toMatchObject([{ count: 1 }, { count: 4, ratePerSecond: 12 }]);
  });

  test('has a line of progress every five seconds where it is asked for', () => {
    const row = settled({ outcome: created() });
    const { tell, tick, named } = story({ progress: true });
    tell(0, started, { type: 'bytes_read', bytes: 250, rows: 50 }, { type: 'rows_settled', rows: Array.from({ length: 50 }, () => row) });
    tell(4999, { type: 'under_way', requests: 1 });
    expect(named('progress')).toEqual([]);
    tick(5000);
    tell(5001, { type: 'under_way', requests: 1 }, { type: 'under_way', requests: 2 });
    expect(named('progress')).toMatchObject([{ rows: 50, ratePerSecond: 10, percent: 25 }]);
    tick(10_000);
    expect(named('progress')[1]).toMatchObject({ rows: 50, ratePerSecond: 0 });

    const quiet = story();
    quiet.tell(0, started);
    quiet.tell(60_000, { type: 'under_way', requests: 1 });
    expect(quiet.ticks.size).toBe(0);
    expect(quiet.named('progress')).toEqual([]);
  });

  test('goes on while nothing happens, with the failures that no line has told, and ends with the run', () => {
    const { tell, tick, ticks, stop, named } = story({ progress: true });
    expect(ticks.size).toBe(0);
    tell(0, started, { type: 'rows_settled', rows: [settled({ outcome: failureWith() })] });
    for (const at of [5000, 10_000, 15_000]) tick(at);
    expect(named('progress')).toHaveLength(3);
    expect(named('rows_failed')).toHaveLength(1);
    const run = summary({ runId, inputs: ['a.csv'], startedAt: 0, finishedAt: 2000, stop: null, files: {}, tally: createTally() });
    tell(16_000, { type: 'run_finished', summary: run });
    expect(ticks.size).toBe(0);
    stop();

    const failing = story({ progress: true });
    failing.tell(0, started);
    failing.stop();
    expect(failing.ticks.size).toBe(0);
  });

  test('has a timer that keeps no process alive', () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const { stream } = recorder();
    const before = timers();
    const { consume, stop } = logEvents(createLogger({ level: 'info', stream }), { progress: true });
    consume(started);
    const during = timers();
    stop();
    // Timers that don't keep a process alive aren't counted.
    expect(during).toBe(before);
  });

  test('tells what a person must know with its weight', () => {
    const { tell, records } = story();
    tell(
      0,
      { type: 'paused', why: 'the API does not answer' },
      { type: 'resumed', afterMs: 12_000 },
      { type: 'warning', code: 'clock', message: 'clocks differ' },
      { type: 'surplus', contactId: 'c', memoryIds: ['m'] },
      { type: 'stopping', reasonCode: 'signal', reason: 'SIGTERM' },
      { type: 'stopping', reasonCode: 'key_refused', reason: 'the key is refused' },
    );
    expect(records().map(({ event, level }) => [event, level])).toEqual([
      ['paused', 40],
      ['resumed', 30],
      ['warning', 40],
      ['surplus', 40],
      ['stopping', 40],
      ['stopping', 50],
    ]);
  });

  test('ends with what was not told yet, and the numbers', () => {
    const { tell, records } = story();
    const tally = createTally(() => 2000);
    const settledRows: ImportEvent = { type: 'rows_settled', rows: [settled({ outcome: failureWith({ class: 'held' }) })] };
    tally.consume(settledRows);
    const run = summary({ runId, inputs: ['a.csv'], startedAt: 0, finishedAt: 2000, stop: null, files: {}, tally });
    tell(0, settledRows, { type: 'run_finished', summary: run });
    expect(records()).toMatchObject([
      { event: 'rows_failed', failures: { held: 1 } },
      { event: 'run_finished', status: 'completed_with_failures', msg: `run ${runId} completed with failures: 1 rows in 2.0 s, 1 failed` },
    ]);
  });
});

import { EventEmitter } from 'node:events';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Clock, ImportEvent } from '../../../src/model.js';
import { displayWidth, fitToWidth } from '../../../src/report/display-width.js';
import { startProgress, type Terminal } from '../../../src/report/progress.js';
import { progressLines } from '../../../src/report/progress-frame.js';
import { newRunId } from '../../../src/report/run-folder.js';
import { created, failureWith, settled } from './fixtures.js';

/** A terminal as far as a bar needs one: lines, a cursor, erasing. */
class Screen extends EventEmitter {
  columns = 80;
  rows = 24;
  readonly isTTY = true;
  lines = [''];
  cursor = 0;
  written = '';
  #width = 80;
  write(text: string): boolean {
    this.written += text;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what a terminal reads
    for (const [piece] of text.matchAll(/\u001b\[(\?\d+[hl]|[\d;]*[A-Za-z])|\n|[^\u001b\n]+/g)) this.#take(piece);
    return true;
  }
  resize(columns: number): void {
    this.reflow(columns);
    this._refreshSize();
  }
  /** Lines that are too long now become several. The process isn't told yet. */
  reflow(columns: number): void {
    this.#width = columns;
    const wrapped = this.lines.map((line) => line.match(new RegExp(`.{1,${columns}}`, 'gu')) ?? ['']);
    this.cursor = wrapped.slice(0, this.cursor).flat().length;
    this.lines = wrapped.flat();
  }
  _refreshSize(): void {
    if (this.columns === this.#width) return;
    this.columns = this.#width;
    this.emit('resize');
  }
  shown(): string[] {
    return this.lines.filter((line) => line !== '');
  }
  #take(piece: string): void {
    const count = Number(/\d+/.exec(piece)?.[0] ?? 1);
    if (piece === '\n') {
      this.cursor++;
      if (this.cursor === this.lines.length) this.lines.push('');
    } else if (!piece.startsWith('\u001b')) this.lines[this.cursor] += piece;
    else if (piece.endsWith('A')) this.cursor = Math.max(0, this.cursor - count);
    else if (piece.endsWith('B')) this.cursor += count;
    else if (piece.endsWith('2K')) this.lines[this.cursor] = '';
    else if (piece.endsWith('J')) this.lines.length = this.cursor + 1;
  }
}

function manualClock(): Clock & { advance(ms: number): Promise<void> } {
  let time = 0;
  let sleepers: { readonly until: number; readonly wake: () => void }[] = [];
  return {
    now: () => time,
    random: () => 0.5,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const wake = () => {
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        sleepers.push({ until: time + ms, wake });
        signal?.addEventListener('abort', wake);
      }),
    async advance(ms) {
      time += ms;
      const due = sleepers.filter((sleeper) => sleeper.until <= time);
      sleepers = sleepers.filter((sleeper) => sleeper.until > time);
      for (const sleeper of due) sleeper.wake();
      await Promise.resolve();
      await Promise.resolve();
    },
  };
}

const STARTED: ImportEvent = { type: 'run_started', runId: newRunId(0, () => 0), baseUrl: '', inputs: ['a'], totalBytes: 1000 };

/** A bar on a terminal, of a run that has just started (unless `before`). */
function start({ color = false, before = false } = {}) {
  const screen = new Screen();
  const clock = manualClock();
  // Of a stream's many overloads this one has what is used.
  const progress = startProgress({ stream: screen as unknown as Terminal, clock, color });
  if (!before) progress.consume(STARTED);
  return { screen, clock, progress };
}

describe('the bar', () => {
  test('shows share, rows, pace, time left, requests and failures by class', async () => {
    const { screen, clock, progress } = start();
    progress.consume({ type: 'bytes_read', bytes: 500, rows: 4000 });
    progress.consume({ type: 'under_way', requests: 16 });
    const failed = settled({ outcome: failureWith({ class: 'not_found' }) });
    progress.consume({ type: 'rows_settled', rows: [...Array.from({ length: 1999 }, () => settled({ outcome: created() })), failed] });
    await clock.advance(10_000);
    const [first, second, third] = screen.shown();
    // Half of the input is read, and half of that settled.
    expect(first).toMatch(/^█{7}░{23} {2}25 % {2}2,000 rows {2}200\/s {2}ETA 30 s$/);
    expect(second).toBe('16 under way, failed: 1 not_found');
    expect(third).toBeUndefined();

    progress.consume({ type: 'paused', why: 'the API\u001b[2J does not answer' });
    await clock.advance(100);
    expect(screen.shown()[2]).toBe('waiting: the API[2J does not answer');
    progress.consume({ type: 'resumed', afterMs: 100 });
    await clock.advance(100);
    expect(screen.shown()).toHaveLength(2);
    progress.stop();
  });

  test('is gone after stop, and nothing is drawn later', async () => {
    const { screen, clock, progress } = start();
    progress.consume({ type: 'paused', why: 'it waits' });
    await clock.advance(100);
    expect(screen.shown()).toHaveLength(3);
    progress.stop();
    expect(screen.shown()).toEqual([]);
    expect(screen.cursor).toBe(0);
    const { written } = screen;
    await clock.advance(1000);
    progress.stop();
    expect(screen.written).toBe(written);
    expect(written).not.toContain('\u001b[?25l');
    expect(screen.listenerCount('resize')).toBe(0);
  });

  test('is drawn ten times a second at most, however much happens', async () => {
    const { screen, clock, progress } = start();
    let frames = 0;
    const write = screen.write.bind(screen);
    screen.write = (text) => {
      frames++;
      return write(text);
    };
    for (let ms = 0; ms < 1000; ms++) {
      progress.consume({ type: 'rows_settled', rows: [settled({ outcome: created() })] });
      await clock.advance(1);
    }
    expect(frames).toBeGreaterThan(5);
    expect(frames).toBeLessThanOrEqual(10);
    progress.stop();
  });

  test('does not flicker: a frame takes the place of the one before in one write, and nothing else is erased', async () => {
    const { screen, clock, progress } = start();
    const writes: string[] = [];
    const write = screen.write.bind(screen);
    screen.write = (text) => {
      writes.push(text);
      return write(text);
    };
    progress.consume({ type: 'bytes_read', bytes: 500, rows: 4000 });
    progress.consume({ type: 'rows_settled', rows: [settled({ outcome: created() })] });
    await clock.advance(100);
    const before = screen.shown();
    writes.length = 0;
    progress.consume({ type: 'rows_settled', rows: [settled({ outcome: created() })] });
    await clock.advance(100);
    expect(screen.shown()[0]).not.toBe(before[0]);
    expect(screen.shown()[1]).toBe(before[1]);
    expect(writes).toHaveLength(1);
    expect(writes[0]).toContain('2 rows');
    expect(writes[0]).not.toMatch(/\[[23]J|\[\?1049/); // that would be the whole screen
  });

  test('comes back below what others write', async () => {
    const { screen, clock, progress } = start();
    await clock.advance(100);
    await clock.advance(99);
    progress.interrupt(() => screen.write('a log line\n'));
    expect(screen.shown()).toEqual(['a log line']);
    await clock.advance(100);
    expect(screen.shown()[0]).toBe('a log line');
    expect(screen.shown()).toHaveLength(3);
    progress.stop();
    expect(screen.shown()).toEqual(['a log line']);
    progress.interrupt(() => screen.write('after\n'));
    expect(screen.shown()).toEqual(['a log line', 'after']);
  });

  test('takes away the lines that a narrower terminal has wrapped', async () => {
    const { screen, clock, progress } = start();
    progress.interrupt(() => screen.write('kept\n'));
    progress.consume({ type: 'paused', why: 'x'.repeat(60) });
    await clock.advance(100);
    const before = screen.shown();
    expect(before.filter((line) => displayWidth(line) > 40)).toHaveLength(2);
    screen.resize(40);
    expect(screen.shown()).toEqual(['kept']);
    await clock.advance(100);
    for (const shown of screen.shown()) expect(displayWidth(shown)).toBeLessThan(40);
    progress.stop();
    expect(screen.shown()).toEqual(['kept']);
  });

  test('takes them away also where it is told of the new size only after the next frame or log line', async () => {
    const { screen, clock, progress } = start();
    progress.interrupt(() => screen.write('kept\n'));
    progress.consume({ type: 'paused', why: 'x'.repeat(60) });
    await clock.advance(100);
    screen.reflow(40);
    await clock.advance(100);
    expect(screen.shown()[0]).toBe('kept');
    expect(screen.shown()).toHaveLength(4);
    screen.reflow(20);
    progress.interrupt(() => screen.write('kept too\n'));
    expect(screen.shown()).toEqual(['kept', 'kept too']);
    await clock.advance(100);
    screen.reflow(15);
    progress.stop();
    expect(screen.shown()).toEqual(['kept', 'kept too']);
  });

  test('says that the ledger is opened in one frame, at once, since nothing is drawn while it is', () => {
    const { screen, progress } = start({ before: true });
    expect(screen.written).toBe('');
    progress.consume({ type: 'opening_ledger', path: 'ledger.db', bytes: 2_100_000_000 });
    expect(screen.shown()).toEqual(['opening the ledger (2.1 GB)']);
    progress.consume(STARTED);
    expect(screen.shown()).toEqual([expect.stringMatching(/0 % {2}0 rows/), '0 under way, none failed']);
    progress.stop();
    expect(screen.shown()).toEqual([]);
  });

  test('says that a long list of contacts is read, and how far, until the run begins', () => {
    const { screen, progress } = start({ before: true });
    const reading = { type: 'reading_contacts', path: 'map.csv', bytes: 60, totalBytes: 100 } as const;
    progress.consume({ ...reading, contacts: 1_200_000 });
    expect(screen.shown()).toEqual(['reading the list of contacts (1,200,000 contacts)']);
    progress.consume(STARTED);
    expect(screen.shown()).toEqual([expect.stringMatching(/0 % {2}0 rows/), '0 under way, none failed']);
    progress.stop();
  });

  test('a terminal that was closed harms nothing', async () => {
    const { screen, clock, progress } = start();
    screen.emit('error', new Error('EPIPE'));
    screen.emit('error', new Error('EPIPE'));
    const { written } = screen;
    await clock.advance(1000);
    expect(screen.written).toBe(written);
    progress.stop();
  });
});

describe('a frame', () => {
  const state = {
    elapsedMs: 3_700_000,
    bytes: 12_345_678,
    share: 0.1234,
    leftMs: 26_000_000,
    counting: 'rows' as const,
    rows: 1_234_567,
    failures: new Map([
      ['not_found', 123],
      ['invalid', 4],
    ] as const),
    requests: 64,
    lookingFor: 'looking for 2 lost answers',
    waitingFor: 'waiting: 電話が通じません'.repeat(5),
    rowsPerSecond: 812,
  };

  test('fits every width', () => {
    for (let columns = 1; columns <= 200; columns++) {
      for (const share of [0.1234, 0, 1, null]) {
        for (const line of progressLines({ ...state, share }, { columns, color: false }))
          expect(displayWidth(line)).toBeLessThanOrEqual(columns);
      }
    }
  });

  test('is cut where a terminal would wrap it, whatever the name of the file that it speaks of', () => {
    const names = ['お客様メモ.csv', '📇📇📇 notes.csv', '❤\ufe0f❤\ufe0f.csv', '👩\u200d👩\u200d👧.csv', 'cafe\u0301.csv', '🇨🇭.csv'];
    for (const name of names) {
      for (let columns = 1; columns <= 60; columns++) {
        const waitingFor = `stopping, finishing what is under way: ${name.repeat(4)} changed while it was read`;
        for (const line of progressLines({ ...state, waitingFor }, { columns, color: false })) {
          expect(displayWidth(line)).toBeLessThanOrEqual(columns);
          expect(line).not.toMatch(/[\ud800-\udbff](?![\udc00-\udfff])/);
        }
      }
    }
  });

  test('before the run has only what it waits for', () => {
    const opening = { ...state, bytes: null, waitingFor: 'opening the ledger (2.1 GB)' };
    expect(progressLines(opening, { columns: 80, color: false })).toEqual(['opening the ledger (2.1 GB)']);
    expect(progressLines({ ...opening, waitingFor: null }, { columns: 80, color: false })).toEqual([]);
  });

  test('without a share says how much was read, and for how long', () => {
    const [first] = progressLines({ ...state, share: null }, { columns: 80, color: false });
    expect(first).toBe('1,234,567 rows  812/s  1 h 2 min  12 MB read');
  });

  test('of memories calls them so, and speaks of no failures', () => {
    const memories = { ...state, counting: 'memories', lookingFor: null, waitingFor: null } as const;
    const [first, second] = progressLines(memories, { columns: 100, color: false });
    expect(first).toMatch(/ 12 % {2}1,234,567 memories {2}812\/s {2}ETA 7 h 13 min$/);
    expect(second).toBe('64 under way');
  });

  test('says on 40 columns how far it is', () => {
    const [first] = progressLines(state, { columns: 39, color: false });
    expect(first).toMatch(/^12 % {2}1,234,567 rows {2}812\/s/);
  });

  test('has colours only if they are wanted, and is the same without them', () => {
    const plain = progressLines(state, { columns: 80, color: false });
    const colored = progressLines(state, { columns: 80, color: true });
    expect(plain.join('')).not.toContain('\u001b');
    expect(colored.join('')).toContain('\u001b[');
    expect(colored.map(stripVTControlCharacters)).toEqual(plain);
  });
});

describe('the width of a line', () => {
  test('counts what a terminal shows', () => {
    expect(displayWidth('abc')).toBe(3);
    expect(displayWidth('電話')).toBe(4);
    expect(displayWidth('e\u0301')).toBe(1);
    expect(displayWidth('🙂')).toBe(2);
    expect(displayWidth('❤\ufe0f')).toBe(2);
    expect(fitToWidth('電話番号', 5)).toBe('電話…');
    expect(fitToWidth('abc', 3)).toBe('abc');
  });
});

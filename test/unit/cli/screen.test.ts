import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openLogScreen } from '../../../src/cli/log-screen.js';
import { openScreen } from '../../../src/cli/screen.js';
import { resolveScreenOptions } from '../../../src/cli/screen-options.js';
import { OptionsError } from '../../../src/errors.js';
import type { ImportEvent, RunId } from '../../../src/model.js';
import { fakeIo } from './fake-io.js';

const STARTED: ImportEvent = {
  type: 'run_started',
  runId: '20261123T030749Z-4f9a' as RunId, // of the right form
  baseUrl: 'http://127.0.0.1:1/',
  inputs: ['notes.csv'],
  totalBytes: 100,
};
const OPTIONS = { json: false, logLevel: null, progress: true };

describe('the screen', () => {
  it('without a terminal is JSON lines', async () => {
    const { io, written } = fakeIo();
    const screen = await openScreen({ io, options: OPTIONS, secrets: ['s3cret'] });
    screen.onEvent(STARTED);
    screen.onEvent({ type: 'warning', code: 'x', message: 'the key s3cret' });
    screen.say('SIGINT: finishing');
    screen.close();
    const lines = written.stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ event }) => event)).toEqual(['run_started', 'warning', 'signal']);
    expect(written.stderr).not.toContain('s3cret');
    expect(written.stdout).toBe('');
  });

  it('without a terminal tells progress also while nothing happens, and leaves no timer behind', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { io, written } = fakeIo();
    const screen = await openScreen({ io, options: OPTIONS, secrets: [] });
    screen.onEvent(STARTED);
    vi.advanceTimersByTime(10_000);
    expect(written.stderr.match(/"event":"progress"/g)).toHaveLength(2);
    screen.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('on a terminal is a bar, with warnings above it', async () => {
    const { io, written } = fakeIo({ isTTY: true });
    const screen = await openScreen({ io, options: OPTIONS, secrets: [] });
    screen.onEvent({ type: 'under_way', requests: 0 });
    expect(written.stderr).toBe('');
    screen.onEvent(STARTED);
    expect(written.stderr).not.toContain('run 2026');
    const bar = written.stderr;
    expect(bar).not.toBe('');
    screen.onEvent({ type: 'warning', code: 'x', message: 'look at this' });
    // The bar's line is erased first, or the warning would stand behind it.
    expect(written.stderr.slice(bar.length).split('look at this')[0]).toContain('\u001b[2K');
    screen.close();
    expect(written.stderr).toContain('look at this');
    const afterwards = written.stderr;
    screen.say('still said');
    expect(written.stderr.slice(afterwards.length)).toMatch(/still said.*\n$/);
  });

  it('on a terminal with --no-progress is a pretty log', async () => {
    const { io, written } = fakeIo({ isTTY: true, env: { NO_COLOR: '1' } });
    const screen = await openScreen({ io, options: { ...OPTIONS, progress: false }, secrets: [] });
    screen.onEvent(STARTED);
    screen.close();
    expect(written.stderr).toMatch(/^\[?\d\d:\d\d:\d\d.*INFO.*run 2026.*notes\.csv.*\n$/);
  });

  it.each([{ TERM: 'dumb' }, { CI: 'true' }, { CI: '1' }])(
    'on a terminal that keeps what is drawn on it (%j) is a pretty log',
    async (env) => {
      const { io, written } = fakeIo({ isTTY: true, env });
      const screen = await openScreen({ io, options: OPTIONS, secrets: [] });
      screen.onEvent(STARTED);
      screen.close();
      expect(written.stderr).toMatch(/INFO.*run 2026/);
      if ('TERM' in env) expect(written.stderr).not.toContain('\u001b');
      expect(written.stderr).not.toContain('under way');
    },
  );

  it.each(['', '0', 'false'])('takes CI=%j for no CI', async (CI) => {
    const { io, written } = fakeIo({ isTTY: true, env: { CI } });
    const screen = await openScreen({ io, options: OPTIONS, secrets: [] });
    screen.onEvent(STARTED);
    screen.close();
    expect(written.stderr).toContain('under way');
  });

  it('shows what --log-level asks for, with the bar too', async () => {
    const { io, written } = fakeIo({ isTTY: true });
    const screen = await openScreen({ io, options: { ...OPTIONS, logLevel: 'info' }, secrets: [] });
    screen.onEvent(STARTED);
    screen.close();
    expect(written.stderr).toContain('run 2026');
  });
});

describe("the screen's options", () => {
  const config = (content: object) => {
    const folder = mkdtempSync(join(tmpdir(), 'screen-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'import.json');
    writeFileSync(path, JSON.stringify(content));
    return path;
  };

  it('have defaults', async () => {
    expect(resolveScreenOptions({ progress: true })).toEqual(OPTIONS);
  });

  it('come from the config file where the command line says nothing', async () => {
    const path = config({ json: true, progress: false, logLevel: 'debug', concurrency: 3 });
    expect(resolveScreenOptions({ config: path, progress: true })).toEqual({ json: true, progress: false, logLevel: 'debug' });
    expect(resolveScreenOptions({ config: path, progress: true, logLevel: 'warn' }).logLevel).toBe('warn');
  });

  it('are refused by the name the user knows', async () => {
    const problems = (values: Record<string, unknown>) => {
      try {
        resolveScreenOptions(values);
      } catch (error) {
        if (error instanceof OptionsError) return error.problems;
      }
      return [];
    };
    expect(problems({ logLevel: 'inof' })).toEqual([
      expect.stringMatching(/^--log-level: expected one of trace, .*found "inof" \(did you mean info\?\)$/),
    ]);
    const path = config({ json: 'yes', progress: 1 });
    expect(problems({ config: path })).toEqual([
      `"json" in ${path}: expected true or false, found "yes"`,
      `"progress" in ${path}: expected true or false, found 1`,
    ]);
  });
});

describe('the screen of verify and undo', () => {
  const open = async (given: Parameters<typeof fakeIo>[0], options = OPTIONS) => {
    const { io, written } = fakeIo(given);
    return { written, screen: await openLogScreen({ io, options, secrets: [], doing: 'checked' }) };
  };

  it('on a terminal is a bar from its first word on progress, with warnings above it, and nothing stays of it', async () => {
    const { screen, written } = await open({ isTTY: true });
    screen.onEvent({ type: 'under_way', requests: 1 });
    expect(written.stderr).toBe('');
    screen.onProgress({ done: 0, of: 9 });
    screen.onEvent({ type: 'rate_limited', waitMs: 9000, ratePerSecond: null });
    screen.onProgress({ done: 3, of: 9 });
    screen.onEvent({ type: 'warning', code: 'x', message: 'look at this' });
    expect(written.stderr).toMatch(/look at this/);
    screen.close();
    const afterwards = written.stderr;
    screen.say('still said');
    expect(written.stderr.slice(afterwards.length)).toMatch(/still said.*\n$/);
  });

  it.each([
    ['--no-progress', { isTTY: true }, { ...OPTIONS, progress: false }],
    ['no terminal', {}, OPTIONS],
  ] as const)('with %s is a log, with a line of progress now and then', async (_, given, options) => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(0);
    onTestFinished(() => now.mockRestore());
    const { screen, written } = await open(given, options);
    screen.onProgress({ done: 1, of: 1200 });
    now.mockReturnValue(5000);
    screen.onProgress({ done: 1000, of: 1200 });
    screen.close();
    expect(written.stderr.match(/ of 1,200 memories/g)).toHaveLength(1);
    expect(written.stderr).toContain('1,000 of 1,200 memories checked');
    expect(written.stderr).not.toMatch(/[█░]/);
  });
});

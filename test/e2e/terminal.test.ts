import { describe, expect, onTestFinished } from 'vitest';
import { test } from '../support/bench.js';
import { until } from '../support/cli.js';
import { csvOf, makeNotes } from '../support/notes.js';
import { hasTmux, openTerminal, tmuxOrSkipped } from '../support/terminal.js';

const NOTES = makeNotes({ count: 600, contacts: 150 });
const BAR = /[█░]|^\d+ under way|^waiting: |^stopping, /m;
/** All that is on the screen: a bar's two lines, the first one whole. */
const FRAME = /^(?:[█░]+ {1,4})?\d+ % {2}[\d,]+ rows {2}[\d.,]+\/s {2}ETA .*\n\d+ under way, none failed$/;

function rowsOf(frame: string): number {
  return Number(/([\d,]+) rows/.exec(frame)?.[1]?.replaceAll(',', '') ?? -1);
}

describe.skipIf(!hasTmux)(`on a terminal${tmuxOrSkipped}`, () => {
  test('a bar shows how far it is at any width, also resized in the middle, and nothing of it stays', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', csvOf(NOTES));
    // So slow that it doesn't end before it was looked at.
    const terminal = open(bench, 'memory-import import notes.csv --rate 10');
    let rows = -1;
    for (const columns of [80, 40, 200, 25, 80]) {
      terminal.resize(columns);
      // Until the command has noticed, the terminal shows the old frame, perhaps wrapped. Then nothing of that is left above the new one.
      const frame = columns < 40 ? /^\d+ % .*\n\d+ under way.*$/ : FRAME;
      let seen = '';
      await until(
        `a newer frame in ${columns} columns, instead of\n${terminal.screen()}\n`,
        () => {
          seen = terminal.screen();
          return frame.test(seen) && rowsOf(seen) > rows;
        },
        { intervalMs: 50 },
      );
      rows = rowsOf(seen);
      for (const line of seen.split('\n')) expect(line.length).toBeLessThan(columns);
    }
    expect(terminal.screen(true)).toContain('\u001b[');
    terminal.press('C-c');
    const interrupted = await terminal.ended();
    expect(interrupted.code).toBe(130);
    expect(interrupted.screen).not.toMatch(BAR);

    const rest = open(bench, 'NO_COLOR=1 memory-import import notes.csv --rate 10000');
    await rest.shows(FRAME);
    expect(rest.screen(true)).not.toContain('\u001b[');
    const { code, screen } = await rest.ended();
    expect(code).toBe(0);
    expect(screen).not.toMatch(BAR);
    expect(screen).toMatch(/^Done: 600 rows in /);
  });

  test('log lines stand whole above the bar, and the reason of a pause below it; Ctrl-C twice leaves nothing behind', async ({
    createBench,
  }) => {
    const bench = await createBench({ latencyMs: 10 });
    bench.write('notes.csv', csvOf(NOTES));
    const terminal = open(bench, 'memory-import import notes.csv --log-level info --give-up-after 1h', { columns: 110 });
    await terminal.shows(/[1-9]\d* rows/);
    bench.sandbox.setDown(true);
    const paused = await terminal.shows(/^waiting: The API/m);
    for (const line of paused.split('\n')) expect(line).toMatch(/^\[\d\d:\d\d:\d\d\] [A-Z]+: .|^[^[]/);
    const bar = paused.split('\n').slice(-3);
    expect(bar[0]).toMatch(/rows {2}.*ETA \?$/);
    expect(bar[1]).toMatch(/^0 under way|^\d+ under way/);
    terminal.press('C-c');
    const { code, screen } = await terminal.ended();
    expect(code).toBe(130);
    expect(screen).not.toMatch(BAR);
    expect(screen).toMatch(/^Interrupted; what was under way was finished\./m);
  });

  test('a second Ctrl-C ends at once, and takes the bar away', async ({ createBench }) => {
    const bench = await createBench({ answerWith: ({ method }) => (method === 'POST' ? 'hang' : undefined) });
    bench.write('notes.csv', csvOf(NOTES));
    const terminal = open(bench, 'memory-import import notes.csv --timeout 10m');
    // Before them the empty ledger is checked by lists, which are under way too.
    await until('sixteen creates that hang', () => (bench.sandbox.stats().byStatus.hang ?? 0) === 16);
    await terminal.shows(/16 under way/);
    terminal.press('C-c');
    await terminal.shows(/^stopping, finishing what is under way$/m);
    // What comes within a tenth of a second is the first one, passed on by npx: that is no second Ctrl-C.
    const seen = performance.now();
    await until('the end of that time', () => performance.now() - seen > 150);
    terminal.press('C-c');
    const { code, screen } = await terminal.ended();
    expect(code).toBe(130);
    expect(screen).not.toMatch(BAR);
  });

  test('verify and undo have a bar too, of memories; undo asks before it, and Ctrl-C leaves nothing of it behind', async ({
    createBench,
  }) => {
    const bench = await createBench();
    bench.write('notes.csv', csvOf(NOTES));
    const { summary } = await bench.import(['notes.csv']);
    const frame = /^(?:[█░]+ {1,4})?\d+ % {2}\d+ memories {2}[\d.,]+\/s {2}ETA .*\n\d+ under way$/m;
    const verify = open(bench, `memory-import verify ${summary.runId} --rate 10`);
    await verify.shows(frame);
    verify.press('C-c');
    const interrupted = await verify.ended();
    expect(interrupted).toMatchObject({ code: 130, screen: expect.not.stringMatching(BAR) });
    const undo = open(bench, `memory-import undo ${summary.runId} --rate 20`, { columns: 200 });
    expect(await undo.shows(/\[y\/N\]$/)).not.toMatch(BAR);
    undo.press('y', 'Enter');
    await undo.shows(frame);
    undo.press('C-c');
    const { code, screen } = await undo.ended();
    expect(code).toBe(130);
    expect(screen).not.toMatch(BAR);
    expect(screen).toMatch(/^ {2}left +\d+ {2}not come to$/m);
  });

  test('a large import into a host elsewhere is asked about first: no is exit 2, and yes goes on', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', csvOf(makeNotes({ count: 1001, contacts: 100 }).map((note) => ({ ...note, subOrg: 'so-7' }))));
    const line = 'memory-import import notes.csv --base-url https://callers.invalid --give-up-after 1s --timeout 1s';
    const refused = open(bench, line, { columns: 120 });
    await refused.shows(
      /^1,001 rows of notes\.csv would be sent to https:\/\/callers\.invalid\/\n\(sub organization so-7\)\. Import\? \[y\/N\]$/m,
    );
    refused.press('n', 'Enter');
    const no = await refused.ended();
    expect(no.code).toBe(2);
    expect(no.screen).toContain('memory-import: Not imported, since the answer was not yes. Nothing was sent.');
    expect(bench.files()).toEqual(['notes.csv']);

    const accepted = open(bench, line, { columns: 120 });
    await accepted.shows(/\[y\/N\]$/);
    accepted.press('y', 'Enter');
    const yes = await accepted.ended();
    expect(yes.code).toBe(3);
    expect(yes.screen).toMatch(/^Stopped: The API failed for everyone/m);
    const unasked = await open(bench, `${line} --yes`, { columns: 120 }).ended();
    expect(unasked).toMatchObject({ code: 3, screen: expect.not.stringContaining('[y/N]') });
  });

  test('what comes by a pipe is asked about on the terminal; Ctrl-C at the question is 130, and nothing was sent', async ({
    createBench,
  }) => {
    const bench = await createBench();
    bench.write('notes.csv', csvOf(NOTES));
    const terminal = open(bench, 'cat notes.csv | memory-import import - --base-url https://callers.invalid --json', { columns: 120 });
    await terminal.shows(/^An unknown number of rows of standard input would be sent to https:\/\/callers\.invalid\/\n.*\[y\/N\]$/m);
    terminal.press('C-c');
    const { code, screen } = await terminal.ended();
    expect(code).toBe(130);
    // One object, in as many lines as it takes on a terminal.
    expect(screen.replaceAll('\n', '')).toMatch(/\{"runId":"[^"]+","status":"interrupted","reasonCode":"signal".*"rows":0,.*\}code 130$/);
    expect(bench.files()).toEqual(['notes.csv']);
  });
});

function open(
  bench: { readonly folder: string; readonly sandbox: { readonly url: string } },
  line: string,
  given: { readonly env?: Record<string, string>; readonly columns?: number } = {},
) {
  const env = { CALLERS_API_KEY: 'sandbox-key', CALLERS_BASE_URL: bench.sandbox.url, ...given.env };
  return openTerminal(line, { cwd: bench.folder, ...given, env, whenOver: onTestFinished });
}

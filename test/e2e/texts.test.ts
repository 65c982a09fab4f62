import { describe, expect } from 'vitest';
import type { ScriptedRequest } from '../../src/sandbox/options.js';
import { type Bench, test } from '../support/bench.js';
import { until } from '../support/cli.js';
import { csvText } from '../support/notes.js';
import { expectConservation } from '../support/promises.js';
import { failureRows, successRows } from '../support/reports.js';

const SENTENCES = Array.from({ length: 500 }, (_, i) => `Sentence number ${i + 1} of a long note.`);
const LONG = SENTENCES.join(' ');
const SPLIT = ['--too-long', 'split'];

/** Name and text of what is there, in the order in which it came. */
const stored = (bench: Bench) =>
  bench.sandbox.memories().flatMap(({ name, text, status }) => (status === 'ACTUAL' ? [{ name, text }] : []));

/** Every part once, in order, and together the note. */
function expectWhole(bench: Bench, name: string): void {
  const parts = stored(bench).filter((memory) => memory.name.startsWith(name));
  expect(parts.map((part) => part.name)).toEqual(parts.map((_, i) => `${name} (${i + 1}/${parts.length})`));
  expect(parts.map(({ text }) => text).join(' ')).toBe(LONG);
}

const isPart = (number: number) => (request: ScriptedRequest) =>
  request.method === 'POST' && request.name?.includes(`(${number}/`) === true;

describe.concurrent('a note that is too long for one memory', () => {
  test('killed between its parts and run again is there whole, each part once, and is known, verified and undone as one', async ({
    createBench,
  }) => {
    let hangs = true;
    const second = isPart(2);
    const bench = await createBench({ answerWith: (request) => (hangs && second(request) ? 'hang-after' : undefined) });
    bench.write(
      'notes.csv',
      csvText([
        ['contactId', 'name', 'text'],
        ['C-1', 'Long', LONG],
        ['C-1', 'After', 'short'],
      ]),
    );
    const killed = bench.startImport(['notes.csv', ...SPLIT, '--timeout', '60s']);
    await until('the second part', () => bench.sandbox.memories().length === 2);
    killed.kill('SIGKILL');
    await killed.ended;
    hangs = false;

    const again = await bench.import(['notes.csv', ...SPLIT]);
    expect(again.code).toBe(0);
    expect(again.summary.counts).toMatchObject({ rows: 2, failed: 0 });
    expectWhole(bench, 'Long');
    expect(stored(bench).at(-1)?.name).toBe('After');
    expect(successRows(bench.folder, again)[0]?.memoryId?.split(' ')).toHaveLength(stored(bench).length - 1);

    const before = stored(bench).length;
    expect((await bench.import(['notes.csv', ...SPLIT])).summary.counts).toMatchObject({ alreadyImported: 2, created: 0 });
    expect((await bench.import(['notes.csv', '--too-long', 'truncate'])).summary.counts).toMatchObject({ alreadyImported: 2, created: 0 });
    expect(stored(bench)).toHaveLength(before);

    // Each run undoes what it made: of this note the killed one's first part, and then the next import makes it whole again.
    const [{ runId = '' } = {}] = JSON.parse((await bench.run(['runs', '--json'])).stdout).runs.toReversed();
    const undone = await bench.run(['undo', runId, '--yes', '--json']);
    expect(undone.code).toBe(0);
    expect(bench.read(JSON.parse(undone.stdout).files.undo)).toMatch(
      /deleted,"?by its name one of 4 parts, of which this run has 1: what another run made/,
    );
    expect(stored(bench)).toHaveLength(before - 1);
    const plan = JSON.parse((await bench.run(['plan', 'notes.csv', ...SPLIT, '--json'])).stdout);
    expect(plan).toMatchObject({ counts: { toCreate: 1, alreadyImported: 1 }, memories: 1 });
    const mended = await bench.import(['notes.csv', ...SPLIT]);
    expect(mended.summary.counts).toMatchObject({ created: 1, alreadyImported: 1 });
    const whole = successRows(bench.folder, mended).find(({ name }) => name === 'Long');
    expect(whole?.memoryId?.split(' ')).toHaveLength(before - 1);
    expect(stored(bench).map(({ name }) => name)).toContain('Long (1/4)');
    expect((await bench.import(['notes.csv', ...SPLIT])).summary.counts).toMatchObject({ alreadyImported: 2, created: 0 });
  });

  test('is verified part by part, and undone with all of them', async ({ createBench }) => {
    const bench = await createBench();
    bench.write(
      'notes.csv',
      csvText([
        ['contactId', 'name', 'text'],
        ['C-1', 'Long', LONG],
      ]),
    );
    const { runId } = (await bench.import(['notes.csv', ...SPLIT])).summary;
    const count = stored(bench).length;
    expect(count).toBeGreaterThan(2);
    const verified = await bench.run(['verify', runId, '--json']);
    expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true, counts: { checked: count, match: count } });
    expect((await bench.run(['undo', runId, '--yes'])).code).toBe(0);
    expect(stored(bench)).toEqual([]);
    expect((await bench.import(['notes.csv', ...SPLIT])).summary.counts).toMatchObject({ created: 1 });
    expectWhole(bench, 'Long');
  });

  test('refused in one of its parts goes on there from failures.csv, and report writes the same files again', async ({ createBench }) => {
    let refuses = true;
    const second = isPart(2);
    const refusal = { status: 400, body: { status: 'error', message: 'Not yet' } };
    const bench = await createBench({ answerWith: (request) => (refuses && second(request) ? refusal : undefined) });
    bench.write(
      'notes.csv',
      csvText([
        ['contactId', 'Body', 'Day', 'Gone'],
        ['C-1', `<p>${LONG}</p>`, 'Monday', ''],
        ['C-1', 'x', 'Tuesday', '1'],
      ]),
    );
    const options = ['--map', 'text=Body', '--set', 'name=Note of {day}', '--html', 'text', '--filter', 'Gone!=1', ...SPLIT];
    const failed = await bench.import(['notes.csv', ...options]);
    expect(failed.summary.counts).toMatchObject({ rows: 2, filtered: 1, failures: { badRequest: 1 } });
    expect(failureRows(bench.folder, failed)).toMatchObject([{ Body: `<p>${LONG}</p>`, _message: 'part 2 of 4: Not yet' }]);
    const { failures = '' } = failed.summary.files;
    const written = bench.read(failures);
    expect((await bench.run(['report', failed.summary.runId])).code).toBe(0);
    expect(bench.read(failures)).toBe(written);

    refuses = false;
    expect((await bench.import([failures, ...options])).summary.counts).toMatchObject({ rows: 1, created: 1 });
    expectWhole(bench, 'Note of Monday');
    expect((await bench.import(['notes.csv', ...options])).summary.counts).toMatchObject({ alreadyImported: 1, filtered: 1 });
  });
});

describe.concurrent('an export as it comes', () => {
  const ROWS = [
    ['Contact ID', 'Note body', 'Create Date', 'Is Deleted', 'Owner'],
    ['C-1', '<p>Hello <b>Kim</b> &amp; all</p><ul><li>one</li></ul>', '2026-11-20 10:00', '0', 'Ann'],
    ['C-1', 'plain, a < b', '20/11/2026', 'FALSE', ''],
    ['C-1', '<p>deleted</p>', '2026-11-21', '1', 'Ann'],
    ['C-1', '<p>old</p>', '2026-10-01', '0', 'Ann'],
    ['C-1', '<img src="data:image/png;base64,AAAA">', '2026-11-22', '0', 'Ann'],
  ];
  const CONFIG = {
    map: { text: 'Note body' },
    set: { name: 'Note of {create date} {owner}' },
    html: 'text',
    tooLong: 'split',
    filter: ['Is Deleted!=1'],
    since: 'Create Date=2026-11-01',
  };

  test('is sent as a reader would read it, without the rows that were left out, and plan says so before', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', csvText(ROWS));
    bench.write('job.json', JSON.stringify(CONFIG));
    const plan = JSON.parse((await bench.run(['plan', 'notes.csv', '--config', 'job.json', '--json'])).stdout);
    expect(plan).toMatchObject({ counts: { rows: 5, toCreate: 2, filtered: 2, failed: 1 }, memories: 2, undated: 1 });
    const run = await bench.import(['notes.csv', '--config', 'job.json', '--log-level', 'warn']);
    expectConservation(run.summary);
    expect(run.summary.counts).toMatchObject({ rows: 5, created: 2, filtered: 2, failures: { invalid: 1 } });
    expect(run.stderr).toContain('1 row has no date in \\"Create Date\\" that --since can read');
    expect(stored(bench)).toEqual([
      { name: 'Note of 2026-11-20 10:00 Ann', text: 'Hello Kim & all\n\n- one' },
      { name: 'Note of 20/11/2026', text: 'plain, a < b' },
    ]);
    // Known whatever the options are: what the note is stands in the file.
    const keep = { ...CONFIG, html: 'keep', set: { name: 'Other' }, filter: { Owner: 'ANN' } };
    bench.write('keep.json', JSON.stringify(keep));
    const again = await bench.import(['notes.csv', '--config', 'keep.json', '--limit', '2']);
    expect(again.summary.counts).toMatchObject({ rows: 2, alreadyImported: 1, filtered: 1, created: 0 });
  });

  test('names the same options in the command that goes on, and takes no failed row for too old then', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', csvText(ROWS));
    const options = [
      '--map',
      'text=Note body',
      '--set',
      'name=On {Create Date}',
      '--html',
      'text',
      '--too-long',
      'split',
      '--filter',
      'Is Deleted=0',
    ];
    const run = await bench.run(['import', 'notes.csv', ...options, '--since', 'Create Date=2026-11-22']);
    expect(run.stdout).toContain(
      "/failures.csv --map 'text=Note body' --set 'name=On {Create Date}' --html text --too-long split --filter 'Is Deleted=0' --since 'Create Date=2026-11-22'",
    );
    const failures = /import (\S+failures\.csv)/.exec(run.stdout)?.[1] ?? '';
    bench.write('mended.csv', bench.read(failures).replace(/"<img.*?>"/, 'mended'));
    const mended = await bench.import(['mended.csv', ...options, '--since', 'Create Date=2026-12-24']);
    expect(mended.summary.counts).toMatchObject({ rows: 1, created: 1 });
  });

  test('isn’t begun where an option names a column that isn’t there', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', csvText(ROWS));
    const run = await bench.run(['import', 'notes.csv', '--map', 'text=Note body', '--set', 'name={Creat Date}', '--filter', 'Deleted=1']);
    expect(run.code).toBe(2);
    expect(run.stderr).toContain("{Creat Date} names a column that isn't there; did you mean {Create Date}?");
    expect(run.stderr).toContain('--filter "Deleted" names a column that isn\'t there; did you mean --filter "Is Deleted"?');
    expect(bench.sandbox.requests()).toEqual([]);
  });
});

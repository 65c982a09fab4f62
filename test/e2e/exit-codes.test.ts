import { describe, expect } from 'vitest';
import { test } from '../support/bench.js';
import type { CliResult } from '../support/cli.js';
import { csvOf, makeNotes } from '../support/notes.js';

const NOTES = makeNotes({ count: 10, contacts: 5 });
const GOOD = csvOf(NOTES);

describe.concurrent('exit 2: it could not start, nothing was sent, stdout is empty, stderr says why in words', () => {
  const cases: readonly { name: string; args: readonly string[]; env?: Record<string, string>; says: RegExp }[] = [
    { name: 'an unknown option, with the near one named', args: ['notes.csv', '--concurency', '3'], says: /--concurrency/ },
    { name: '--concurrency 0', args: ['notes.csv', '--concurrency', '0'], says: /--concurrency/ },
    { name: '--concurrency many', args: ['notes.csv', '--concurrency', 'many'], says: /--concurrency/ },
    {
      name: 'several bad options, all of them at once',
      args: ['notes.csv', '--retries', '-1', '--timeout', 'soon'],
      says: /--retries[\s\S]*--timeout/,
    },
    { name: 'no key', args: ['notes.csv'], env: { CALLERS_API_KEY: '' }, says: /CALLERS_API_KEY/ },
    { name: 'plain http to another machine', args: ['notes.csv', '--base-url', 'http://callers.example'], says: /https/ },
    { name: 'a base URL that is none', args: ['notes.csv', '--base-url', 'callers'], says: /--base-url/ },
    { name: 'an empty input', args: ['empty.csv'], says: /empty\.csv/ },
    { name: 'an input that is not there', args: ['nowhere.csv'], says: /nowhere\.csv/ },
    { name: 'a good input and one that is not there', args: ['notes.csv', 'nowhere.csv'], says: /nowhere\.csv/ },
    { name: 'no input', args: [], says: /input/ },
    { name: 'a missing column', args: ['no-text.csv'], says: /text/ },
    { name: 'two columns that could both be meant', args: ['ambiguous.csv'], says: /--map/ },
    { name: 'a spreadsheet instead of a CSV file', args: ['book.csv'], says: /CSV/ },
    {
      name: 'a Postgres that can\u2019t be reached, without showing its password',
      args: ['notes.csv', '--ledger', 'postgres://me:hunter2@127.0.0.1:1/x'],
      says: /postgres:\/\/me@127\.0\.0\.1:1\/x can't be used/,
    },
    { name: 'a ledger that is no ledger', args: ['notes.csv', '--ledger', 'notes.csv'], says: /notes\.csv/ },
    { name: 'an unknown command, with the near one named', args: [], says: /import/ },
  ];
  for (const { name, args, env, says } of cases) {
    for (const json of name === 'no key' || name === 'an empty input' ? [[], ['--json']] : [['--json']]) {
      test([name, ...json].join(' '), async ({ createBench }) => {
        const bench = await createBench();
        bench.write('notes.csv', GOOD);
        bench.write('empty.csv', '');
        bench.write('no-text.csv', 'contactId,name\nC-1,Call\n');
        bench.write('ambiguous.csv', 'contactId,name,text,note\nC-1,Call,One,Two\n');
        bench.write('book.csv', Buffer.from('504b0304140006000800000021000000', 'hex'));
        const command = name.startsWith('an unknown command') ? 'improt' : 'import';
        const result = await bench.run([command, ...args, ...json], env === undefined ? {} : { env });
        expect(result.stderr).toMatch(says);
        expect({ code: result.code, stdout: result.stdout }).toEqual({ code: 2, stdout: '' });
        expectWords(result);
        expect(result.stderr).not.toContain('hunter2');
        expect(bench.sandbox.stats().requests).toBe(0);
        // The command left its input alone.
        expect(bench.read('notes.csv')).toBe(GOOD);
      });
    }
  }
});

describe.concurrent('--json: exactly one JSON object on stdout', () => {
  test('exit 0, and the same in summary.json', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', GOOD);
    const result = await bench.import(['notes.csv']);
    expect(result.code).toBe(0);
    expect(result.summary).toMatchObject({ status: 'completed', reasonCode: null, reason: null, continues: true, inputs: ['notes.csv'] });
    const path = bench.files().find((file) => file.endsWith('summary.json'));
    expect(JSON.parse(bench.read(path ?? ''))).toEqual(result.summary);
    expectWords(result);
  });

  test('exit 0 for a file with a header and no rows', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', 'contactId,name,text\n');
    const result = await bench.import(['notes.csv']);
    expect(result.code).toBe(0);
    expect(result.summary).toMatchObject({ status: 'completed', counts: { rows: 0, failed: 0 } });
    expect(bench.sandbox.stats().requests).toBe(0);
  });

  test('exit 1 where some rows failed', async ({ createBench }) => {
    const bench = await createBench({ missing: [NOTES[0]!.contactId] });
    bench.write('notes.csv', GOOD);
    const result = await bench.import(['notes.csv']);
    expect(result.code).toBe(1);
    expect(result.summary.status).toBe('completed_with_failures');
    expectWords(result);
  });

  test('exit 3 where it stopped by itself', async ({ createBench }) => {
    const bench = await createBench({ apiKey: 'another' });
    bench.write('notes.csv', GOOD);
    const result = await bench.import(['notes.csv']);
    expect(result.code).toBe(3);
    expect(result.summary).toMatchObject({ status: 'stopped', reasonCode: 'key_refused', continues: false });
    expectWords(result);
  });
});

describe.concurrent('without --json', () => {
  test('the last word says what happened, what failed and why, which file, which command next', async ({ createBench }) => {
    const bench = await createBench({ missing: [NOTES[0]!.contactId] });
    bench.write('notes.csv', GOOD);
    const result = await bench.run(['import', 'notes.csv', '--concurrency', '3']);
    expect(result.code).toBe(1);
    expect(result.stdout).toMatch(/of 10 rows failed/);
    expect(result.stdout).toMatch(/not_found +\d/);
    const path = bench.files().find((file) => file.endsWith('failures.csv')) ?? 'no failures.csv';
    expect(result.stdout).toContain(`memory-import import ${path} --concurrency 3`);
    expectWords(result);
  });

  test('each command has its help on stdout, with examples', async ({ createBench }) => {
    const bench = await createBench();
    const program = await bench.run(['--help']);
    const commands = [...program.stdout.matchAll(/^ {2}([a-z]+) .*\[options\]/gm)].map(([, name]) => String(name));
    expect(commands.length).toBeGreaterThan(8);
    for (const command of commands) {
      const result = await bench.run([command, '--help']);
      expect(result.code).toBe(0);
      expect(result.stdout).toContain(`memory-import ${command}`);
      expect(result.stderr).toBe('');
    }
  });
});

/** No stack trace, and no bug. */
function expectWords({ stderr }: CliResult): void {
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stderr).not.toContain('unexpected error');
}

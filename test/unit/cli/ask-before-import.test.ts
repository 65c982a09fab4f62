import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { askBeforeImport, questionOf } from '../../../src/cli/ask-before-import.js';
import type { Io } from '../../../src/cli/io.js';
import type { LargeImport } from '../../../src/model-plan.js';
import { fakeIo } from './fake-io.js';

const LARGE: LargeImport = {
  baseUrl: 'https://api.callers.ai/',
  inputs: ['notes.csv'],
  rows: { count: 48_312, precision: 'about' },
  seen: 1203,
  subOrgs: ['so-1', 'so-2', 'so-3', 'so-4', 'so-5', null],
};

describe('the question before a large import', () => {
  it('has host, rows and sub organizations', () => {
    expect(questionOf(LARGE)).toBe(
      'About 48,000 rows of notes.csv would be sent to https://api.callers.ai/\n' +
        '(sub organizations so-1, so-2, so-3, 2 more and rows of none, by the first 1,203 rows). Import?',
    );
  });

  it.each<[Partial<LargeImport>, RegExp]>([
    [{ rows: { count: 1234, precision: 'exact' }, subOrgs: ['so-1'] }, /^1,234 rows of .*\n\(sub organization so-1\)\. Import\?$/],
    [{ rows: { count: 1536, precision: 'about' }, subOrgs: [null] }, /^About 1,500 rows .*\n\(no sub organization, by the first/],
    [
      { rows: null, inputs: ['-'], subOrgs: [] },
      /^An unknown number of rows of standard input .*\n\(sub organizations as the rows name them\)/,
    ],
    [{ inputs: ['a.csv', 'b.csv', 'c.csv'] }, /of 3 files would/],
    [{ inputs: ['a\u001b[2J.csv', 'b.csv'] }, /of a\[2J\.csv and b\.csv would/],
  ])('says what is known of %j', (more, text) => {
    expect(questionOf({ ...LARGE, ...more })).toMatch(text);
  });

  /** @param typed what the person at the terminal types; without one there is nobody */
  async function asked(large: LargeImport, { stdin, typed }: { stdin: 'terminal' | 'pipe'; typed?: string }) {
    const { io, written } = fakeIo({ isTTY: typed !== undefined });
    const terminal = () => {
      const stream = Object.assign(new PassThrough(), { isTTY: true });
      if (typed !== undefined) stream.write(typed);
      return stream;
    };
    const opened: PassThrough[] = [];
    const given: Pick<Io, 'stdin' | 'stderr' | 'openTerminal'> = {
      stderr: io.stderr,
      stdin: stdin === 'terminal' ? terminal() : io.stdin,
      openTerminal() {
        if (typed === undefined) return null;
        opened.push(terminal());
        return opened[0] ?? null;
      },
    };
    return { yes: await askBeforeImport(given)(large), question: written.stderr, opened };
  }

  it('is answered at the terminal, and no answer is a no', async () => {
    expect(await asked(LARGE, { stdin: 'terminal', typed: 'y\n' })).toMatchObject({
      yes: true,
      question: expect.stringContaining('48,000'),
    });
    expect((await asked(LARGE, { stdin: 'terminal', typed: '\n' })).yes).toBe(false);
  });

  it('is not asked where nobody is', async () => {
    expect(await asked(LARGE, { stdin: 'pipe' })).toMatchObject({ yes: true, question: '' });
    expect(await asked({ ...LARGE, inputs: ['-'] }, { stdin: 'pipe' })).toMatchObject({ yes: true, question: '' });
    // The output of a job that has a terminal, and no keyboard.
    expect(await asked(LARGE, { stdin: 'pipe', typed: 'n\n' })).toMatchObject({ yes: true, question: '' });
  });

  it('is asked on the terminal itself where the notes come by a pipe, and lets go of it', async () => {
    const no = await asked({ ...LARGE, inputs: ['-'] }, { stdin: 'pipe', typed: 'no\n' });
    expect(no).toMatchObject({ yes: false, question: expect.stringContaining('[y/N]') });
    expect(no.opened[0]?.destroyed).toBe(true);
  });

  it('is not asked where the notes are typed, since an answer would be one of them', async () => {
    expect(await asked({ ...LARGE, inputs: ['-'] }, { stdin: 'terminal', typed: 'n\n' })).toMatchObject({ yes: true, question: '' });
  });
});

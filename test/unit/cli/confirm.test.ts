import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { canAsk, confirm } from '../../../src/cli/confirm.js';

/** A terminal: what is typed goes into `stdin`, what is shown comes out of `shown()`. */
function terminal({ stdin: stdinIsTTY = true, stderr: stderrIsTTY = true } = {}) {
  const stdin = Object.assign(new PassThrough(), { isTTY: stdinIsTTY });
  const written = new PassThrough();
  const stderr = Object.assign(written, { isTTY: stderrIsTTY, columns: 80, rows: 24 });
  let shown = '';
  written.on('data', (chunk) => {
    shown += String(chunk);
  });
  return { io: { stdin, stderr: stderr as never }, type: (text: string) => stdin.write(text), end: () => stdin.end(), shown: () => shown };
}

describe('a question on the terminal', () => {
  for (const [typed, isYes] of [
    ['y\n', true],
    ['YES\r\n', true],
    [' yes \n', true],
    ['\n', false],
    ['n\n', false],
    ['yes please\n', false],
    ['n\ny\n', false],
  ] as const) {
    test(`${JSON.stringify(typed)} is a ${isYes ? 'yes' : 'no'}`, async () => {
      const { io, type, shown } = terminal();
      const answer = confirm(io, 'Delete 12 memories?');
      type(typed);
      expect(await answer).toBe(isYes);
      expect(shown()).toBe('Delete 12 memories? [y/N] ');
    });
  }

  test('an answer that comes in pieces is waited for, to the end of its line', async () => {
    const { io, type } = terminal();
    const answer = confirm(io, 'Go on?');
    type('y');
    await new Promise(setImmediate);
    type('es\n');
    expect(await answer).toBe(true);
  });

  test('the end of the input (Ctrl-D) is a no, and ends the line', async () => {
    const { io, end, shown } = terminal();
    const answer = confirm(io, 'Go on?');
    end();
    expect(await answer).toBe(false);
    expect(shown()).toBe('Go on? [y/N] \n');
  });

  test('a stop (Ctrl-C) is a no, also one that came before; nothing listens afterwards', async () => {
    const { io, shown } = terminal();
    const controller = new AbortController();
    const answer = confirm(io, 'Go on?', controller.signal);
    controller.abort();
    expect(await answer).toBe(false);
    expect(await confirm(io, 'And now?', controller.signal)).toBe(false);
    expect(shown()).toBe('Go on? [y/N] \n');
    expect(['data', 'end', 'error'].map((name) => io.stdin.listenerCount(name))).toEqual([0, expect.any(Number), 0]);
  });

  test.each([{ stdin: false }, { stderr: false }])('with %o no terminal nobody is asked, and the answer is no', async (which) => {
    const { io, type, shown } = terminal(which);
    type('y\n');
    expect(canAsk(io)).toBe(false);
    expect(await confirm(io, 'Go on?')).toBe(false);
    expect(shown()).toBe('');
  });
});

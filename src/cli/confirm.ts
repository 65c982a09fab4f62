import type { Io } from './io.js';

/**
 * Asks a question on the terminal, once. Only `y` and `yes` are a yes: an empty answer, anything else, the end of the input (Ctrl-D) and a
 * stop (Ctrl-C) are a no. Where nobody can be asked nothing is written, and the answer is no; see `canAsk`.
 *
 * @param question without the choice of answers: `Delete 12 memories?`
 * @param stopped a drain's signal. Without one a Ctrl-C does what it did before the question.
 */
export function confirm(io: Pick<Io, 'stdin' | 'stderr'>, question: string, stopped?: AbortSignal): Promise<boolean> {
  const { stdin, stderr } = io;
  if (!canAsk(io) || stopped?.aborted === true) return Promise.resolve(false);
  return new Promise((resolve) => {
    let typed = '';
    const answer = (isYes: boolean): void => {
      stdin.off('data', onData).off('end', onEnd).off('error', onEnd).pause();
      stopped?.removeEventListener('abort', onEnd);
      resolve(isYes);
    };
    const onData = (chunk: unknown): void => {
      typed += String(chunk);
      const end = typed.search(/[\r\n]/);
      // What was typed ahead, behind the line, answers nothing.
      if (end >= 0) answer(/^y(es)?$/i.test(typed.slice(0, end).trim()));
    };
    const onEnd = (): void => {
      // The cursor stands behind the question: what is said next begins a line of its own.
      stderr.write('\n');
      answer(false);
    };
    stdin.on('data', onData).once('end', onEnd).once('error', onEnd);
    stopped?.addEventListener('abort', onEnd, { once: true });
    stderr.write(`${question} [y/N] `);
    stdin.resume();
  });
}

/** Whether there is somebody who sees the question and can type an answer: both standard input and stderr are a terminal. */
export function canAsk({ stdin, stderr }: Pick<Io, 'stdin' | 'stderr'>): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { CliOptions, CliResult } from './cli.js';
import { resultOf } from './cli.js';

const SCRIPT = fileURLToPath(new URL('warm-child.mjs', import.meta.url));
/** All that reaches a command through its `io`; other variables are Node's or the system's, and need a process of their own. */
const OURS = /^(?:CALLERS_|MEMORY_IMPORT_|NO_COLOR$)/;

/** Those with nothing to do. As many as calls were ever under way at once; they end with this process. */
const idle: ChildProcess[] = [];

/** Whether nothing about the call needs a process of its own: signals, variables that Node reads, a standard input that stays open. */
export function canRunWarm({ env = {}, stdin }: CliOptions): boolean {
  return stdin !== 'open' && Object.keys(env).every((name) => OURS.test(name));
}

/**
 * The built command, as `main.ts` calls it, in a process that has run it before: starting Node and loading everything anew takes longer than
 * most imports of the tests.
 * @param whenOver takes what ends the call, if it is still under way
 */
export function runWarm(
  args: readonly string[],
  { cwd = process.cwd(), env = {}, stdin = '' }: CliOptions,
  whenOver: (clean: () => void) => void,
): Promise<CliResult> {
  const child = idle.pop() ?? startWarm();
  child.ref();
  child.channel?.ref();
  return new Promise((resolve, reject) => {
    const ended = (code: number | null, signal: NodeJS.Signals | null): void =>
      reject(new Error(`the process of memory-import ${args.join(' ')} ended (${signal ?? code})`));
    child.once('exit', ended);
    whenOver(() => {
      if (child.listeners('exit').includes(ended)) child.kill('SIGKILL');
    });
    child.once('message', (answer: { readonly code: number; readonly stdout: string; readonly stderr: string }) => {
      child.off('exit', ended);
      child.unref();
      child.channel?.unref();
      idle.push(child);
      resolve(resultOf({ signal: null, ...answer }));
    });
    child.send({ args, cwd, env, stdin: Buffer.from(stdin) });
  });
}

function startWarm(): ChildProcess {
  // Its own stdout and stderr are for what isn't the command's: a warning, a crash.
  return fork(SCRIPT, {
    env: { PATH: process.env.PATH ?? '' },
    execArgv: [],
    serialization: 'advanced',
  });
}
